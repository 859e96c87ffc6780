"""Glands: rings of upright cells around a lumen, on a jittered lattice that all sections share."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.phantom import layout
from napari_histoclust.core.phantom.layout import Plan, class_at, shift_at
from napari_histoclust.core.phantom.noise import hash_place, uniform
from napari_histoclust.core.phantom.parts import Parts, UInt8, draw_ellipse, snap

GLAND_UM = 62.0
"""Distance of glands."""


@numba.njit(nogil=True, cache=True)
def _gland_at(plan: Plan, i: int, j: int) -> tuple[float, float, float, np.uint32]:
    """Return centre y, x and radius in px (reference frame) and the bits of the gland of one place."""
    bits = hash_place(plan.seed + 81, i, j)
    pitch = GLAND_UM * plan.px_per_um
    y = (i + 0.5 + 0.34 * (uniform(bits, 0) - 0.5)) * pitch
    x = (j + 0.25 + 0.5 * (i & 1) + 0.34 * (uniform(bits, 1) - 0.5)) * pitch
    return y, x, pitch * (0.34 + 0.13 * uniform(bits, 2)), bits


@numba.njit(nogil=True, cache=True)
def _gland_shape(bits: np.uint32, angle: float) -> float:
    """Radius of a gland at `angle`, as a share of its mean radius."""
    phase = 6.283 * uniform(bits, 3)
    return 1 + 0.14 * math.cos(2 * angle + phase) + 0.07 * math.sin(3 * angle + 2 * phase)


@numba.njit(nogil=True, cache=True)
def _room_for_gland(plan: Plan, fields: NDArray[np.float32], y: float, x: float, radius: float) -> bool:
    """Whether a gland at (y, x) px of the block lies in glandular tissue and cuts into no other structure."""
    values = np.empty(layout.DECIDING, np.float32)
    if class_at(fields, plan.margin, y, x, values) != layout.GLAND:
        return False
    for k in range(8):
        angle = k * 0.785398
        tissue = class_at(
            fields, plan.margin, y + radius * math.sin(angle), x + radius * math.cos(angle), values
        )
        if tissue not in (layout.GLAND, layout.STROMA, layout.PARENCHYMA):
            return False
    return True


@numba.njit(nogil=True, cache=True)
def draw_glands(plan: Plan, fields: NDArray[np.float32], y0: int, x0: int, parts: Parts) -> None:
    """Draw the glands of the block at (y0, x0) px, and the nuclei in their epithelium."""
    side, pitch = parts.gland.shape[0], GLAND_UM * plan.px_per_um
    for i in range(math.floor((y0 - pitch) / pitch), math.floor((y0 + side + pitch) / pitch) + 1):
        for j in range(math.floor((x0 - pitch) / pitch) - 1, math.floor((x0 + side + pitch) / pitch) + 1):
            gy, gx, radius, bits = _gland_at(plan, i, j)
            dy, dx = shift_at(plan, gy, gx)
            y, x = snap(gy - dy) - y0, snap(gx - dx) - x0
            reach = 1.3 * radius
            if not (-reach < y < side + reach and -reach < x < side + reach):
                continue
            if _room_for_gland(plan, fields, y, x, 1.1 * radius):
                _draw_gland(parts.gland, y, x, radius, bits)
                _draw_epithelium(plan, parts, y, x, radius, bits)


@numba.njit(nogil=True, cache=True)
def _draw_gland(picture: UInt8, y: float, x: float, radius: float, bits: np.uint32) -> None:
    side, reach = picture.shape[0], radius * 1.25
    for i in range(max(0, math.ceil(y - reach)), min(side, math.floor(y + reach) + 1)):
        for j in range(max(0, math.ceil(x - reach)), min(side, math.floor(x + reach) + 1)):
            distance = math.hypot(i - y, j - x) / radius / _gland_shape(bits, math.atan2(i - y, j - x))
            if distance < 1.2:
                picture[i, j] = min(picture[i, j], np.uint8(200 * distance))


@numba.njit(nogil=True, cache=True)
def _draw_epithelium(plan: Plan, parts: Parts, y: float, x: float, radius: float, bits: np.uint32) -> None:
    """Draw the ring of upright nuclei near the border; other sections cut other cells."""
    um = plan.px_per_um
    count = int(6.283 * 0.78 * radius / (5.2 * um))
    for k in range(count):
        own = hash_place(plan.section_seed + 82, bits, k)
        angle = 6.283 * (k + 0.7 * uniform(own, 0)) / count
        away = radius * (0.76 + 0.10 * (uniform(own, 1) - 0.5)) * _gland_shape(bits, angle)
        ny, nx = snap(y + away * math.sin(angle)), snap(x + away * math.cos(angle))
        long, short = um * (4.2 + uniform(own, 2)), um * (2.3 + 0.5 * uniform(own, 3))
        strength = 0.8 + 0.2 * uniform(own, 4)
        draw_ellipse(parts.nucleus, ny, nx, long, short, angle, strength)
        if uniform(own, 5) < 0.08:
            draw_ellipse(parts.cycling, ny, nx, long, short, angle, strength)


@numba.njit(nogil=True, cache=True)
def inside_gland(plan: Plan, fields: NDArray[np.float32], y0: int, x0: int, y: float, x: float) -> bool:
    """Whether (y, x) px of the block lies inside a gland that is drawn."""
    dy, dx = shift_at(plan, y + y0, x + x0)
    ty, tx, pitch = y + y0 + dy, x + x0 + dx, GLAND_UM * plan.px_per_um
    row, col = math.floor(ty / pitch), math.floor(tx / pitch)
    for i in range(row - 1, row + 2):
        for j in range(col - 2, col + 2):
            gy, gx, radius, bits = _gland_at(plan, i, j)
            away, angle = math.hypot(ty - gy, tx - gx), math.atan2(ty - gy, tx - gx)
            if away < 1.02 * radius * _gland_shape(bits, angle) and _room_for_gland(
                plan, fields, snap(gy - dy) - y0, snap(gx - dx) - x0, 1.1 * radius
            ):
                return True
    return False
