"""Pairs of unlike stains of one made-up tissue, of which one can be moved, whole or in part."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.patches.made import stack_of
from napari_histoclust.core.slides.stack import Stack

UInt8 = NDArray[np.uint8]
SIDE = 512


def lobes(side: int = SIDE) -> NDArray[np.bool_]:
    """Islands and gaps of tissue on most of the slide, with glass around."""
    rng = np.random.default_rng(5)
    blobs = ndimage.gaussian_filter(rng.normal(size=(side, side)), 9) > -0.004
    blobs[: side // 16] = blobs[-side // 16 :] = blobs[:, : side // 16] = blobs[:, -side // 16 :] = False
    return np.asarray(blobs)


def stained(where: NDArray[np.bool_], colour: tuple[int, int, int], seed: int) -> UInt8:
    """Tissue in a colour with cells of its own, on noisy glass."""
    rng = np.random.default_rng(seed)
    cells = ndimage.gaussian_filter(rng.normal(0, 60, where.shape), 2)[..., None]
    colours = np.where(where[..., None], np.array(colour) + cells, 240)
    return np.clip(colours + rng.normal(0, 1.5, (*where.shape, 3)), 0, 255).astype(np.uint8)


def moved_by(where: NDArray[np.bool_], shift: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Move a mask by a (h, w, 2) field of shifts (y, x)."""
    rows, cols = np.indices(where.shape)
    places = [rows - shift[..., 0], cols - shift[..., 1]]
    return np.asarray(ndimage.map_coordinates(where.astype(np.float32), places, order=1) > 0.5)


def bump(middle: tuple[float, float], shift: tuple[float, float], side: int = SIDE) -> NDArray[np.float64]:
    """A smooth field that moves by `shift` around `middle` (shares of the side), and nothing far away."""
    rows, cols = np.indices((side, side)) / side
    distance = np.hypot(rows - middle[0], cols - middle[1])
    weight = np.clip(1.6 - distance / 0.25, 0, 1)
    return np.asarray(weight[..., None] * np.array(shift))


def pair(shift: NDArray[np.float64] | tuple[float, float], um_per_px: float | None = None) -> Stack:
    """HE, and a CD31 whose tissue lies `shift` px (y, x) further down and right than that of HE."""
    where = lobes()
    field = np.broadcast_to(np.asarray(shift, np.float64), (*where.shape, 2))
    pictures = {
        "HE": [stained(where, (120, 60, 130), 1)],
        "CD31": [stained(moved_by(where, field), (180, 190, 205), 2)],
    }
    return stack_of(pictures, um_per_px=um_per_px)
