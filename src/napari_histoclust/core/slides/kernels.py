"""Compiled loops over px; importing them imports numba, which takes half a second.

Places in a warped slide are computed from the px's own whole number and nothing else, so that a px has the
same colour in whichever window it is read: in the viewer's chunks, in a patch, in the overview.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

UInt8 = NDArray[np.uint8]
Float = NDArray[np.float64]
Int = NDArray[np.int64]

WHITE = 255


@numba.njit(nogil=True, cache=True)
def place_in_source(
    y: float, x: float, to_level0: Float, field: NDArray[np.float32], to_field: Float, to_source: Float
) -> tuple[float, float]:  # pragma: no cover - compiled
    """Return where (y, x) px of the reference's level lie in the source, in px of its level.

    Parameters
    ----------
    to_level0 : (2, 2)
        Factor and offset from px of the level to level-0 px of the reference, for y and for x.
    field : (h, w, 2) float32
        Displacement (y, x) in level-0 px; empty where there is none. Interpolated linearly, and constant
        beyond the centres of its outermost px.
    to_field : (2, 2)
        Factor and offset from level-0 px to px of the field.
    to_source : (2, 3)
        From displaced level-0 px of the reference to px of the source.
    """
    v = y * to_level0[0, 0] + to_level0[0, 1]
    u = x * to_level0[1, 0] + to_level0[1, 1]
    height, width = field.shape[0], field.shape[1]
    if height > 0:
        fy = min(max(v * to_field[0, 0] + to_field[0, 1], 0.0), height - 1.0)
        fx = min(max(u * to_field[1, 0] + to_field[1, 1], 0.0), width - 1.0)
        i, j = int(fy), int(fx)
        below, right = min(i + 1, height - 1), min(j + 1, width - 1)
        a, b = fy - i, fx - j
        v += (1 - a) * ((1 - b) * field[i, j, 0] + b * field[i, right, 0]) + a * (
            (1 - b) * field[below, j, 0] + b * field[below, right, 0]
        )
        u += (1 - a) * ((1 - b) * field[i, j, 1] + b * field[i, right, 1]) + a * (
            (1 - b) * field[below, j, 1] + b * field[below, right, 1]
        )
    return (
        to_source[0, 0] * v + to_source[0, 1] * u + to_source[0, 2],
        to_source[1, 0] * v + to_source[1, 1] * u + to_source[1, 2],
    )


@numba.njit(nogil=True, cache=True)
def sample(
    source: UInt8,
    corner: NDArray[np.int64],
    size: NDArray[np.int64],
    y: int,
    x: int,
    to_level0: Float,
    field: NDArray[np.float32],
    to_field: Float,
    to_source: Float,
    out: UInt8,
) -> None:  # pragma: no cover - compiled
    """Fill the window `out`, whose corner lies at (y, x) px of the reference's level.

    Parameters
    ----------
    source : (h, w, 3) uint8
        Part of the source's level that holds all that is needed.
    corner, size : (2,) int64
        Where `source` begins in its level, and the size of the whole level. What lies outside is white.
    to_level0, field, to_field, to_source
        See `place_in_source`.
    out : (height, width, 3) uint8
    """
    height, width = size[0], size[1]
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            v, u = place_in_source(float(y + row), float(x + col), to_level0, field, to_field, to_source)
            if not (-0.5 <= v < height - 0.5 and -0.5 <= u < width - 0.5):
                for channel in range(3):
                    out[row, col, channel] = WHITE
                continue
            v, u = min(max(v, 0.0), height - 1.0), min(max(u, 0.0), width - 1.0)
            i, j = int(v), int(u)
            a, b = v - i, u - j
            below, right = min(i + 1, height - 1) - corner[0], min(j + 1, width - 1) - corner[1]
            i, j = i - corner[0], j - corner[1]
            for channel in range(3):
                top = (1 - b) * source[i, j, channel] + b * source[i, right, channel]
                bottom = (1 - b) * source[below, j, channel] + b * source[below, right, channel]
                out[row, col, channel] = int((1 - a) * top + a * bottom + 0.5)


@numba.njit(nogil=True, cache=True)
def mark_inside(
    own: NDArray[np.bool_],
    to_level0: Float,
    field: NDArray[np.float32],
    to_field: Float,
    to_source: Float,
    out: NDArray[np.bool_],
) -> None:  # pragma: no cover - compiled
    """Mark the px of a small picture of the reference whose place lies in a valid px of `own`."""
    height, width = own.shape
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            v, u = place_in_source(float(row), float(col), to_level0, field, to_field, to_source)
            inside = -0.5 <= v < height - 0.5 and -0.5 <= u < width - 0.5
            out[row, col] = inside and own[int(v + 0.5), int(u + 0.5)]


@numba.njit(nogil=True, cache=True)
def paste(
    tile: NDArray[Any], place: tuple[int, int, int, int], y: Int, x: Int, out: NDArray[Any], index: int
) -> None:
    """Copy what a tile holds of each patch straight into it, without a window in between.

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
