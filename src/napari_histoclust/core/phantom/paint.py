"""From fields and cells to the colour of each px."""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.phantom import layout, stains
from napari_histoclust.core.phantom.layout import Plan, interpolate, vessel_at
from napari_histoclust.core.phantom.parts import Parts, UInt8

Number = float | np.float32

PERIOD = 1023
"""Bit mask of a texture's period."""

_STEPS = 512
"""Steps of the absorption table per unit of optical density."""


class Look(NamedTuple):
    """How a section looks, apart from what lies where.

    Parameters
    ----------
    densities : (3, 8) float32
        Of the stain, channel by channel.
    glass, padding : (3,) float32
        Colours of the empty slide and of the canvas around the scan.
    canvas : (3,) float64
        Cosine and sine of the scan's turn and half its side, px.
    holes : (n, 3) int64
        y, x and side of the squares that were not scanned, px.
    fine, coarse, broad : (1024, 1024) uint8
        Textures in 0..255, with grains of about 1, 5 and 25 px.
    light : (2048,) float32
        Share of light left after k / 512 of optical density.
    """

    densities: NDArray[np.float32]
    glass: NDArray[np.float32]
    padding: NDArray[np.float32]
    canvas: NDArray[np.float64]
    holes: NDArray[np.int64]
    fine: UInt8
    coarse: UInt8
    broad: UInt8
    light: NDArray[np.float32]


def absorption_table() -> NDArray[np.float32]:
    """Return the share of light left after k / 512 of optical density, up to 4."""
    return (10.0 ** -(np.arange(4 * _STEPS) / _STEPS)).astype(np.float32)


@numba.njit(nogil=True, cache=True, inline="always")
def _share(value: int) -> Number:
    """Turn 0..255 into 0..1 in single precision."""
    return np.float32(value) * np.float32(1 / 255)


@numba.njit(nogil=True, cache=True, inline="always")
def _ramp(value: Number, start: Number, slope: Number) -> Number:
    """0 below `start`, rising by `slope`, 1 at most."""
    return min(1.0, max(0.0, (value - start) * slope))


@numba.njit(nogil=True, cache=True)
def _fill_tissue(
    tissue: int,
    body: Number,
    border: Number,
    gland: Number,
    fibre: Number,
    fine: Number,
    coarse: Number,
    nests: Number,
    out: NDArray[np.float32],
) -> None:
    """Write how much of each part lies at a px of `tissue`, apart from nuclei and vessels."""
    if tissue == layout.PARENCHYMA:
        cell = _ramp(body, 0.02, 12.0) * (0.55 + 0.45 * _ramp(border, 0.02, 14.0))
        out[stains.CYTOPLASM] = cell * (0.66 + 0.35 * fine + 0.30 * nests)
        out[stains.COLLAGEN] = 0.10 * (1 - cell)
    elif tissue == layout.STROMA:
        bundle = 0.15 + 0.85 * _ramp(fibre + 0.25 * nests, 0.20, 3.0)
        out[stains.COLLAGEN] = bundle * (0.35 + 0.70 * fibre)
        out[stains.CYTOPLASM] = 0.10 * bundle * coarse
    elif tissue == layout.MUSCLE:
        bundle = _ramp(fibre + 0.1 * nests, 0.10, 8.0)
        out[stains.SMOOTH_MUSCLE] = bundle * (0.60 + 0.45 * fibre) * (0.85 + 0.15 * fine)
        out[stains.COLLAGEN] = 0.45 * (1 - bundle)
    elif tissue == layout.TUMOUR:
        strand = 1 - _ramp(abs(float(nests) - 0.5), 0.05, 25.0)
        cell = _ramp(body, 0.02, 10.0) * (1 - strand) * (0.75 + 0.25 * _ramp(border, 0.01, 14.0))
        out[stains.KERATIN] = cell * (0.50 + 0.35 * fine + 0.40 * coarse)
        out[stains.COLLAGEN] = strand * (0.45 + 0.5 * fine)
    elif tissue == layout.GLAND:
        if gland < 1.0:
            wall = _ramp(gland, 0.34 + 0.12 * coarse, 14.0)
            out[stains.KERATIN] = wall * (0.72 + 0.30 * fine)
        else:
            bundle = _ramp(fibre + 0.2 * nests, 0.22, 3.0)
            out[stains.COLLAGEN] = bundle * (0.20 + 0.55 * fibre)
    elif tissue == layout.LYMPHOID:
        out[stains.CYTOPLASM] = 0.30 + 0.25 * fine + 0.15 * coarse
        out[stains.COLLAGEN] = 0.05
    elif tissue == layout.NECROSIS:
        out[stains.CYTOPLASM] = _ramp(coarse, 0.08, 4.0) * (0.45 + 0.45 * fine + 0.35 * nests)
        out[stains.COLLAGEN] = 0.12 * coarse
    elif tissue == layout.FAT:
        membrane = 1 - _ramp(border, 0.02, 22.0)
        out[stains.CYTOPLASM] = membrane * 0.45
        out[stains.COLLAGEN] = membrane * 0.30


@numba.njit(nogil=True, cache=True)
def _fill_vessel(
    depth: Number, wall: Number, um: Number, fine: Number, coarse: Number, out: NDArray[np.float32]
) -> None:
    """Write the parts of a vessel at `depth` px below its surface: coat, wall, endothelium, blood."""
    inner = depth - wall
    if inner < 0:
        layer = 0.5 + 0.5 * math.sin(depth / um * 1.3 + 5 * coarse)
        coat = _ramp(inner / wall, -0.45, 6.0)
        out[stains.SMOOTH_MUSCLE] = coat * (0.45 + 0.4 * layer)
        out[stains.COLLAGEN] = (1 - coat) * (0.4 + 0.4 * layer)
    elif inner < 2.2 * um:
        out[stains.ENDOTHELIUM] = 1.0
    elif inner > 4 * um:
        out[stains.ERYTHROCYTE] = _ramp(coarse, 0.62, 8.0) * (0.7 + 0.3 * fine)


@numba.njit(nogil=True, cache=True)
def _scanned(look: Look, y: int, x: int, middle: Number) -> bool:
    """Whether the scanner saw the px (y, x) of the slide."""
    cos, sin, half = look.canvas
    dy, dx = y - middle, x - middle
    return bool(abs(dy * cos - dx * sin) <= half and abs(dy * sin + dx * cos) <= half)


@numba.njit(nogil=True, cache=True)
def _blank(look: Look, y0: int, x0: int, middle: Number, out: UInt8) -> None:
    """Paint the padding around the scan and the squares that the scanner missed over a block."""
    side = out.shape[0]
    for k in range(look.holes.shape[0]):
        hy, hx, hs = look.holes[k, 0] - y0, look.holes[k, 1] - x0, look.holes[k, 2]
        out[max(0, hy) : max(0, min(side, hy + hs)), max(0, hx) : max(0, min(side, hx + hs))] = 255
    cos, sin, half = look.canvas
    reach = half / (abs(cos) + abs(sin))
    corner = max(abs(y0 - middle), abs(y0 + side - middle), abs(x0 - middle), abs(x0 + side - middle))
    if corner < reach:
        return
    for i in range(side):
        for j in range(side):
            if not _scanned(look, y0 + i, x0 + j, middle):
                for channel in range(3):
                    out[i, j, channel] = np.uint8(look.padding[channel])


@numba.njit(nogil=True, cache=True)
def paint(
    plan: Plan, fields: NDArray[np.float32], parts: Parts, look: Look, y0: int, x0: int, out: UInt8
) -> None:
    """Write the colours of the block at (y0, x0) px into `out` (side, side, 3); parts must be drawn."""
    _paint_tissue(plan, fields, parts, look, y0, x0, out)
    _paint_vessels(plan, fields, parts, look, y0, x0, out)
    _blank(look, y0, x0, plan.size_px / 2, out)


@numba.njit(nogil=True, cache=True)
def _paint_tissue(
    plan: Plan, fields: NDArray[np.float32], parts: Parts, look: Look, y0: int, x0: int, out: UInt8
) -> None:
    # All arrays are taken out of their tuples first: reading them from there, or handing the tuples on, costs
    # 80 ns a px in reference counts, twice what the painting itself takes.
    nuclei, cycling, capillary, tissues = parts.nucleus, parts.cycling, parts.capillary, parts.tissue
    bodies, neighbours, glands = parts.body, parts.neighbour, parts.gland
    fines, coarses, broads = look.fine, look.coarse, look.broad
    glass, light, densities, margin = look.glass, look.light, look.densities, plan.margin
    values, amounts = np.ones(layout.FIELDS, np.float32), np.zeros(8, np.float32)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            fine = _share(fines[(y0 + y) & PERIOD, (x0 + x) & PERIOD])
            tissue, nucleus = tissues[y, x], nuclei[y, x]
            amounts[:] = 0
            if tissue > 0 or nucleus > 0:
                interpolate(fields, margin, y, x, layout.ALONG, layout.FIELDS, values)
                along, across = values[layout.ALONG], values[layout.ACROSS]
                coarse = _share(coarses[(y0 + y) & PERIOD, (x0 + x) & PERIOD])
                fibre = _share(coarses[int(across * 1.7) & PERIOD, int(along * 0.22) & PERIOD])
                nests = _share(broads[int(across) & PERIOD, int(along) & PERIOD])
                body, gland = _share(bodies[y, x]), np.float32(glands[y, x]) * np.float32(1 / 200)
                border = body - _share(neighbours[y, x])
                _fill_tissue(tissue, body, border, gland, fibre, fine, coarse, nests, amounts)
                _fill_cells(_share(nucleus), _share(cycling[y, x]), _share(capillary[y, x]), fine, amounts)
            _mix(amounts, values[layout.SHADE], fine, densities, glass, light, out, y, x)


@numba.njit(nogil=True, cache=True)
def _paint_vessels(
    plan: Plan, fields: NDArray[np.float32], parts: Parts, look: Look, y0: int, x0: int, out: UInt8
) -> None:
    """Paint vessels over the rest: they are few, and their depth is computed px by px."""
    values, amounts = np.empty(layout.FIELDS, np.float32), np.zeros(8, np.float32)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            if parts.tissue[y, x] == layout.VESSEL:
                fine = _share(look.fine[(y0 + y) & PERIOD, (x0 + x) & PERIOD])
                coarse = _share(look.coarse[(y0 + y) & PERIOD, (x0 + x) & PERIOD])
                depth, wall = vessel_at(plan, y0 + y, x0 + x)
                interpolate(fields, plan.margin, y, x, layout.SHADE, layout.FIELDS, values)
                amounts[:] = 0
                _fill_vessel(depth, wall, plan.px_per_um, fine, coarse, amounts)
                _fill_cells(_share(parts.nucleus[y, x]), np.float32(0), np.float32(0), fine, amounts)
                _mix(amounts, values[layout.SHADE], fine, look.densities, look.glass, look.light, out, y, x)


@numba.njit(nogil=True, cache=True)
def _fill_cells(
    nucleus: Number, cycling: Number, capillary: Number, fine: Number, amounts: NDArray[np.float32]
) -> None:
    """Put nuclei and capillaries over the tissue."""
    if nucleus > 0:
        amounts *= 1 - np.float32(0.65) * nucleus
        amounts[stains.NUCLEUS] = nucleus * (np.float32(0.72) + np.float32(0.45) * fine)
        amounts[stains.IN_CYCLE] = cycling * (np.float32(0.7) + np.float32(0.4) * fine)
    amounts[stains.ENDOTHELIUM] = max(amounts[stains.ENDOTHELIUM], capillary)


@numba.njit(nogil=True, cache=True, fastmath=True)
def _mix(
    amounts: NDArray[np.float32],
    shade: Number,
    fine: Number,
    densities: NDArray[np.float32],
    glass: NDArray[np.float32],
    light: NDArray[np.float32],
    out: UInt8,
    y: int,
    x: int,
) -> None:
    """Write the colour that these amounts leave of the light."""
    grain = np.float32(4.0) * (fine - np.float32(0.5))
    for channel in range(3):
        density = np.float32(0)
        for k in range(8):
            density += amounts[k] * densities[channel, k]
        step = min(int(density * shade * np.float32(_STEPS)), 4 * _STEPS - 1)
        value = glass[channel] * light[step] + grain
        out[y, x, channel] = np.uint8(min(np.float32(255), max(np.float32(0), value)))
