"""Patches in the order wanted, every stain of them read by a thread of its own, ahead of who takes them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.patches.grid import PatchGrid
from napari_histoclust.core.slides.protocol import UInt8
from napari_histoclust.core.slides.stack import Stack
from napari_histoclust.core.threads import ahead

K = TypeVar("K")
Int = NDArray[np.integer[Any]]

# Bytes of patches handed over at a time, and how many such pieces are read ahead.
UNIT_BYTES = 24 * 2**20
AHEAD = 3


@dataclass(frozen=True, eq=False)
class Unit(Generic[K]):
    """Patches that lie near each other and are read at once.

    Parameters
    ----------
    key : object
        What the caller knows them by.
    stack : Stack
        The slide.
    level : int
        Level of the stack.
    y, x : (n,) integers
        Upper left corners in px of `level`.
    patch_px : int
        Side in px of `level`.
    """

    key: K
    stack: Stack
    level: int
    y: Int
    x: Int
    patch_px: int


@dataclass(frozen=True, eq=False)
class Patches(Generic[K]):
    """What was read of a unit.

    Parameters
    ----------
    key : object
        The unit's.
    pixels : (n, stains, patch_px, patch_px, 3) uint8 array
        Its patches.
    measured : object
        What `measure` says of them; None without.
    """

    key: K
    pixels: UInt8
    measured: Any


Measure = Callable[[K, UInt8], Any]


def cut_patches(stack: Stack, level: int, y: Int, x: Int, patch_px: int, stains: Sequence[str]) -> UInt8:
    """Read patches that lie near each other, in this thread; `read_units` reads many in several.

    Parameters
    ----------
    stack : Stack
        The slide.
    level : int
        Level of the stack that is read.
    y, x : (n,) integers
        Upper left corners in px of `level`.
    patch_px : int
        Side in px of `level`.
    stains : sequence of str
        Stains in the order wanted.

    Returns
    -------
    (n, stains, patch_px, patch_px, 3) uint8 array

    Raises
    ------
    HistoclustError
        If a file cannot be decoded there.
    """
    out = np.empty((len(y), len(stains), patch_px, patch_px, 3), np.uint8)
    for index, stain in enumerate(stains):
        stack.slides[stain].cut(stack.slide_levels[stain][level], y, x, out, index)
    return out


def read_patches(
    stack: Stack, grid: PatchGrid, start: int, stop: int, stains: Sequence[str]
) -> Iterator[tuple[slice, UInt8]]:
    """Read the patches `start` to `stop` of a grid, in its order.

    Parameters
    ----------
    stack : Stack
        The slide.
    grid : PatchGrid
        Its lattice.
    start, stop : int
        First patch and the one past the last.
    stains : sequence of str
        Stains in the order wanted.

    Yields
    ------
    rows : slice
        Which patches of the grid these are.
    patches : (n, stains, patch_px, patch_px, 3) uint8 array
        About 24 MB of them, never from two blocks.

    Raises
    ------
    HistoclustError
        If a stain is missing or a file cannot be decoded.
    """
    stack.require(stains)
    units = grid_units(stack, grid, start, stop, len(stains), None)
    rows = grid_pieces(grid, start, stop, len(stains))
    return ((piece, patches.pixels) for piece, patches in zip(rows, read_units(units, stains), strict=True))


def grid_units(
    stack: Stack, grid: PatchGrid, start: int, stop: int, stains: int, key: K
) -> Iterator[Unit[K]]:
    """Return the pieces of a grid, all under one key; see `grid_pieces`."""
    for rows in grid_pieces(grid, start, stop, stains):
        y, x = grid.row[rows] * grid.stride_px, grid.col[rows] * grid.stride_px
        yield Unit(key, stack, grid.level, y, x, grid.patch_px)


def grid_pieces(grid: PatchGrid, start: int, stop: int, stains: int) -> Iterator[slice]:
    """Split the patches `start` to `stop` of a grid into pieces of its blocks that are read at once."""
    size = unit_size(stains, grid.patch_px)
    starts = grid.block_starts
    first = max(0, int(np.searchsorted(starts, start, side="right")) - 1)
    for block in range(first, len(starts) - 1):
        low, high = max(start, int(starts[block])), min(stop, int(starts[block + 1]))
        if low >= stop:
            return
        for piece in range(low, high, size):
            yield slice(piece, min(piece + size, high))


def unit_size(stains: int, patch_px: int) -> int:
    """Return how many patches make a unit."""
    return max(1, UNIT_BYTES // (stains * patch_px**2 * 3))


def read_units(
    units: Iterable[Unit[K]], stains: Sequence[str], measure: Measure[K] | None = None
) -> Generator[Patches[K], None, None]:
    """Read units in their order, a few ahead of the consumer.

    Stains and units are tasks of one pool, stain after stain of the first unit, then the next: a unit is
    whole as early as can be, and no thread waits for another. When the consumer stops early, what has not
    begun is dropped and what has is waited for.

    Parameters
    ----------
    units : iterable of Unit
        What to read; taken from as reading goes on.
    stains : sequence of str
        Stains in the order wanted.
    measure : callable, optional
        Key and pixels of a unit -> whatever is to be known of them; called by the threads that read.

    Raises
    ------
    HistoclustError
        If a file cannot be decoded; by the unit that needed it.
    """
    readings = (_Reading(unit, stains, measure) for unit in units)
    parts = (partial(reading.read, index) for reading in readings for index in range(len(stains)))
    threads = min(8, max(2, os.cpu_count() or 2))
    with closing(ahead(lambda part: part(), parts, threads=threads, waiting=AHEAD * len(stains))) as read:
        for reading in islice(read, len(stains) - 1, None, len(stains)):
            yield reading.patches()


class _Reading(Generic[K]):
    """A unit under way; the thread that reads the last of its stains measures it."""

    def __init__(self, unit: Unit[K], stains: Sequence[str], measure: Measure[K] | None) -> None:
        self._unit, self._stains, self._measure = unit, stains, measure
        self._pixels = np.empty((len(unit.y), len(stains), unit.patch_px, unit.patch_px, 3), np.uint8)
        self._measured: Any = None
        self._left = len(stains)
        self._lock = threading.Lock()

    def read(self, index: int) -> _Reading[K]:
        """Read one of the stains."""
        unit, stack, stain = self._unit, self._unit.stack, self._stains[index]
        own = stack.slide_levels[stain][unit.level]
        stack.slides[stain].cut(own, unit.y, unit.x, self._pixels, index)
        with self._lock:
            self._left -= 1
            is_last = self._left == 0
        if is_last and self._measure is not None:
            self._measured = self._measure(unit.key, self._pixels)
        return self

    def patches(self) -> Patches[K]:
        """Return what was read, when all stains are."""
        return Patches(self._unit.key, self._pixels, self._measured)
