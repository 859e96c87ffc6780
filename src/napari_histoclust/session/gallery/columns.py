"""What the gallery shows: which patches, and what is written on each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.figures.montage import confidence_text

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.session import Palette


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
        return str(patch), confidence_text(float(self._run.confidence[patch]))

    def tip(self, patch: int, stain: str | None) -> str:
        """Describe a patch in full."""
        number, confidence = self.caption(patch)
        name = self._palette.state.names[self.cluster(patch) - 1]
        slides = self._run.slides
        lines = [f"Patch {number}", name, f"Confidence {confidence}"]
        if len(slides) > 1:
            lines.insert(1, slides[int(self._run.slide_index[patch])])
        return "\n".join(lines if stain is None else [*lines, stain])
