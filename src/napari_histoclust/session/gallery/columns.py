"""The columns of the gallery: what is written on each, and where they lie.

The places are numbers only: a gallery of a million columns is as cheap as one of ten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.figures.montage import confidence_text

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.session import Palette

GAP = 4
BAR = 5
"""Height of the strip in the cluster's colour."""


class Columns:
    """One column a patch.

    Parameters
    ----------
    run : Run
        The labelled patches.
    palette : Palette
        Names and colours of their clusters, as they are when they are asked for.
    stains : tuple of str
        Headings of the rows.
    ids : (n,) patch ids
        In the order in which they are shown.
    """

    def __init__(self, run: Run, palette: Palette, stains: tuple[str, ...], ids: NDArray[np.intp]) -> None:
        self._run = run
        self._palette = palette
        self.stains = stains
        self.ids = ids

    def __len__(self) -> int:
        return len(self.ids)

    def patch(self, column: int) -> int:
        """Return the patch of a column."""
        return int(self.ids[column])

    def column(self, patch: int | None) -> int | None:
        """Return the column of a patch, None if it is not shown."""
        found = np.flatnonzero(self.ids == (-1 if patch is None else patch))
        return int(found[0]) if len(found) else None

    def cluster(self, patch: int) -> int:
        """Return the id under which the patch's cluster is shown."""
        return int(self._palette.shown_labels[patch])

    def colour(self, patch: int) -> str:
        """Return the colour of the patch's cluster, "#rrggbb"."""
        return self._palette.state.colours[self.cluster(patch) - 1]

    def caption(self, patch: int) -> tuple[str, str]:
        """Return number and confidence."""
        state = self._palette.state
        confidence = (state.confidence if state.k else self._run.confidence)[patch]
        return str(patch), confidence_text(float(confidence))

    def tip(self, patch: int, stain: str | None) -> str:
        """Describe a patch in full."""
        number, confidence = self.caption(patch)
        name = self._palette.state.names[self.cluster(patch) - 1]
        slides = self._run.slides
        lines = [f"Patch {number}", name, f"Confidence {confidence}"]
        if len(slides) > 1:
            lines.insert(1, slides[int(self._run.slide_index[patch])])
        return "\n".join(lines if stain is None else [*lines, stain])


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
