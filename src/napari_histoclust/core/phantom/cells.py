"""Nuclei, cell bodies and capillaries, drawn into a block one by one.

Each follows from the random bits of its place in a jittered lattice, so that the block it is drawn from does
not show. Each section draws its own: neighbouring sections do not cut the same cells.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.phantom import layout
from napari_histoclust.core.phantom.glands import inside_gland
from napari_histoclust.core.phantom.layout import NODE_PX, Plan, class_at, shift_at
from napari_histoclust.core.phantom.noise import hash_place, uniform
from napari_histoclust.core.phantom.parts import Parts, draw_cone, draw_ellipse, snap

# Columns of the table of cells, lengths in um: distance of cells, share of places taken, jitter (share of the
# distance), long half-axis and its ratio to the short one, spread of sizes, direction (0 any, 1 along fibres,
# 2 along the nearest vessel), strength, share in cycle, radius of the body (share of the distance), distance
# of the nucleus from the middle of its cell (share of the distance), capillaries per 10,000 um2.
PITCH, TAKEN, JITTER, LONG, RATIO, SPREAD, DIRECTION, STRENGTH, CYCLING, BODY, ASIDE, CAPILLARIES = range(12)

CELLS = np.array(
    [
        [9, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0],  # background
        [19, 0.93, 0.75, 3.5, 1.08, 0.14, 0, 0.80, 0.015, 0.80, 0, 9],  # parenchyma
        [16, 0.55, 0.90, 4.8, 3.3, 0.25, 1, 0.85, 0.03, 0, 0, 4],  # stroma
        [15, 0.55, 0.90, 6.2, 4.5, 0.20, 1, 0.75, 0.005, 0, 0, 5],  # muscle
        [11.5, 0.95, 0.80, 4.3, 1.35, 0.28, 0, 0.72, 0.38, 0.86, 0, 2.5],  # tumour
        [13, 0.50, 0.90, 3.4, 2.0, 0.20, 0, 0.80, 0.04, 0, 0, 5],  # gland, between the glands
        [6.0, 0.97, 0.75, 2.8, 1.08, 0.12, 0, 1.00, 0.10, 0, 0, 2.5],  # lymphoid follicle
        [9, 0.60, 0.80, 4.4, 3.8, 0.15, 2, 0.80, 0.01, 0, 0, 0],  # vessel wall
        [9, 0.40, 0.90, 1.5, 1.3, 0.55, 0, 0.70, 0, 0, 0, 0],  # necrosis
        [40, 1.00, 0.60, 3.6, 3.0, 0.15, 0, 0.85, 0.005, 0.95, 0.5, 1.5],  # fat
    ],
    np.float64,
)
CELLS.flags.writeable = False


@numba.njit(nogil=True, cache=True)
def _known(plan: Plan, y: float, x: float, side: int) -> bool:
    """Whether (y, x) px of the block is near enough for all around it to be known, and to matter."""
    reach = 70 * plan.px_per_um
    return -reach <= y < side + reach and -reach <= x < side + reach


@numba.njit(nogil=True, cache=True)
def _direction(plan: Plan, fields: NDArray[np.float32], y: float, x: float, field: int) -> float:
    """Angle along which `field` does not change at (y, x) px of the block."""
    i, j = int(y / NODE_PX + plan.margin), int(x / NODE_PX + plan.margin)
    down = fields[i + 1, j, field] - fields[i, j, field]
    right = fields[i, j + 1, field] - fields[i, j, field]
    return math.atan2(right, -down)


@numba.njit(nogil=True, cache=True)
def draw_cells(
    plan: Plan,
    cells: NDArray[np.float64],
    fields: NDArray[np.float32],
    y0: int,
    x0: int,
    tissue: int,
    parts: Parts,
) -> None:
    """Draw the nuclei and bodies of one tissue in the block at (y0, x0) px."""
    side, pitch = parts.nucleus.shape[0], cells[tissue, PITCH] * plan.px_per_um
    reach = 1.2 * pitch + 12 * plan.px_per_um
    values = np.empty(layout.DECIDING, np.float32)
    for i in range(math.floor((y0 - reach) / pitch), math.floor((y0 + side + reach) / pitch) + 1):
        for j in range(math.floor((x0 - reach) / pitch), math.floor((x0 + side + reach) / pitch) + 1):
            bits = hash_place(plan.section_seed + tissue, i, j)
            if uniform(bits, 0) > cells[tissue, TAKEN]:
                continue
            jitter = cells[tissue, JITTER]
            ty = (i + 0.5 + jitter * (uniform(bits, 1) - 0.5)) * pitch
            tx = (j + 0.5 + jitter * (uniform(bits, 2) - 0.5)) * pitch
            dy, dx = shift_at(plan, ty, tx)
            y, x = snap(ty - dy) - y0, snap(tx - dx) - x0
            if not _known(plan, y, x, side) or class_at(fields, plan.margin, y, x, values) != tissue:
                continue
            if tissue <= layout.GLAND and inside_gland(plan, fields, y0, x0, y, x):
                continue
            _draw_cell(plan, cells[tissue], fields, values, tissue, y, x, bits, parts)


@numba.njit(nogil=True, cache=True)
def _draw_cell(
    plan: Plan,
    cell: NDArray[np.float64],
    fields: NDArray[np.float32],
    values: NDArray[np.float32],
    tissue: int,
    y: float,
    x: float,
    bits: np.uint32,
    parts: Parts,
) -> None:
    """Draw one cell at (y, x) px of the block."""
    pitch = cell[PITCH] * plan.px_per_um
    if cell[BODY] > 0:
        draw_cone(parts, y, x, pitch * cell[BODY] * (0.9 + 0.2 * uniform(bits, 3)))
    angle = 6.283 * uniform(bits, 4)
    if cell[ASIDE] > 0:
        aside = pitch * cell[ASIDE]
        y, x = snap(y + aside * math.sin(angle)), snap(x + aside * math.cos(angle))
        angle += 1.571
    elif cell[DIRECTION] > 0:
        field = layout.ACROSS if cell[DIRECTION] == 1 else layout.F_VESSEL
        angle = _direction(plan, fields, y, x, field) + 0.5 * (uniform(bits, 4) - 0.5)
    if tissue == layout.VESSEL:
        i, j = int(y / NODE_PX + plan.margin), int(x / NODE_PX + plan.margin)
        if values[layout.F_VESSEL] > fields[i, j, layout.WALL]:
            return
    size = plan.px_per_um * (1 + cell[SPREAD] * (2 * uniform(bits, 5) - 1))
    ratio = 1 + (cell[RATIO] - 1) * (0.5 + uniform(bits, 6))
    strength = min(1.0, cell[STRENGTH] * (0.8 + 0.4 * uniform(bits, 7)))
    cycling = cell[CYCLING]
    # The pale middle of a follicle, the germinal centre: larger nuclei, most of them in cycle.
    if tissue == layout.LYMPHOID and values[layout.F_LYMPHOID] > 0.10:
        size, strength, cycling = size * 1.25, strength * 0.72, 0.65
    long, short = size * cell[LONG], size * cell[LONG] / ratio
    draw_ellipse(parts.nucleus, y, x, long, short, angle, strength)
    if uniform(bits, 8) < cycling:
        draw_ellipse(parts.cycling, y, x, long, short, angle, strength)


@numba.njit(nogil=True, cache=True)
def draw_capillaries(
    plan: Plan, cells: NDArray[np.float64], fields: NDArray[np.float32], y0: int, x0: int, parts: Parts
) -> None:
    """Draw short thin vessels between the cells of every tissue."""
    side, pitch = parts.capillary.shape[0], 22.0 * plan.px_per_um
    values = np.empty(layout.DECIDING, np.float32)
    for i in range(math.floor(y0 / pitch) - 1, math.floor((y0 + side) / pitch) + 2):
        for j in range(math.floor(x0 / pitch) - 1, math.floor((x0 + side) / pitch) + 2):
            bits = hash_place(plan.section_seed + 90, i, j)
            ty, tx = (i + uniform(bits, 1)) * pitch, (j + uniform(bits, 2)) * pitch
            dy, dx = shift_at(plan, ty, tx)
            y, x = snap(ty - dy) - y0, snap(tx - dx) - x0
            if not _known(plan, y, x, side):
                continue
            tissue = class_at(fields, plan.margin, y, x, values)
            # A place of the lattice is 484 um2.
            if uniform(bits, 0) > cells[tissue, CAPILLARIES] * 0.0484:
                continue
            if tissue <= layout.GLAND and inside_gland(plan, fields, y0, x0, y, x):
                continue
            angle = 6.283 * uniform(bits, 3)
            if cells[tissue, DIRECTION] == 1:
                angle = _direction(plan, fields, y, x, layout.ACROSS)
            long = plan.px_per_um * (3 + 5 * uniform(bits, 4))
            draw_ellipse(parts.capillary, y, x, long, plan.px_per_um * 1.3, angle, 0.95)
