"""A picture stored turned or mirrored, seen upright (orientations 2..8 of TIFF and Exif)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.slides.protocol import UInt8
from napari_histoclust.core.slides.tiled.holes import Holes
from napari_histoclust.core.slides.tiled.tiles import TiledSlide

_TILE_PX = 512
# For each orientation: are rows and columns swapped, then what is counted from the far end of the stored
# picture: its rows, its columns (TIFF 6.0, tag 274).
_TURNS: dict[int, tuple[bool, bool, bool]] = {
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, True, False),
    7: (True, True, True),
    8: (True, False, True),
}


@dataclass(frozen=True, eq=False)
class UprightLevel:
    """A level of a stored slide, turned. See `TileLevel`.

    Parameters
    ----------
    stored : TiledSlide
        The picture as it lies in the file.
    level : int
        Which level of it.
    orientation : int
        2..8.
    """

    stored: TiledSlide
    level: int
    orientation: int

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in px, upright."""
        height, width = self.stored.shapes[self.level]
        return (width, height) if _TURNS[self.orientation][0] else (height, width)

    @property
    def tile(self) -> tuple[int, int]:
        """512 px a side: the stored tiles are counted from another corner."""
        return _TILE_PX, _TILE_PX

    def decode(self, row: int, col: int) -> UInt8:
        """Return the pixels of one tile, cut at the picture's edge."""
        place = row * _TILE_PX, col * _TILE_PX
        size = tuple(min(_TILE_PX, side - start) for side, start in zip(self.shape, place, strict=True))
        swapped, *far = _TURNS[self.orientation]
        if swapped:
            place, size = place[::-1], size[::-1]
        starts = [
            whole - start - length if from_end else start
            for whole, start, length, from_end in zip(
                self.stored.shapes[self.level], place, size, far, strict=True
            )
        ]
        window = self.stored.read(self.level, starts[0], starts[1], size[0], size[1])
        window = window[:: -1 if far[0] else 1, :: -1 if far[1] else 1]
        return np.ascontiguousarray(window.transpose(1, 0, 2) if swapped else window)


class UprightSlide(TiledSlide):
    """A `Slide` whose file holds it turned, with the holes of the file."""

    holes: Holes
    orientation: int

    def valid(self, shape: tuple[int, int], downsample: float) -> NDArray[np.bool_] | None:
        """Mark where there is no hole; see `Holes.valid`."""
        swapped, *far = _TURNS[self.orientation]
        mask = self.holes.valid(shape[::-1] if swapped else shape, downsample)
        if mask is None:
            return None
        mask = mask[:: -1 if far[0] else 1, :: -1 if far[1] else 1]
        return mask.T if swapped else mask


def upright(stored: TiledSlide, orientation: int, holes: Holes) -> TiledSlide:
    """Return the slide turned upright; the slide itself where it is upright already."""
    if orientation not in _TURNS:
        return stored
    levels = [UprightLevel(stored, level, orientation) for level in range(len(stored.shapes))]
    turned = UprightSlide(stored.path, stored.name, levels, stored.um_per_px, stored.reader, stored.warnings)
    turned.holes, turned.orientation = holes, orientation
    return turned
