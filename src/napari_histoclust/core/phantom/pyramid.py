"""Write a picture of any size as a tiled, pyramidal OME-TIFF in flat memory.

Blocks are made along a quadtree, so that four neighbours are at hand when their parent is due, and nothing
but one path of the tree is ever held. Encoded tiles wait in a spool file until the TIFF takes them row by
row.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.ome_pyramid import physical_size, write_levels
from napari_histoclust.core.slides.levels import block_mean
from napari_histoclust.core.threads import ahead

UInt8 = NDArray[np.uint8]

TILE_PX = 512
BLOCK_PX = 2 * TILE_PX
"""Side of the block that one call makes: four tiles of level 0, one of level 1."""


@dataclass(frozen=True)
class Picture:
    """What is to be written.

    Parameters
    ----------
    side_px : int
        Side of the square picture.
    block : callable
        (y, x) in px of level 0 -> (1024, 1024[, 3]) uint8; called from several threads, in any order.
    coloured : bool
        RGB, halved by averaging and stored as JPEG; else one channel of class numbers, halved by taking every
        second px and stored without loss.
    name, description : str
        OME image name and description.
    um_per_px : float
        Physical size of a px.
    quality : int
        Of the JPEG.
    """

    side_px: int
    block: Callable[[int, int], UInt8]
    coloured: bool
    name: str
    description: str
    um_per_px: float
    quality: int = 85

    @property
    def levels(self) -> int:
        """Number of pyramid levels; the last fits into one tile."""
        return max(1, (self.side_px - 1).bit_length() - TILE_PX.bit_length() + 2)

    @property
    def blocks(self) -> int:
        """Number of blocks along a side."""
        return -(-self.side_px // BLOCK_PX)

    def tiles(self, level: int) -> int:
        """Number of tiles along a side of `level`."""
        return -(-(self.side_px >> level) // TILE_PX)


class _Spool:
    """Encoded tiles in a file, found again by level, row and column."""

    def __init__(self, file: IO[bytes], picture: Picture) -> None:
        self._file = file
        self._places = [
            np.zeros((picture.tiles(level), picture.tiles(level), 2), np.int64)
            for level in range(picture.levels)
        ]

    def put(self, level: int, row: int, col: int, tile: bytes) -> None:
        """Append a tile; one that lies outside its level is dropped."""
        if level < len(self._places) and max(row, col) < len(self._places[level]):
            self._places[level][row, col] = self._file.tell(), len(tile)
            self._file.write(tile)

    def level(self, level: int) -> Iterator[bytes]:
        """Yield the tiles of a level row by row."""
        for offset, length in self._places[level].reshape(-1, 2):
            self._file.seek(offset)
            yield self._file.read(length)

    @property
    def size(self) -> int:
        """Bytes in all tiles."""
        return int(sum(places[..., 1].sum() for places in self._places))


def _halve(picture: UInt8) -> UInt8:
    return block_mean(picture, 2) if picture.ndim == 3 else np.ascontiguousarray(picture[::2, ::2])


def _encode(tile: UInt8, quality: int) -> bytes:
    if tile.ndim == 2:
        return bytes(imagecodecs.zlib_encode(tile.tobytes(), level=6))
    return bytes(
        imagecodecs.jpeg8_encode(
            np.ascontiguousarray(tile),
            level=quality,
            colorspace="rgb",
            outcolorspace="ycbcr",
            subsampling="420",
        )
    )


def _make_leaf(picture: Picture, row: int, col: int) -> tuple[list[bytes], UInt8]:
    """Make one block: its four encoded tiles of level 0, and its tile of level 1."""
    block = picture.block(row * BLOCK_PX, col * BLOCK_PX)
    corners = [(y, x) for y in (0, TILE_PX) for x in (0, TILE_PX)]
    tiles = [_encode(block[y : y + TILE_PX, x : x + TILE_PX], picture.quality) for y, x in corners]
    return tiles, _halve(block)


def _leaves(level: int, row: int, col: int, blocks: int) -> Iterator[tuple[int, int]]:
    """Rows and columns of the blocks under one tile of `level`, in the order of the quadtree."""
    if max(row, col) << (level - 1) >= blocks:
        return
    if level == 1:
        yield row, col
        return
    for child in range(4):
        yield from _leaves(level - 1, 2 * row + child // 2, 2 * col + child % 2, blocks)


def _assemble(
    picture: Picture, spool: _Spool, made: Iterator[tuple[list[bytes], UInt8]], level: int, row: int, col: int
) -> Generator[None, None, UInt8 | None]:
    """Put the tiles under one tile of `level` into the spool, then itself, and return it."""
    if max(row, col) << (level - 1) >= picture.blocks:
        return None
    if level == 1:
        tiles, tile = next(made)
        for k, encoded in enumerate(tiles):
            spool.put(0, 2 * row + k // 2, 2 * col + k % 2, encoded)
        yield
    else:
        tile = np.zeros((TILE_PX, TILE_PX, 3) if picture.coloured else (TILE_PX, TILE_PX), np.uint8)
        for k in range(4):
            child = yield from _assemble(picture, spool, made, level - 1, 2 * row + k // 2, 2 * col + k % 2)
            if child is not None:
                y, x = k // 2 * TILE_PX // 2, k % 2 * TILE_PX // 2
                tile[y : y + TILE_PX // 2, x : x + TILE_PX // 2] = _halve(child)
    spool.put(level, row, col, _encode(tile, picture.quality))
    return tile


def write_pyramid(path: Path, picture: Picture) -> Generator[None, None, None]:
    """Write `picture` to `path` as OME-TIFF; yields once a block.

    Memory is a dozen blocks whatever the size; beside `path` a spool file of about its size lies while the
    blocks are made.
    """
    threads = os.cpu_count() or 1
    root = max(1, (picture.blocks - 1).bit_length() + 1)
    spool_path = path.with_suffix(".spool")
    try:
        leaves = _leaves(root, 0, 0, picture.blocks)
        made = ahead(lambda leaf: _make_leaf(picture, *leaf), leaves, threads=threads, waiting=threads + 1)
        with spool_path.open("w+b") as file, closing(made):
            spool = _Spool(file, picture)
            yield from _discarding(_assemble(picture, spool, made, root, 0, 0))
            _write_tiff(path, picture, spool)
    finally:
        spool_path.unlink(missing_ok=True)


def _discarding(job: Generator[None, None, object]) -> Generator[None, None, None]:
    yield from job


def _write_tiff(path: Path, picture: Picture, spool: _Spool) -> None:
    """Copy the spooled tiles into a TIFF whose lower levels are SubIFDs of the first."""
    options: dict[str, Any] = {"photometric": "minisblack", "compression": "zlib", "predictor": False}
    if picture.coloured:
        options = {"photometric": "rgb", "compression": "jpeg", "subsampling": (2, 2)}
    options |= {"dtype": np.uint8, "tile": (TILE_PX, TILE_PX), "maxworkers": 1}
    sides = [picture.side_px >> level for level in range(picture.levels)]
    shapes = [(side, side, 3) if picture.coloured else (side, side) for side in sides]
    levels = ((shape, spool.level(level)) for level, shape in enumerate(shapes))
    write_levels(path, levels, options, _metadata(picture), spool.size)


def _metadata(picture: Picture) -> dict[str, Any]:
    """Return what the OME header states."""
    return {
        "axes": "YXS" if picture.coloured else "YX",
        "Name": picture.name,
        "Description": picture.description,
        **physical_size(picture.um_per_px),
        "Channel": {"Name": [picture.name]},
    }
