"""Pictures and TIFF files made for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

UInt8 = NDArray[np.uint8]


def noise(height: int, width: int, seed: int = 0) -> UInt8:
    """(height, width, 3) random pixels, which show every px that is read in the wrong place."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def halved(picture: UInt8) -> UInt8:
    """Every second px, sizes rounded down as most writers do."""
    return picture[: picture.shape[0] // 2 * 2 : 2, : picture.shape[1] // 2 * 2 : 2]


def write_pyramid(path: Path, picture: UInt8, levels: int = 3, **options: Any) -> list[UInt8]:
    """Write an OME-TIFF with its levels in SubIFDs; return the levels."""
    pictures = [picture]
    for _ in range(levels - 1):
        pictures.append(halved(pictures[-1]))
    settings: dict[str, Any] = {"tile": (64, 64), "photometric": "rgb", **options}
    metadata = settings.pop("metadata", {})
    with tifffile.TiffWriter(path) as tif:
        tif.write(picture, subifds=levels - 1, metadata={"axes": "YXS", **metadata}, **settings)
        for small in pictures[1:]:
            tif.write(small, subfiletype=1, metadata=None, **settings)
    return pictures


class ArrayLevel:
    """A level over an array that counts how often a tile is decoded."""

    def __init__(self, picture: UInt8, tile: tuple[int, int]) -> None:
        self.picture, self.tile = picture, tile
        self.decoded: list[tuple[int, int]] = []

    @property
    def shape(self) -> tuple[int, int]:
        return self.picture.shape[0], self.picture.shape[1]

    def decode(self, row: int, col: int) -> UInt8:
        self.decoded.append((row, col))
        h, w = self.tile
        return self.picture[row * h : (row + 1) * h, col * w : (col + 1) * w].copy()
