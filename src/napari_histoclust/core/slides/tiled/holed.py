"""A slide of tiles that knows its holes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.slides.tiled.holes import Holes
from napari_histoclust.core.slides.tiled.tiles import TiledSlide


class HoledSlide(TiledSlide):
    """A `Slide` of tiles, with the holes found in it so far.

    Attributes
    ----------
    holes : Holes
        Shared with its levels, which add to them.
    """

    holes: Holes

    def valid(self, shape: tuple[int, int], downsample: float) -> NDArray[np.bool_] | None:
        """Mark where there is no hole; see `Holes.valid`."""
        return self.holes.valid(shape, downsample)
