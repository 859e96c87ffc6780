"""Tiles copied straight into the patches that lie on them, without a window in between."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Int = NDArray[np.int64]


@numba.njit(nogil=True, cache=True)
def paste(
    tile: NDArray[Any], place: tuple[int, int, int, int], y: Int, x: Int, out: NDArray[Any], index: int
) -> None:
    """Copy what a tile holds of each patch into it.

    Parameters
    ----------
    tile : (h, 3 w) uint8
        Its pixels, the colours side by side.
    place : (top, left, bottom, right)
        The part of the picture, in px, that the tile holds.
    y, x : (n,) int64
        Upper left corners of the patches in px of the picture.
    out : (n, s, p, 3 p) uint8
        The patches, the colours side by side.
    index : int
        Which of the s stains the tile belongs to.
    """
    top, left, bottom, right = place
    side = out.shape[2]
    for i in range(len(y)):
        y0, y1 = max(top, y[i]), min(bottom, y[i] + side)
        x0, x1 = max(left, x[i]), min(right, x[i] + side)
        if y0 >= y1 or x0 >= x1:
            continue
        there, here, width = 3 * (x0 - x[i]), 3 * (x0 - left), 3 * (x1 - x0)
        for row in range(y0, y1):
            out[i, index, row - y[i], there : there + width] = tile[row - top, here : here + width]
