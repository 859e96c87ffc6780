"""Write a picture of any size as a tiled, pyramidal OME-TIFF in flat memory.

Blocks are made along a quadtree, so that four neighbours are at hand when their parent is due, and nothing
but one path of the tree is ever held. Encoded tiles wait in a spool file until the TIFF takes them row by
row.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import imagecodecs
import numba
import numpy as np
import tifffile
from numpy.typing import NDArray

UInt8 = NDArray[np.uint8]

TILE_PX = 512
BLOCK_PX = 2 * TILE_PX
"""Side of the block that one call makes: four tiles of level 0, one of level 1."""

_CLASSIC_LIMIT = 3_900_000_000
"""Bytes from which offsets no longer fit classic TIFF (4 GiB, less room for tags)."""


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


@numba.njit(nogil=True, cache=True)
def _mean_of_four(picture: UInt8) -> UInt8:
    height, width, channels = picture.shape
    half = np.empty((height // 2, width // 2, channels), np.uint8)
    for y in range(height // 2):
        for x in range(width // 2):
            for c in range(channels):
                top = np.int32(picture[2 * y, 2 * x, c]) + np.int32(picture[2 * y, 2 * x + 1, c])
                low = np.int32(picture[2 * y + 1, 2 * x, c]) + np.int32(picture[2 * y + 1, 2 * x + 1, c])
                half[y, x, c] = np.uint8((top + low + 2) >> 2)
    return half


def _halve(picture: UInt8) -> UInt8:
    return _mean_of_four(picture) if picture.ndim == 3 else np.ascontiguousarray(picture[::2, ::2])


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


def _ahead(
    pool: ThreadPoolExecutor, picture: Picture, root: int, depth: int
) -> Iterator[tuple[list[bytes], UInt8]]:
    """Yield the made blocks in the order of the quadtree, with `depth` of them in the making."""
    waiting: deque[Future[tuple[list[bytes], UInt8]]] = deque()
    try:
        for row, col in _leaves(root, 0, 0, picture.blocks):
            waiting.append(pool.submit(partial(_make_leaf, picture, row, col)))
            if len(waiting) >= depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def write_pyramid(path: Path, picture: Picture) -> Generator[None, None, None]:
    """Write `picture` to `path` as OME-TIFF; yields once a block.

    Memory is a dozen blocks whatever the size; beside `path` a spool file of about its size lies while the
    blocks are made.
    """
    threads = os.cpu_count() or 1
    root = max(1, (picture.blocks - 1).bit_length() + 1)
    spool_path = path.with_suffix(".spool")
    try:
        with spool_path.open("w+b") as file, ThreadPoolExecutor(threads) as pool:
            spool = _Spool(file, picture)
            made = _ahead(pool, picture, root, threads + 2)
            yield from _discarding(_assemble(picture, spool, made, root, 0, 0))
            _write_tiff(path, picture, spool)
    finally:
        spool_path.unlink(missing_ok=True)


def _discarding(job: Generator[None, None, object]) -> Generator[None, None, None]:
    yield from job


def _write_tiff(path: Path, picture: Picture, spool: _Spool) -> None:
    """Copy the spooled tiles into a TIFF whose lower levels are SubIFDs of the first."""
    form: dict[str, Any] = {"photometric": "minisblack", "compression": "zlib", "predictor": False}
    if picture.coloured:
        form = {"photometric": "rgb", "compression": "jpeg", "subsampling": (2, 2)}
    form |= {"dtype": np.uint8, "tile": (TILE_PX, TILE_PX), "maxworkers": 1}
    with tifffile.TiffWriter(path, bigtiff=spool.size > _CLASSIC_LIMIT, ome=True) as tiff:
        for level in range(picture.levels):
            side, pixel_cm = picture.side_px >> level, picture.um_per_px * 2**level * 1e-4
            own: dict[str, Any] = {"subfiletype": 1, "metadata": None}
            if level == 0:
                own = {"subifds": picture.levels - 1, "metadata": _metadata(picture)}
            tiff.write(
                spool.level(level),
                shape=(side, side, 3) if picture.coloured else (side, side),
                resolution=(1 / pixel_cm, 1 / pixel_cm),
                resolutionunit="CENTIMETER",
                software="napari-histoclust",
                **own,
                **form,
            )


def _metadata(picture: Picture) -> dict[str, Any]:
    """Return what the OME header states."""
    return {
        "axes": "YXS" if picture.coloured else "YX",
        "Name": picture.name,
        "Description": picture.description,
        "PhysicalSizeX": picture.um_per_px,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": picture.um_per_px,
        "PhysicalSizeYUnit": "µm",
        "Channel": {"Name": [picture.name]},
    }
