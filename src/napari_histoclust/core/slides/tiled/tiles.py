"""A picture made of tiles: windows are put together from the tiles they cover, and from no others."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import count, product
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.slides.protocol import Corner, Int, UInt8, Windows
from napari_histoclust.core.slides.tiled.holes import Holes
from napari_histoclust.core.slides.tiled.tile_cache import TileCache, shared_cache

if TYPE_CHECKING:
    import dask.array as da

CHUNK_PX = 1024
WHITE = 255

_numbers = count()


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


@dataclass(frozen=True, eq=False, repr=False)
class TiledSlide:
    """A `Slide` over levels of tiles; the families of formats differ in their `TileLevel` alone.

    Parameters
    ----------
    path, name, um_per_px, reader, warnings, corner_um
        See `Slide`.
    levels : sequence of TileLevel
        Level 0 first.
    holes : Holes or None
        Shared with the levels, which add to them; None where a tile that cannot be decoded is an error.
    """

    path: Path
    name: str
    levels: Sequence[TileLevel]
    um_per_px: float | None
    reader: str
    warnings: tuple[str, ...] = ()
    holes: Holes | None = None
    corner_um: Corner | None = None
    is_placed: ClassVar[bool] = False
    _cache: TileCache = field(init=False, default_factory=shared_cache)
    _number: int = field(init=False, default_factory=lambda: next(_numbers))

    def __post_init__(self) -> None:
        weakref.finalize(self, self._cache.forget, self._number)

    def __repr__(self) -> str:
        return f"<slide {self.name!r} of {self.path.name}, {self.shapes[0][0]} x {self.shapes[0][1]} px>"

    @cached_property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Height and width in px of each level."""
        return tuple(level.shape for level in self.levels)

    def read(self, level: int, y: int, x: int, height: int, width: int, out: UInt8 | None = None) -> UInt8:
        """Return the (height, width, 3) window at (y, x) px of `level`, white outside; thread-safe."""
        source = self.levels[level]
        window = np.empty((height, width, 3), np.uint8) if out is None else out
        if y < 0 or x < 0 or y + height > source.shape[0] or x + width > source.shape[1]:
            window[:] = WHITE
        rows = _covered(y, height, source.shape[0], source.tile[0])
        cols = _covered(x, width, source.shape[1], source.tile[1])
        for row, col in product(rows, cols):
            tile = self._tile(level, row, col)
            top, left = row * source.tile[0], col * source.tile[1]
            _paste(window, tile, top - y, left - x, source.shape[0] - top, source.shape[1] - left)
        return window

    def cut(self, level: int, y: Int, x: Int, out: UInt8, index: int) -> None:
        """Write patches into ``out[:, index]``; each tile is decoded once and copied into all it touches."""
        from napari_histoclust.core.slides.kernels import paste  # numba takes half a second to import

        y, x = (np.ascontiguousarray(corner, np.int64) for corner in (y, x))

        source, side = self.levels[level], out.shape[2]
        (height, width), (tall, wide) = source.shape, source.tile
        if ((y < 0) | (x < 0) | (y + side > height) | (x + side > width)).any():
            out[:, index] = WHITE
        flat = out.reshape(*out.shape[:3], 3 * side)
        for row, col in _tiles_under(y, x, side, source.shape, source.tile):
            tile = self._tile(level, row, col)
            top, left = row * tall, col * wide
            place = top, left, min(top + tile.shape[0], height), min(left + tile.shape[1], width)
            paste(tile.reshape(len(tile), -1), place, y, x, flat, index)

    def _tile(self, level: int, row: int, col: int) -> UInt8:
        load = partial(self.levels[level].decode, row, col)
        return self._cache.get((self._number, level, row, col), load)

    def dask_levels(self) -> list[da.Array]:
        """Return every level as a lazy (y, x, 3) uint8 array, in squarish chunks of about 1024 px."""
        return [
            lazy_level(self, index, _chunks(level.shape, level.tile))
            for index, level in enumerate(self.levels)
        ]

    def valid(self, shape: tuple[int, int], downsample: float) -> NDArray[np.bool_] | None:
        """Return where there is no hole; see `Holes.valid`."""
        return None if self.holes is None else self.holes.valid(shape, downsample)

    def hole_warnings(self) -> tuple[str, ...]:
        """Return one sentence for each kind of hole found so far."""
        return () if self.holes is None else self.holes.warnings()

    def own_px(self, places_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the places as they are: the slide's frame is its file's."""
        return places_px


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


def _tiles_under(
    y: Int, x: Int, side: int, shape: tuple[int, int], tile: tuple[int, int]
) -> list[tuple[int, int]]:
    """Rows and columns of the tiles that any of the squares touches inside the picture, row by row."""
    inside = (y > -side) & (y < shape[0]) & (x > -side) & (x < shape[1])
    if not inside.any():
        return []
    (top, bottom), (left, right) = (
        (np.maximum(start[inside], 0) // step, (np.minimum(start[inside] + side, size) - 1) // step + 1)
        for start, size, step in zip((y, x), shape, tile, strict=True)
    )
    row, col = top.min(), left.min()
    # A square adds one at its first tile and takes it back behind its last; the running sums count squares.
    table = np.zeros((bottom.max() - row + 1, right.max() - col + 1), np.int32)
    for rows, cols, step in ((top, left, 1), (top, right, -1), (bottom, left, -1), (bottom, right, 1)):
        np.add.at(table, (rows - row, cols - col), step)
    touched = np.argwhere(table.cumsum(axis=0).cumsum(axis=1))
    return [(int(r + row), int(c + col)) for r, c in touched]


def _chunks(shape: tuple[int, int], tile: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the chunks that a viewer asks for.

    Whole tiles where these are small, an even part of a tile where it is long: strips of 8 x 3840 px become
    chunks of 1024 x 960 px, which share their strips in the cache.
    """
    height, width = (min(size, _chunk(side)) for size, side in zip(shape, tile, strict=True))
    return height, width


def _chunk(tile: int) -> int:
    return max(1, round(CHUNK_PX / tile)) * tile if tile <= CHUNK_PX else -(-tile // round(tile / CHUNK_PX))


class _LevelView:
    """One level as an array-like that dask slices; only what is asked for is decoded."""

    dtype = np.dtype(np.uint8)
    ndim = 3

    def __init__(self, slide: Windows, level: int) -> None:
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


def lazy_level(slide: Windows, level: int, chunks: tuple[int, int]) -> da.Array:
    """Return one level of a slide as a lazy (y, x, 3) dask array in chunks of (height, width) px."""
    import dask.array as da

    view = _LevelView(slide, level)
    lazy: da.Array = da.from_array(  # type: ignore[no-untyped-call]
        view, chunks=(*chunks, 3), name=False, asarray=False, lock=False
    )
    return lazy
