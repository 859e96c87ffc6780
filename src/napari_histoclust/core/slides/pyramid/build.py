"""Building a pyramid for a large picture that has none: by bands, from the top down, all levels at once.

Every px of a level is the mean of the 2 x 2 px under it. Held in memory are a band of the picture (at most
about 200 MB) and half a row of tiles of each level.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from napari_histoclust.core.atomic import atomic_folder
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.one_writer import one_writer
from napari_histoclust.core.slides.levels import block_mean
from napari_histoclust.core.slides.protocol import UInt8
from napari_histoclust.core.slides.pyramid.store import (
    PYRAMIDS,
    TILE_PX,
    halves,
    lacks_pyramid,
    make_room,
    place_of,
    tiles_file,
    write_document,
)
from napari_histoclust.core.slides.registry import open_pictures
from napari_histoclust.core.slides.stack import Stack, open_stack
from napari_histoclust.core.slides.tiled.tiles import TiledSlide

# Quality of the JPEG tiles, with the colours at full resolution.
QUALITY = 90
BAND_BYTES, MOST_BAND_BYTES = 64 * 2**20, 192 * 2**20


def with_pyramids(stack: Stack) -> Job[Stack]:
    """Build what pyramids the files of a stack lack, and open it again.

    A file of which none can be built (no room, a damaged picture) stays as it is.

    Returns
    -------
    Stack
        The same one where nothing was to be built.
    """
    built = 0
    for path in dict.fromkeys(slide.path for slide in stack.slides.values()):
        built += yield from build_pyramids(path)
    return open_stack(stack.path) if built else stack


def build_pyramids(path: Path) -> Job[int]:
    """Build a pyramid for each large picture of a file that has none; return how many were built."""
    built = 0
    if PYRAMIDS.most_bytes() <= 0:
        return built
    for number, slide in enumerate(open_pictures(path)):
        if lacks_pyramid(slide):
            try:
                yield from _build(slide, place_of(path, number))
            except HistoclustError as error:
                # The slide is whole without it; what is wrong with the file is told where it matters.
                yield Progress(f"No pyramid of {slide.path.name}: {error}")
            else:
                built += 1
    return built


def _build(slide: TiledSlide, place: Path) -> Job[None]:
    height, width = slide.shapes[0]
    shapes = halves((height, width))
    rows = _band_rows(width, slide.levels[0].tile[0])
    with one_writer(place, "a pyramid", beside=True), atomic_folder(place, own=True) as folder:
        folder.mkdir(parents=True)
        with tiles_file(folder).open("wb") as file:
            levels = _chain(shapes, file)
            for top in range(0, height, rows):
                yield Progress(f"Building a pyramid of {slide.path.name}", top, height)
                levels[0].take(block_mean(slide.read(0, top, 0, min(rows, height - top), width), 2))
        index = np.concatenate([level.index() for level in levels])
        write_document(folder, index, shapes, slide)
    make_room(place)


def _band_rows(width: int, tile_height: int) -> int:
    """Return an even number of rows to read at a time, of whole tiles where these are not too high."""
    tall = tile_height * (1 + tile_height % 2)
    if 3 * width * tall > MOST_BAND_BYTES:
        return max(2, MOST_BAND_BYTES // (3 * width) // 2 * 2)
    return tall * max(1, BAND_BYTES // (3 * width * tall))


class _Level:
    """A level that takes its rows from above and hands half of them down.

    Parameters
    ----------
    shape : (int, int)
        Height and width in px.
    file : file
        Where encoded tiles go.
    below : _Level or None
        The next smaller level.
    """

    def __init__(self, shape: tuple[int, int], file: BinaryIO, below: _Level | None) -> None:
        self._shape, self._file, self._below = shape, file, below
        self._band = np.empty((TILE_PX, shape[1], 3), np.uint8)
        self._filled = self._done = 0
        self._places: list[tuple[int, int]] = []

    def take(self, rows: UInt8) -> None:
        """Take the next rows, and write the tiles that are full."""
        while len(rows):
            some = rows[: TILE_PX - self._filled]
            self._band[self._filled : self._filled + len(some)] = some
            self._filled += len(some)
            self._done += len(some)
            rows = rows[len(some) :]
            if self._filled == TILE_PX or self._done == self._shape[0]:
                self._write(self._band[: self._filled])
                self._filled = 0

    def _write(self, band: UInt8) -> None:
        for data in _encoded(band):
            self._places.append((self._file.tell(), len(data)))
            self._file.write(data)
        if self._below is not None:
            self._below.take(block_mean(band, 2))

    def index(self) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        """Return (n, 2) offset and bytes of the tiles."""
        return np.array(self._places, np.int64).reshape(-1, 2)


def _encoded(band: UInt8) -> Iterator[bytes]:
    import imagecodecs

    for left in range(0, band.shape[1], TILE_PX):
        tile = np.ascontiguousarray(band[:, left : left + TILE_PX])
        yield bytes(imagecodecs.jpeg_encode(tile, level=QUALITY, subsampling="444"))


def _chain(shapes: list[tuple[int, int]], file: BinaryIO) -> list[_Level]:
    """Return the levels, each tied to the smaller one below it; the largest first."""
    levels: list[_Level] = []
    for shape in reversed(shapes):
        levels.insert(0, _Level(shape, file, levels[0] if levels else None))
    return levels
