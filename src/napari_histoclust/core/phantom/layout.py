"""Where which tissue lies: fields over the slide, positive inside their tissue.

The slide is ten units wide whatever its size in px, so that the plan scales with the slide while cells do
not. Fields are computed on a lattice of 16 px and interpolated between.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.phantom.noise import hash_place, octaves, uniform, value_noise

CLASSES = (
    "background",
    "parenchyma",
    "stroma",
    "muscle",
    "tumour",
    "gland",
    "lymphoid follicle",
    "vessel",
    "necrosis",
    "fat",
)
"""Names of the classes in the truth, in the order of their values."""

PARENCHYMA, STROMA, MUSCLE, TUMOUR, GLAND, LYMPHOID, VESSEL, NECROSIS, FAT = range(1, 10)

NODE_PX = 16
"""Distance of the lattice on which the fields are computed."""

_MARGIN_UM = 140.0
"""Breadth of the rim computed around a block, so that a gland that reaches in knows its tissue."""

# Rows of the field array. ALONG and ACROSS are coordinates in px along and across the fibres.
OUTLINE, F_MUSCLE, F_STROMA, F_TUMOUR, F_NECROSIS, F_GLAND, F_LYMPHOID, F_FAT, F_VESSEL = range(9)
WALL, ALONG, ACROSS, SHADE = range(9, 13)
FIELDS = 13
DECIDING = 9
"""The first nine fields decide the class; the others are only carried along."""


class Plan(NamedTuple):
    """Everything that decides where tissue lies in one section (a named tuple, which numba understands).

    Parameters
    ----------
    seed, section_seed : int
        Of the tissue, shared by all sections, and of this section.
    size_px : int
        Side of the slide.
    px_per_um : float
        Scale.
    angle : float
        Turn of the whole plan, radians.
    mirror : float
        1 or -1.
    blobs : (n, 4) float64
        Class, y, x, radius in units.
    vessel_px : float
        Pitch of the vessel lattice.
    shift : (8,) float64
        Misalignment of this section: dy, dx, turn, amplitude and two wave numbers and phases (px, radians).
    margin : int
        Nodes computed around a block.
    """

    seed: int
    section_seed: int
    size_px: int
    px_per_um: float
    angle: float
    mirror: float
    blobs: NDArray[np.float64]
    vessel_px: float
    shift: NDArray[np.float64]
    margin: int


def make_plan(seed: int, section: int, size_px: int, um_per_px: float) -> Plan:
    """Draw the plan of one section; `section` 0 is the reference, which is not shifted."""
    rng = np.random.default_rng([seed, 1])
    return Plan(
        seed=int(rng.integers(2**31)),
        section_seed=int(np.random.default_rng([seed, 2, section]).integers(2**31)),
        size_px=size_px,
        px_per_um=1 / um_per_px,
        angle=float(rng.uniform(0, 2 * math.pi)),
        mirror=float(rng.choice([-1.0, 1.0])),
        blobs=_blobs(rng),
        vessel_px=float(np.clip(size_px / 14, 260, 1000)),
        shift=_shift(np.random.default_rng([seed, 3, section]), size_px, still=section == 0),
        margin=math.ceil(_MARGIN_UM / um_per_px / NODE_PX) + 1,
    )


def _blobs(rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw tumours and gland lobes around the middle, each in its own sector."""
    rows = []
    for tissue, angle, distance, radius in (
        (TUMOUR, 0.0, 1.75, 1.32),
        (TUMOUR, 4.1, 2.0, 0.72),
        (GLAND, 2.1, 1.9, 1.1),
        (GLAND, 3.15, 2.3, 0.62),
    ):
        turn, away = angle + rng.uniform(-0.2, 0.2), distance * rng.uniform(0.9, 1.1)
        rows.append((tissue, away * math.sin(turn), away * math.cos(turn), radius * rng.uniform(0.92, 1.08)))
    return np.array(rows, np.float64)


def _shift(rng: np.random.Generator, size_px: int, *, still: bool) -> NDArray[np.float64]:
    """Draw a shift of at most 1.2 px a direction, a turn of 0.7 px at the corner, a wave of 0.8 px."""
    if still:
        return np.zeros(8)
    dy, dx = rng.uniform(-1.2, 1.2, 2)
    turn = rng.uniform(-1, 1) * 0.7 / (size_px * math.sqrt(0.5))
    waves = rng.uniform(2, 5, 2) * 2 * math.pi / size_px
    return np.array([dy, dx, turn, 0.8, *waves, *rng.uniform(0, 2 * math.pi, 2)])


@numba.njit(nogil=True, cache=True)
def shift_at(plan: Plan, y: float, x: float) -> tuple[float, float]:
    """Return how far (px) tissue at (y, x) of this section lies from its place in the reference."""
    dy, dx, turn, wave, ky, kx, phase_y, phase_x = plan.shift
    middle = plan.size_px / 2
    return (
        dy + turn * (x - middle) + wave * math.sin(ky * x + phase_y),
        dx - turn * (y - middle) + wave * math.sin(kx * y + phase_x),
    )


@numba.njit(nogil=True, cache=True)
def _lymphoid(plan: Plan, v: float, u: float) -> float:
    """Distance in units inside the nearest follicle of a jittered lattice."""
    best, pitch = -9.0, 1.35
    row, col = math.floor(v / pitch), math.floor(u / pitch)
    for i in range(row - 1, row + 2):
        for j in range(col - 1, col + 2):
            bits = hash_place(plan.seed + 71, i, j)
            if uniform(bits, 0) > 0.42:
                continue
            y = (i + 0.25 + 0.5 * uniform(bits, 1)) * pitch
            x = (j + 0.25 + 0.5 * uniform(bits, 2)) * pitch
            best = max(best, 0.16 + 0.2 * uniform(bits, 3) - math.hypot(v - y, (u - x) * 1.15))
    return best


@numba.njit(nogil=True, cache=True)
def _vessel(plan: Plan, y: float, x: float) -> tuple[float, float]:
    """Distance in px inside the nearest vessel, and the thickness of its wall."""
    best, wall, pitch = -999.0, 0.0, plan.vessel_px
    row, col = math.floor(y / pitch), math.floor(x / pitch)
    for i in range(row - 1, row + 2):
        for j in range(col - 1, col + 2):
            bits = hash_place(plan.seed + 72, i, j)
            if uniform(bits, 0) > 0.4:
                continue
            dy = y - (i + 0.3 + 0.4 * uniform(bits, 1)) * pitch
            dx = x - (j + 0.3 + 0.4 * uniform(bits, 2)) * pitch
            radius = pitch * (0.07 + 0.13 * uniform(bits, 3) ** 2)
            direction = math.atan2(dy, dx)
            flat = (
                1 + 0.22 * math.cos(2 * (direction - 6.3 * uniform(bits, 4))) + 0.06 * math.sin(3 * direction)
            )
            depth = radius * flat - math.sqrt(dy * dy + dx * dx)
            if depth > best:
                best, wall = depth, radius * (0.12 + 0.2 * uniform(bits, 5))
    return best, wall


@numba.njit(nogil=True, cache=True)
def _fields_at(plan: Plan, y: float, x: float, out: NDArray[np.float32]) -> None:
    """Write the fields at one place (px of this section) into `out` (FIELDS,)."""
    dy, dx = shift_at(plan, y, x)
    y, x = y + dy, x + dx
    unit = 10.0 / plan.size_px
    # Borders wander at the scale of cells as well as at that of the slide.
    fine = 9.0 * plan.px_per_um * unit
    wander_y = fine * octaves(plan.seed + 1, y / 110, x / 110, 2)
    wander_x = fine * octaves(plan.seed + 2, y / 110, x / 110, 2)
    v, u = y * unit - 5, (x * unit - 5) * plan.mirror
    warp_v, warp_u = octaves(plan.seed + 3, v * 0.5, u * 0.5, 4), octaves(plan.seed + 9, v * 0.5, u * 0.5, 4)
    wv, wu = v + 0.55 * warp_v + wander_y, u + 0.55 * warp_u + wander_x
    cos, sin = math.cos(plan.angle), math.sin(plan.angle)
    pv, pu = wv * cos - wu * sin, wv * sin + wu * cos
    rough = octaves(plan.seed + 15, wv * 1.3, wu * 1.3, 4)
    ridge = abs(octaves(plan.seed + 21, wv * 0.42, wu * 0.42, 3))
    radius = (abs(pv / 3.95) ** 2.5 + abs(pu / 4.3) ** 2.5) ** 0.4
    inside = (1 - radius) * 4.0 + 0.25 * rough
    out[OUTLINE] = min(inside, 2.2 * ridge - 0.07 * (1.0 - inside))
    direction = math.atan2(pv, pu)
    out[F_MUSCLE] = min(0.82 + 0.2 * rough - inside, 2.2 * (math.cos(direction + 1.5) - 0.35))
    out[F_FAT] = min(0.8 + 0.35 * rough - inside, 2.2 * (math.cos(direction - 1.15) - 0.72))
    out[F_TUMOUR], out[F_GLAND] = -9.0, -9.0
    for k in range(plan.blobs.shape[0]):
        tissue, by, bx, br = plan.blobs[k]
        field = F_TUMOUR if tissue == TUMOUR else F_GLAND
        depth = br - math.hypot(pv - by, pu - bx) + 0.45 * rough
        out[field] = max(out[field], depth)
    out[F_TUMOUR] = min(out[F_TUMOUR], inside - 0.2)
    out[F_NECROSIS] = out[F_TUMOUR] - 0.66 + 0.3 * warp_v - 0.25 * rough
    rim = 0.11 - abs(out[F_TUMOUR] + 0.08)
    out[F_STROMA] = max(max(0.03 + 0.05 * warp_u - 0.6 * ridge, rim), 0.10 - inside)
    out[F_LYMPHOID] = min(_lymphoid(plan, wv, wu), min(inside - 0.35, -0.1 - out[F_TUMOUR]))
    depth, out[WALL] = _vessel(plan, y, x)
    out[F_VESSEL] = depth if inside > 0.3 else -999.0
    far = 500.0 * plan.px_per_um
    out[ALONG] = x * cos - y * sin + 0.30 * far * octaves(plan.seed + 31, y / far, x / far, 3)
    out[ACROSS] = y * cos + x * sin + 0.30 * far * octaves(plan.seed + 35, y / far, x / far, 3)
    out[SHADE] = 1 + 0.10 * value_noise(plan.section_seed, v * 0.3, u * 0.3)


@numba.njit(nogil=True, cache=True)
def block_fields(plan: Plan, y: int, x: int, side: int) -> NDArray[np.float32]:
    """Return the fields around the block of `side` px at (y, x), all multiples of NODE_PX.

    Returns
    -------
    (nodes, nodes, FIELDS) float32; node (plan.margin, plan.margin) lies at (y, x).
    """
    margin = plan.margin
    nodes = side // NODE_PX + 2 * margin + 1
    fields = np.empty((nodes, nodes, FIELDS), np.float32)
    for i in range(nodes):
        for j in range(nodes):
            _fields_at(plan, y + (i - margin) * NODE_PX, x + (j - margin) * NODE_PX, fields[i, j])
    return fields


@numba.njit(nogil=True, cache=True)
def class_of(values: NDArray[np.float32]) -> int:
    """Return the class where the deciding fields have these `values`; rarer tissues lie on top."""
    if values[OUTLINE] <= 0:
        return 0
    if values[F_VESSEL] > 0:
        return VESSEL
    if values[F_TUMOUR] > 0:
        return NECROSIS if values[F_NECROSIS] > 0 else TUMOUR
    if values[F_LYMPHOID] > 0:
        return LYMPHOID
    if values[F_STROMA] > 0:
        return STROMA
    if values[F_GLAND] > 0:
        return GLAND
    if values[F_MUSCLE] > 0:
        return MUSCLE
    return FAT if values[F_FAT] > 0 else PARENCHYMA


@numba.njit(nogil=True, cache=True)
def interpolate(
    fields: NDArray[np.float32],
    margin: int,
    y: float,
    x: float,
    first: int,
    last: int,
    out: NDArray[np.float32],
) -> None:
    """Write the fields `first` to `last` - 1 at (y, x) px of the block into `out`; bilinear."""
    fy, fx = y / NODE_PX + margin, x / NODE_PX + margin
    i, j = int(fy), int(fx)
    t, u = np.float32(fy - i), np.float32(fx - j)
    for k in range(first, last):
        top = fields[i, j, k] + (fields[i, j + 1, k] - fields[i, j, k]) * u
        low = fields[i + 1, j, k] + (fields[i + 1, j + 1, k] - fields[i + 1, j, k]) * u
        out[k] = top + (low - top) * t


@numba.njit(nogil=True, cache=True)
def class_at(fields: NDArray[np.float32], margin: int, y: float, x: float, out: NDArray[np.float32]) -> int:
    """Return the class at (y, x) px of the block and leave the deciding fields in `out`."""
    interpolate(fields, margin, y, x, 0, DECIDING, out)
    return class_of(out)


@numba.njit(nogil=True, cache=True)
def vessel_at(plan: Plan, y: float, x: float) -> tuple[float, float]:
    """Depth in px below the surface of the nearest vessel at (y, x) px, and the breadth of its wall."""
    dy, dx = shift_at(plan, y, x)
    depth, wall = _vessel(plan, y + dy, x + dx)
    return depth + 2 * value_noise(plan.seed + 30, (y + dy) / 30, (x + dx) / 30), wall
