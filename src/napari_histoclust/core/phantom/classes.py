"""Which class each px of a block is of: the truth."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.phantom import layout
from napari_histoclust.core.phantom.layout import NODE_PX, Plan, class_of, interpolate, vessel_at
from napari_histoclust.core.phantom.parts import Parts


@numba.njit(nogil=True, cache=True)
def _plain(fields: NDArray[np.float32], i: int, j: int) -> bool:
    """Whether a lattice cell is all of one class: equal corners, and no vessel near."""
    first = class_of(fields[i, j])
    if (
        first != class_of(fields[i, j + 1])
        or first != class_of(fields[i + 1, j])
        or first != class_of(fields[i + 1, j + 1])
    ):
        return False
    return first == 0 or fields[i, j, layout.F_VESSEL] < -2.0 * NODE_PX


@numba.njit(nogil=True, cache=True)
def draw_classes(plan: Plan, fields: NDArray[np.float32], y0: int, x0: int, parts: Parts) -> None:
    """Write the class of each px of the block at (y0, x0) into `parts.tissue`; glands must be drawn."""
    values, tissue = np.empty(layout.DECIDING, np.float32), parts.tissue
    margin, cells = plan.margin, tissue.shape[0] // NODE_PX
    for i in range(cells):
        for j in range(cells):
            rows, cols = i * NODE_PX, j * NODE_PX
            if _plain(fields, i + margin, j + margin):
                tissue[rows : rows + NODE_PX, cols : cols + NODE_PX] = class_of(
                    fields[i + margin, j + margin]
                )
                continue
            for y in range(rows, rows + NODE_PX):
                for x in range(cols, cols + NODE_PX):
                    interpolate(fields, margin, y, x, 0, layout.DECIDING, values)
                    # Vessels are smaller than the lattice can show: their border is computed px by px.
                    if values[layout.F_VESSEL] > -2.0 * NODE_PX:
                        values[layout.F_VESSEL] = vessel_at(plan, y0 + y, x0 + x)[0]
                    tissue[y, x] = class_of(values)
    _glands_over_stroma(parts)


@numba.njit(nogil=True, cache=True)
def _glands_over_stroma(parts: Parts) -> None:
    """A gland is whole: it belongs to its tissue also where it reaches beyond the tissue's border."""
    tissue, gland = parts.tissue, parts.gland
    for y in range(tissue.shape[0]):
        for x in range(tissue.shape[1]):
            if gland[y, x] < 200 and tissue[y, x] > 0:
                tissue[y, x] = layout.GLAND
