"""The compiled loops of the plot. Importing this module compiles them: do it off the GUI thread.

The first import on a machine takes some seconds, later ones read the cache. All loops take the signatures
that they state and no others, so that none is ever compiled in the middle of a gesture; all let other Python
go on while they run.

Points come in draw order with one value each: 0 for a hidden one, else its colour code (1..32767), plus
`SELECTED` if it is selected. Which part of them to look at is a (k, 2) table of spans. A view is the point of
the plane in the middle, px per unit, and the shape of the raster; y of the plane goes up, rows go down.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

F = TypeVar("F", bound=Callable[..., Any])

SELECTED = 0x8000

_X, _SPANS, _VIEW = "float32[::1]", "int64[:,::1]", "float32, float32, float32"
_POINTS = f"{_X}, {_X}, uint16[::1], {_SPANS}"


def _compiled(signature: str) -> Callable[[F], F]:
    """Compile for this signature and no other."""
    return cast("Callable[[F], F]", numba.njit(signature, nogil=True, cache=True))


@_compiled("void(uint16[::1], boolean[::1], uint8[::1], int32[::1], uint16[::1])")
def mark(codes: Any, shown: Any, chosen_bits: Any, order: Any, values: Any) -> None:
    """Write the value of each point.

    Parameters
    ----------
    codes : (m,) uint16
        Colour code of each point.
    shown : (codes,) bool
        Whether what has this code is drawn.
    chosen_bits : uint8
        The selection by patch, packed as `numpy.packbits` does: an eighth of the memory to hop about in.
    order : (m,) int32
        Patch of each point.
    values : (m,) uint16
        Result.
    """
    for i in range(len(order)):
        patch = order[i]
        bit = (chosen_bits[patch >> 3] >> np.uint8(7 - (patch & 7))) & 1
        code = codes[i]
        values[i] = code | (bit << 15) if shown[code] else 0


@_compiled(f"void({_POINTS}, {_VIEW}, uint16[:,::1])")
def draw_px(x: Any, y: Any, values: Any, spans: Any, x0: Any, y0: Any, scale: Any, raster: Any) -> None:
    """Draw each point as one px; later ones cover earlier ones and selected ones cover all others.

    Without a branch on the value: a mixed selection of 10,000,000 points takes 35 ms instead of 62.
    """
    height, width = raster.shape
    middle_x, middle_y = np.float32(0.5 * width), np.float32(0.5 * height)
    end_x, end_y, zero = np.float32(width), np.float32(height), np.float32(0)
    for k in range(len(spans)):
        for i in range(spans[k, 0], spans[k, 1]):
            column, row = (x[i] - x0) * scale + middle_x, (y0 - y[i]) * scale + middle_y
            if column >= zero and row >= zero and column < end_x and row < end_y:
                q, r = np.int32(column), np.int32(row)
                value, there = values[i], raster[r, q]
                raster[r, q] = value if value > 0 and (value | 0x7FFF) >= there else there


@_compiled(f"void({_POINTS}, {_VIEW}, uint16, int32[:,::1], uint16[:,::1])")
def draw_discs(
    x: Any, y: Any, values: Any, spans: Any, x0: Any, y0: Any, scale: Any, lowest: Any, disc: Any, raster: Any
) -> None:
    """Draw points as a set of px about their own, over what is there; later ones cover earlier ones.

    Parameters
    ----------
    lowest : uint16
        Points of smaller values are left out: 1 draws all, `SELECTED` only those that are selected.
    disc : (px, 2) int32
        Rows and columns from the point's own px.
    """
    height, width = raster.shape
    middle_x, middle_y = np.float32(0.5 * width), np.float32(0.5 * height)
    reach = np.abs(disc).max()
    low, end_x, end_y = np.float32(-reach), np.float32(width + reach), np.float32(height + reach)
    for k in range(len(spans)):
        for i in range(spans[k, 0], spans[k, 1]):
            if values[i] < lowest:
                continue
            column, row = (x[i] - x0) * scale + middle_x, (y0 - y[i]) * scale + middle_y
            if column >= low and row >= low and column < end_x and row < end_y:
                q0, r0 = np.int32(np.floor(column)), np.int32(np.floor(row))
                for p in range(len(disc)):
                    r, q = r0 + disc[p, 0], q0 + disc[p, 1]
                    if r >= 0 and q >= 0 and r < height and q < width:
                        raster[r, q] = values[i]


@_compiled("void(uint16[:,::1], uint32[:,::1], uint32[:,::1])")
def colour_px(raster: Any, table: Any, pixels: Any) -> None:
    """Look up the colour of each px in a (2, codes) table: row 0 for plain ones, row 1 for selected ones."""
    for r in range(raster.shape[0]):
        for q in range(raster.shape[1]):
            value = raster[r, q]
            pixels[r, q] = table[value >> 15, value & 0x7FFF]


@_compiled(f"int64({_X}, {_X}, {_SPANS}, int64, {_VIEW}, float32, float32)")
def count_visible(
    x: Any, y: Any, spans: Any, step: Any, x0: Any, y0: Any, scale: Any, width: Any, height: Any
) -> Any:
    """Count the points on the canvas, looking at every `step`-th of each span."""
    half_x, half_y = np.float32(0.5) * width / scale, np.float32(0.5) * height / scale
    count = 0
    for k in range(len(spans)):
        for i in range(spans[k, 0], spans[k, 1], step):
            count += abs(x[i] - x0) <= half_x and abs(y[i] - y0) <= half_y
    return count


@_compiled("void(float64[:,::1], boolean[:,::1])")
def fill_polygon(corners: Any, mask: Any) -> None:
    """Set the px whose centres a polygon winds about; the last corner is joined to the first.

    An outline that crosses itself holds what it winds about even twice, as a hand-drawn loop is meant.

    Parameters
    ----------
    corners : (k, 2) float64
        Column and row in px.
    mask : (rows, columns) bool
        Result; comes in all False.
    """
    height, width = mask.shape
    turns = np.zeros((height, width + 1), np.int32)
    for k in range(len(corners)):
        x0, y0 = corners[k - 1]
        x1, y1 = corners[k]
        turn = 1 if y1 > y0 else -1
        if turn < 0:
            x0, y0, x1, y1 = x1, y1, x0, y0
        # centres of the rows from y0 (in) to y1 (out), so that a corner is not counted twice
        for r in range(max(0, int(np.ceil(y0 - 0.5))), min(height, int(np.ceil(y1 - 0.5)))):
            column = x0 + (r + 0.5 - y0) / (y1 - y0) * (x1 - x0)
            turns[r, max(0, min(width, int(np.ceil(column - 0.5))))] += turn
    for r in range(height):
        winding = 0
        for q in range(width):
            winding += turns[r, q]
            mask[r, q] = winding != 0


@_compiled(f"void({_POINTS}, int32[::1], {_VIEW}, boolean[:,::1], boolean[::1])")
def points_inside(
    x: Any, y: Any, values: Any, spans: Any, order: Any, x0: Any, y0: Any, scale: Any, mask: Any, found: Any
) -> None:
    """Set in `found`, by patch, the points that are drawn and whose own px is set in `mask`."""
    height, width = mask.shape
    middle_x, middle_y = np.float32(0.5 * width), np.float32(0.5 * height)
    end_x, end_y, zero = np.float32(width), np.float32(height), np.float32(0)
    for k in range(len(spans)):
        for i in range(spans[k, 0], spans[k, 1]):
            column, row = (x[i] - x0) * scale + middle_x, (y0 - y[i]) * scale + middle_y
            is_on = column >= zero and row >= zero and column < end_x and row < end_y
            if is_on and values[i] > 0 and mask[np.int32(row), np.int32(column)]:
                found[order[i]] = True


@_compiled(f"int64({_POINTS}, float32, float32, float32)")
def nearest(x: Any, y: Any, values: Any, spans: Any, x0: Any, y0: Any, reach: Any) -> Any:
    """Return which drawn point is nearest to a point of the plane, -1 if none is within `reach`.

    Of points at one place it is the one drawn on top.
    """
    best, found, on_top = reach * reach, -1, np.uint16(0)
    for k in range(len(spans)):
        for i in range(spans[k, 0], spans[k, 1]):
            distance = (x[i] - x0) ** 2 + (y[i] - y0) ** 2
            above = (values[i] | 0x7FFF) >= (on_top | 0x7FFF)
            if values[i] > 0 and (distance < best or (distance == best and above)):
                best, found, on_top = distance, i, values[i]
    return found


@_compiled(f"Tuple((int32[::1], int64[::1]))({_X}, {_X}, int32[::1], {_VIEW}, float32, int64, int64)")
def sort_into_cells(
    x: Any, y: Any, shuffled: Any, x0: Any, y0: Any, per_x: Any, per_y: Any, columns: Any, rows: Any
) -> Any:
    """Sort points by the cell of a coarse lattice over the plane, keeping their given order inside each.

    Parameters
    ----------
    x, y : (n,) float32
        By patch.
    shuffled : (m,) int32
        The patches to sort.
    x0, y0 : float32
        Corner of the lattice.
    per_x, per_y : float32
        Cells per unit of the plane.
    columns, rows : int64
        Of the lattice.

    Returns
    -------
    order : (m,) int32
        Patches, row of cells after row of cells.
    starts : (rows * columns + 1,) int64
        First place of each cell in `order`.
    """
    cell = np.empty(len(shuffled), np.int32)
    starts = np.zeros(rows * columns + 1, np.int64)
    for k in range(len(shuffled)):
        i = shuffled[k]
        column = min(np.int64((x[i] - x0) * per_x), columns - 1)
        row = min(np.int64((y[i] - y0) * per_y), rows - 1)
        cell[k] = row * columns + column
        starts[cell[k] + 1] += 1
    for c in range(rows * columns):
        starts[c + 1] += starts[c]
    free = starts.copy()
    order = np.empty(len(shuffled), np.int32)
    for k in range(len(shuffled)):
        order[free[cell[k]]] = shuffled[k]
        free[cell[k]] += 1
    return order, starts
