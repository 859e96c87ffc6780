"""Pictures stored turned or mirrored, seen upright (orientations of TIFF and Exif)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.slides.protocol import Slide, UInt8

T = TypeVar("T", bound=np.generic)

_TILE_PX = 512


@dataclass(frozen=True)
class Orientation:
    """How a picture lies in its file.

    Parameters
    ----------
    swapped : bool
        Whether the rows of the file are columns of the picture.
    flipped : (bool, bool)
        Whether the rows, and the columns, of the file are counted from the far end.
    """

    swapped: bool = False
    flipped: tuple[bool, bool] = (False, False)

    def size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return (height, width) in the file as upright ones, or the other way round."""
        return (size[1], size[0]) if self.swapped else size

    def upright(self, stored: NDArray[T]) -> NDArray[T]:
        """Return a stored (h, w, ...) picture upright."""
        turned = stored[:: -1 if self.flipped[0] else 1, :: -1 if self.flipped[1] else 1]
        return turned.swapaxes(0, 1) if self.swapped else turned


UPRIGHT = Orientation()
# By TIFF 6.0, tag 274.
ORIENTATIONS = {
    1: UPRIGHT,
    2: Orientation(False, (False, True)),
    3: Orientation(False, (True, True)),
    4: Orientation(False, (True, False)),
    5: Orientation(True, (False, False)),
    6: Orientation(True, (True, False)),
    7: Orientation(True, (True, True)),
    8: Orientation(True, (False, True)),
}


@dataclass(frozen=True, eq=False)
class OrientedLevel:
    """A level of a slide, turned upright. See `TileLevel`.

    Parameters
    ----------
    stored : Slide
        The picture as it lies in the file.
    level : int
        Which level of it.
    orientation : Orientation
    """

    stored: Slide
    level: int
    orientation: Orientation

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in px, upright."""
        return self.orientation.size(self.stored.shapes[self.level])

    @property
    def tile(self) -> tuple[int, int]:
        """512 px a side: the stored tiles are counted from another corner."""
        return _TILE_PX, _TILE_PX

    def decode(self, row: int, col: int) -> UInt8:
        """Return the pixels of one tile, cut at the picture's edge."""
        top, left = row * _TILE_PX, col * _TILE_PX
        height, width = min(_TILE_PX, self.shape[0] - top), min(_TILE_PX, self.shape[1] - left)
        corner, size = self.orientation.size((top, left)), self.orientation.size((height, width))
        y, x = (
            whole - start - length if from_end else start
            for whole, start, length, from_end in zip(
                self.stored.shapes[self.level], corner, size, self.orientation.flipped, strict=True
            )
        )
        return np.ascontiguousarray(self.orientation.upright(self.stored.read(self.level, y, x, *size)))
