"""Which chunks of a Zarr array are there: to zarr a lost one is full of the fill value, and no error."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.slides.protocol import UInt8
from napari_histoclust.core.slides.tiled.tiles import WHITE


@dataclass(frozen=True, eq=False)
class LostChunks:
    """The places of one level at which no file holds the pixels of a picture.

    Parameters
    ----------
    lost : (rows, cols) bool array
        By chunk, or by shard where chunks are kept in shards.
    side : (int, int)
        Height and width in px of a chunk or shard.
    """

    lost: NDArray[np.bool_]
    side: tuple[int, int]

    def boxes(self) -> list[tuple[int, int, int, int]]:
        """Return y, x, height and width in px of the level."""
        return [(int(r * self.side[0]), int(c * self.side[1]), *self.side) for r, c in np.argwhere(self.lost)]

    def whiten(self, pixels: UInt8, top: int, left: int) -> UInt8:
        """Return the (h, w, 3) pixels whose corner lies at (top, left) with the lost ones white."""
        (tall, wide), (height, width) = self.side, pixels.shape[:2]
        rows = range(top // tall, min(-(-(top + height) // tall), len(self.lost)))
        cols = range(left // wide, min(-(-(left + width) // wide), self.lost.shape[1]))
        for row, col in product(rows, cols):
            if self.lost[row, col]:
                y, x = row * tall - top, col * wide - left
                pixels[max(y, 0) : y + tall, max(x, 0) : x + wide] = WHITE
        return pixels


def lost_chunks(folder: Path, array: Any, axes: str, channels: Sequence[int]) -> LostChunks | None:
    """Return the lost chunks of some channels of an array in a folder, None where none is lost.

    A fill value of white is what glass looks like: writers leave such chunks out, and nothing is lost.
    """
    if array.fill_value == np.iinfo(array.dtype).max:
        return None
    sides = array.shards or array.chunks
    grid = [-(-size // side) for size, side in zip(array.shape, sides, strict=True)]
    there = set(_files(folder))
    place = {axis: k for k, axis in enumerate(axes)}
    used = sorted({k // sides[place["c"]] for k in channels}) if "c" in place else [0]
    lost = np.zeros((grid[place["y"]], grid[place["x"]]), bool)
    key = [0] * len(axes)
    for row, col, channel in product(range(lost.shape[0]), range(lost.shape[1]), used):
        key[place["y"]], key[place["x"]] = row, col
        if "c" in place:
            key[place["c"]] = channel
        lost[row, col] |= array.metadata.encode_chunk_key(tuple(key)) not in there
    return LostChunks(lost, (sides[place["y"]], sides[place["x"]])) if lost.any() else None


def _files(folder: Path) -> Iterator[str]:
    """Names of all files below a folder, relative to it, with slashes."""
    for inner, _, names in os.walk(folder):
        start = Path(inner).relative_to(folder).as_posix()
        yield from names if start == "." else (f"{start}/{name}" for name in names)
