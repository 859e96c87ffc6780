"""Patches of a lattice in its order, read ahead by threads."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from napari_histoclust.core.patches.cut import cut_patches
from napari_histoclust.core.patches.grid import PatchGrid
from napari_histoclust.core.slides.protocol import UInt8
from napari_histoclust.core.slides.stack import Stack

T = TypeVar("T")
U = TypeVar("U")

# Bytes of patches handed over at a time; a few of these are in memory at once.
UNIT_BYTES = 24 * 2**20


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
    size = max(1, UNIT_BYTES // (len(stains) * grid.patch_px**2 * 3))

    def read(rows: slice) -> tuple[slice, UInt8]:
        y, x = grid.row[rows] * grid.stride_px, grid.col[rows] * grid.stride_px
        return rows, cut_patches(stack, grid.level, y, x, grid.patch_px, stains)

    return read_ahead(read, _units(grid, start, stop, size))


def _units(grid: PatchGrid, start: int, stop: int, size: int) -> Iterator[slice]:
    """Pieces of blocks of at most `size` patches."""
    starts = grid.block_starts
    first = max(0, int(np.searchsorted(starts, start, side="right")) - 1)
    for block in range(first, len(starts) - 1):
        low, high = max(start, int(starts[block])), min(stop, int(starts[block + 1]))
        if low >= stop:
            return
        for piece in range(low, high, size):
            yield slice(piece, min(piece + size, high))


def read_ahead(work: Callable[[T], U], items: Iterable[T]) -> Iterator[U]:
    """Map `work` over `items` in threads, in order, a few items ahead of the consumer.

    When the consumer stops early, what has not begun is dropped and what has is waited for.
    """
    workers = min(8, max(2, os.cpu_count() or 2))
    waiting: deque[Future[U]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="patches")
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
