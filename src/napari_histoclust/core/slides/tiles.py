"""A picture made of tiles: windows are put together from the tiles they cover, and from no others."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_histoclust.core.slides.protocol import UInt8

if TYPE_CHECKING:
    import dask.array as da

CACHE_BYTES = 32 * 2**20
CHUNK_PX = 1024
WHITE = 255


class TileLevel(Protocol):
    """One level of a pyramid: its size, its tiles' size and a way to decode a single tile."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in px."""
        ...

    @property
    def tile(self) -> tuple[int, int]:
        """Height and width in px of a tile."""
        ...

    def decode(self, row: int, col: int) -> UInt8:
        """Return the (h, w, 3) pixels of one tile, cut at the picture's edge or not; thread-safe."""
        ...


class TileCache:
    """The tiles decoded last, up to a number of bytes; thread-safe.

    Two threads that miss the same tile both decode it: that is rarer and cheaper than waiting.
    """

    def __init__(self, max_bytes: int = CACHE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._tiles: OrderedDict[tuple[int, int, int], UInt8] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[int, int, int], load: Callable[[], UInt8]) -> UInt8:
        """Return the tile under `key` (level, row, col), from `load` where it is not at hand."""
        with self._lock:
            tile = self._tiles.get(key)
            if tile is not None:
                self._tiles.move_to_end(key)
                return tile
        tile = load()
        with self._lock:
            self._keep(key, tile)
        return tile

    def _keep(self, key: tuple[int, int, int], tile: UInt8) -> None:
        old = self._tiles.pop(key, None)
        self._bytes += tile.nbytes - (0 if old is None else old.nbytes)
        self._tiles[key] = tile
        # The last tile stays even where it is larger than the cache: a picture of one strip would otherwise
        # be decoded again for every window.
        while self._bytes > self._max_bytes and len(self._tiles) > 1:
            _, dropped = self._tiles.popitem(last=False)
            self._bytes -= dropped.nbytes


class TiledSlide:
    """A `Slide` over levels of tiles; the families of formats differ in their `TileLevel` alone.

    Parameters
    ----------
    path, name, um_per_px, reader, warnings
        See `Slide`.
    levels : sequence of TileLevel
        Level 0 first.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        levels: Sequence[TileLevel],
        um_per_px: float | None,
        reader: str,
        warnings: tuple[str, ...] = (),
    ) -> None:
        self.path = path
        self.name = name
        self.um_per_px = um_per_px
        self.reader = reader
        self.warnings = warnings
        self.shapes = tuple(level.shape for level in levels)
        self._levels = tuple(levels)
        self._cache = TileCache()

    def __repr__(self) -> str:
        return f"<slide {self.name!r} of {self.path.name}, {self.shapes[0][0]} x {self.shapes[0][1]} px>"

    def read(self, level: int, y: int, x: int, height: int, width: int, out: UInt8 | None = None) -> UInt8:
        """Return the (height, width, 3) window at (y, x) px of `level`, white outside; thread-safe."""
        source = self._levels[level]
        window = np.empty((height, width, 3), np.uint8) if out is None else out
        if y < 0 or x < 0 or y + height > source.shape[0] or x + width > source.shape[1]:
            window[:] = WHITE
        rows = _covered(y, height, source.shape[0], source.tile[0])
        cols = _covered(x, width, source.shape[1], source.tile[1])
        for row, col in product(rows, cols):
            tile = self._cache.get((level, row, col), partial(source.decode, row, col))
            top, left = row * source.tile[0], col * source.tile[1]
            _paste(window, tile, top - y, left - x, source.shape[0] - top, source.shape[1] - left)
        return window

    def dask_levels(self) -> list[da.Array]:
        """Return every level as a lazy (y, x, 3) uint8 array, in chunks of whole tiles of about 1024 px."""
        return [
            lazy_level(self, index, _chunks(level.shape, level.tile))
            for index, level in enumerate(self._levels)
        ]


def _covered(start: int, length: int, size: int, tile: int) -> range:
    """Tiles along one axis that the window [start, start + length) touches inside the picture."""
    first, last = max(start, 0), min(start + length, size)
    return range(first // tile, -(-last // tile)) if last > first else range(0)


def _paste(window: UInt8, tile: UInt8, top: int, left: int, height: int, width: int) -> None:
    """Copy a tile, whose corner lies at (top, left) of the window, into it; at most height x width of it."""
    height, width = min(height, tile.shape[0]), min(width, tile.shape[1])
    y0, x0 = max(top, 0), max(left, 0)
    y1, x1 = min(top + height, window.shape[0]), min(left + width, window.shape[1])
    window[y0:y1, x0:x1] = tile[y0 - top : y1 - top, x0 - left : x1 - left]


def _chunks(shape: tuple[int, int], tile: tuple[int, int]) -> tuple[int, int]:
    """Chunk of whole tiles near 1024 px a side: tiny or flat tiles would make a viewer crawl."""
    height, width = (
        min(size, max(1, round(CHUNK_PX / side)) * side) for size, side in zip(shape, tile, strict=True)
    )
    return height, width


class _LevelView:
    """One level as an array-like that dask slices; only what is asked for is decoded."""

    dtype = np.dtype(np.uint8)
    ndim = 3

    def __init__(self, slide: Any, level: int) -> None:
        self._slide, self._level = slide, level
        self.shape = (*slide.shapes[level], 3)

    def __getitem__(self, key: Any) -> UInt8:
        parts = (*key, *(slice(None),) * (3 - len(key))) if isinstance(key, tuple) else (key, *np.s_[:, :])
        (y0, y1, rows), (x0, x1, cols) = (
            _span(part, size) for part, size in zip(parts[:2], self.shape[:2], strict=True)
        )
        window: UInt8 = self._slide.read(self._level, y0, x0, y1 - y0, x1 - x0)
        return np.asarray(window[rows, cols][..., parts[2]])


def _span(part: Any, size: int) -> tuple[int, int, Any]:
    """First and past-the-last px that an index or slice touches, and the index or slice inside them."""
    if not isinstance(part, slice):
        place = range(size)[part]
        return place, place + 1, 0
    places = range(*part.indices(size))
    if not places:
        return 0, 0, slice(0, 0)
    low, high = min(places[0], places[-1]), max(places[0], places[-1])
    return low, high + 1, slice(None, None, places.step)


def lazy_level(slide: Any, level: int, chunks: tuple[int, int]) -> da.Array:
    """Return one level of a slide as a lazy (y, x, 3) dask array in chunks of (height, width) px."""
    import dask.array as da

    view = _LevelView(slide, level)
    lazy: da.Array = da.from_array(  # type: ignore[no-untyped-call]
        view, chunks=(*chunks, 3), name=False, asarray=False, lock=False
    )
    return lazy
