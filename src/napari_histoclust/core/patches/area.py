"""Share of a square that a mask covers, exact to parts of a mask px, for millions of squares at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


class AreaTable:
    """Summed-area table of a mask.

    The integral of a mask up to a point is bilinear inside each mask px, so that interpolating the table
    gives the exact area, however a square lies over the px (Crow 1984, "Summed-area tables for texture
    mapping").

    Parameters
    ----------
    mask : (h, w) bool
        The mask.
    downsample : float
        Level-0 px per mask px; all positions are given in level-0 px.
    """

    def __init__(self, mask: NDArray[np.bool_], downsample: float) -> None:
        self._downsample = downsample
        # 32 bits hold any mask of up to 2 billion px
        table = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), np.int32)
        np.cumsum(mask, axis=0, out=table[1:, 1:], dtype=np.int32)
        np.cumsum(table[1:, 1:], axis=1, out=table[1:, 1:])
        self._table = table

    def lattice(self, y: Float, x: Float, size: float) -> NDArray[np.float32]:
        """Return the (len(y), len(x)) covered share of squares with corners at every (y, x)."""
        rows = _interpolated(self._table, (y + size) / self._downsample)
        rows -= _interpolated(self._table, y / self._downsample)
        columns = rows.T
        area = _interpolated(columns, (x + size) / self._downsample)
        area -= _interpolated(columns, x / self._downsample)
        return self._share(area.T, size)

    def squares(self, y: Float, x: Float, size: float) -> NDArray[np.float32]:
        """Return the (n,) covered share of the squares with corners at (y[i], x[i])."""
        y0, y1 = y / self._downsample, (y + size) / self._downsample
        x0, x1 = x / self._downsample, (x + size) / self._downsample
        return self._share(self._at(y1, x1) - self._at(y0, x1) - self._at(y1, x0) + self._at(y0, x0), size)

    def _at(self, y: Float, x: Float) -> Float:
        row, down = _split(y, self._table.shape[0])
        col, right = _split(x, self._table.shape[1])
        upper = self._table[row, col] * (1 - right) + self._table[row, col + 1] * right
        lower = self._table[row + 1, col] * (1 - right) + self._table[row + 1, col + 1] * right
        return np.asarray(upper * (1 - down) + lower * down, np.float64)

    def _share(self, area: Float, size: float) -> NDArray[np.float32]:
        side = size / self._downsample
        return np.clip(area / (side * side), 0, 1).astype(np.float32)


def _split(place: Float, length: int) -> tuple[NDArray[np.intp], Float]:
    """Whole and broken part of a place in the table; places beyond the mask stop at its edge."""
    place = np.clip(place, 0, length - 1)
    whole = np.minimum(place.astype(np.intp), length - 2)
    return whole, place - whole


def _interpolated(table: NDArray[np.generic], place: Float) -> Float:
    """(len(place), columns) rows of the table at broken places."""
    whole, part = _split(place, table.shape[0])
    low = np.asarray(table[whole], np.float64)
    low += (np.asarray(table[whole + 1], np.float64) - low) * part[:, None]
    return low
