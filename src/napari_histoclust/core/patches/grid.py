"""The lattice of patches over a slide. Row i is patch i, everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

# Side of a block of patches in px of the level that is read: large enough that one read of the file serves
# many patches, small enough that several stains of it fit into memory many times over.
BLOCK_PX = 2048


@dataclass(frozen=True, eq=False)
class PatchGrid:
    """A regular lattice with a mask: which of its places hold a patch, and in which order.

    Patches are ordered by square blocks of places (and row by row inside a block), so that neighbours in
    the order are neighbours on the slide and one read of the file serves many of them. Nothing here is a
    Python object a patch: a slide of 200,000 px a side is a few arrays of 2.4 million numbers.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the full lattice.
    patch_px, stride_px : int
        Side of a patch and distance between patches, in px of `level`.
    level : int
        Pyramid level that is read.
    downsample : float
        Level-0 px per px of `level`.
    row, col : (n,) int32
        Place of each patch in the full lattice.
    tissue_fraction : (n,) float32
        Share of each patch that is tissue, 0..1.
    """

    shape: tuple[int, int]
    patch_px: int
    stride_px: int
    level: int
    downsample: float
    row: NDArray[np.int32]
    col: NDArray[np.int32]
    tissue_fraction: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.row)

    @cached_property
    def ids(self) -> NDArray[np.int32]:
        """(rows, cols) int32 picture of the patch ids, -1 where there is no patch."""
        picture = np.full(self.shape, -1, np.int32)
        picture[self.row, self.col] = np.arange(len(self), dtype=np.int32)
        return picture

    @cached_property
    def block_starts(self) -> NDArray[np.int64]:
        """(blocks + 1,) first patch of each block that holds any, and the number of patches at the end."""
        blocks = block_number(self.row, self.col, self.shape[1], block_places(self.stride_px))
        return np.concatenate([[0], np.flatnonzero(np.diff(blocks)) + 1, [len(self)]]).astype(np.int64)

    @property
    def y_px(self) -> NDArray[np.float64]:
        """(n,) vertical centres in level-0 px."""
        return self._centre(self.row)

    @property
    def x_px(self) -> NDArray[np.float64]:
        """(n,) horizontal centres in level-0 px."""
        return self._centre(self.col)

    def _centre(self, place: NDArray[np.int32]) -> NDArray[np.float64]:
        return np.asarray((place * self.stride_px + self.patch_px / 2) * self.downsample, np.float64)

    @property
    def place_px(self) -> float:
        """Side in level-0 px of the tissue that one place of the lattice stands for (the stride)."""
        return self.stride_px * self.downsample

    @property
    def origin_px(self) -> tuple[float, float]:
        """Centre (y, x) in level-0 px of place (0, 0); where a viewer puts the label picture's first px."""
        half = self.patch_px * self.downsample / 2
        return half, half

    def picture(self, values: NDArray[np.generic], empty: float = 0) -> NDArray[np.generic]:
        """Spread one value a patch over the lattice.

        Parameters
        ----------
        values : (n,) or (n, c) array
            One value or vector a patch.
        empty : scalar
            What stands where there is no patch.

        Returns
        -------
        (rows, cols) or (rows, cols, c) array of the dtype of `values`.
        """
        picture = np.full(self.shape + values.shape[1:], empty, values.dtype)
        picture[self.row, self.col] = values
        return picture


def block_places(stride_px: int) -> int:
    """Return the side of a square block of the order, in places of the lattice."""
    return max(1, round(BLOCK_PX / stride_px))


def block_number(row: NDArray[np.int32], col: NDArray[np.int32], cols: int, side: int) -> NDArray[np.int64]:
    """Return the block of each place; blocks of `side` x `side` places are numbered row by row."""
    across = -(-cols // side)
    return np.asarray(row // side, np.int64) * across + col // side
