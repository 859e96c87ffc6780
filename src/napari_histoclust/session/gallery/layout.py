"""Where the columns lie. Numbers only: a gallery of a million columns is as cheap as one of ten."""

from __future__ import annotations

from dataclasses import dataclass

GAP = 4
BAR = 5
"""Height of the strip in the cluster's colour."""


@dataclass(frozen=True)
class GalleryLayout:
    """Columns beside each other, rows of stains, headings left and captions above that stay in sight.

    All in px as Qt counts them, which on a fine screen are several px of the screen.

    Parameters
    ----------
    columns, stains : int
        How many there are.
    side : float
        Side of a thumbnail.
    left, top : int
        Width of the headings, height of the captions with the coloured strip.
    """

    columns: int
    stains: int
    side: float
    left: int
    top: int

    @property
    def pitch(self) -> float:
        """Distance of two columns."""
        return self.side + GAP

    @property
    def width(self) -> int:
        """Width of all columns."""
        return int(self.columns * self.pitch) + GAP

    @property
    def height(self) -> int:
        """Height of all rows."""
        return int(self.stains * self.pitch) + GAP

    def x(self, column: int) -> float:
        """Left side of a column, from where the first one begins."""
        return GAP + column * self.pitch

    def y(self, stain: int) -> float:
        """Upper side of a row, from where the first one begins."""
        return GAP + stain * self.pitch

    def column_at(self, x: float) -> int | None:
        """Return the column that lies there."""
        column = int((x - GAP / 2) // self.pitch)
        return column if 0 <= column < self.columns else None

    def within(self, start: float, stop: float) -> range:
        """Return the columns of which anything lies between two places."""
        first = max(0, int((start - GAP) // self.pitch))
        last = min(self.columns, int((stop - GAP) // self.pitch) + 1)
        return range(first, max(first, last))


def groups(columns: int, seen: range, size: int) -> list[range]:
    """Return the groups of columns to be read: those in sight first, then those a sight's width around.

    The groups lie fixed, `size` columns each from the first one on, so that a small scroll asks for the same
    ones again.
    """
    margin = max(len(seen), size)
    first, last = seen.start // size, -(-seen.stop // size)
    ahead = range(last, -(-min(columns, seen.stop + margin) // size))
    behind = range(max(0, seen.start - margin) // size, first)
    wanted = [*range(first, last), *ahead, *reversed(behind)]
    return [range(group * size, min(columns, (group + 1) * size)) for group in wanted]
