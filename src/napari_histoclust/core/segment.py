"""Tissue, glass and nothing at all in a small picture of one stain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_histoclust.core.slides.protocol import UInt8

Mask = NDArray[np.bool_]

# A constant region may vary by this much (grey levels, within 3 x 3 px): JPEG leaves no more away from edges.
FLAT_RANGE = 1
# A constant region is glass where it is no further than this from the glass colour in every channel.
GLASS_TOLERANCE = 4
# Glass is nearly neutral and not dark.
GLASS_MAX_CHROMA, GLASS_MIN_VALUE = 28, 120
# Smallest share of the picture that a colour must have to be glass.
GLASS_MIN_SHARE = 0.01
# Mean optical density (natural log) above glass from which a px is tissue.
MIN_DENSITY = 0.045
NOISE_FACTOR = 4.0


@dataclass(frozen=True, eq=False)
class Blank:
    """What a stain does not show.

    Parameters
    ----------
    flat : (h, w) int32
        Numbers of the large regions of one constant colour, 0 elsewhere.
    count : int
        Number of such regions.
    padding : (h, w) bool
        Those whose colour is not the glass: padding, corners, missing tiles.
    glass : (3,) float
        Colour of the glass.
    noise : float
        Spread of the glass in mean optical density.
    """

    flat: NDArray[np.int32]
    count: int
    padding: Mask
    glass: NDArray[np.float64]
    noise: float


def find_blank(picture: UInt8, size: int) -> Blank:
    """Find the constant regions of at least a patch (`size` px a side) and the colour of the glass."""
    flat, count = _flat_regions(picture, size)
    glass, noise = _glass(picture, flat)
    far = np.abs(_region_colours(picture, flat, count) - glass).max(axis=1) > GLASS_TOLERANCE
    far[0] = False
    return Blank(flat, count, far[flat], glass, noise)


def _flat_regions(picture: UInt8, size: int) -> tuple[NDArray[np.int32], int]:
    """Number the connected regions of constant colour that hold at least one patch."""
    flat = np.ones(picture.shape[:2], bool)
    for channel in range(3):
        plane = picture[..., channel]
        low, high = ndimage.minimum_filter(plane, 3), ndimage.maximum_filter(plane, 3)
        flat &= high - low <= FLAT_RANGE
    core = ndimage.binary_opening(flat, iterations=max(1, size // 4))
    labels, count = ndimage.label(core)
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    keep = areas >= max(16, size * size // 2)
    keep[0] = False
    numbers = np.cumsum(keep) * keep
    kept = numbers[labels].astype(np.int32)
    # The filter and JPEG's ringing took the rim away: give it back, two px deep.
    grown = ndimage.grey_dilation(kept, size=(5, 5))
    return np.where(kept > 0, kept, grown).astype(np.int32), int(keep.sum())


def _region_colours(picture: UInt8, flat: NDArray[np.int32], count: int) -> NDArray[np.float64]:
    """(count + 1, 3) mean colour of each flat region; row 0 means nothing."""
    area = np.maximum(np.bincount(flat.ravel(), minlength=count + 1), 1)
    sums = [np.bincount(flat.ravel(), picture[..., c].ravel(), count + 1) for c in range(3)]
    return np.stack(sums, axis=1) / area[:, None]


def _glass(picture: UInt8, flat: NDArray[np.int32]) -> tuple[NDArray[np.float64], float]:
    """Return colour and noise of the glass; white where the picture shows none."""
    chroma = picture.max(axis=2) - picture.min(axis=2)
    value = picture.min(axis=2)
    smooth = _roughness(picture) <= 6
    candidate = smooth & (chroma <= GLASS_MAX_CHROMA) & (value >= GLASS_MIN_VALUE)
    noisy = candidate & (flat == 0)
    for mask in (noisy, candidate):
        mode = _brightest_mode(value[mask], picture.shape[0] * picture.shape[1])
        if mode is not None:
            return _around(picture, mask & (np.abs(value.astype(np.int16) - mode) <= 6))
    return np.full(3, 255.0), 0.0


def _roughness(picture: UInt8) -> UInt8:
    green = picture[..., 1]
    rough: UInt8 = ndimage.maximum_filter(green, 3) - ndimage.minimum_filter(green, 3)
    return rough


def _brightest_mode(values: UInt8, total: int) -> int | None:
    """Return the brightest peak of the histogram that holds enough px."""
    counts = np.bincount(values, minlength=256).astype(np.float64)
    smooth = ndimage.uniform_filter1d(counts, 7, mode="constant") * 7
    peak = (smooth == ndimage.maximum_filter1d(smooth, 21)) & (smooth >= GLASS_MIN_SHARE * total)
    places = np.flatnonzero(peak)
    return int(places[-1]) if len(places) else None


def _around(picture: UInt8, mask: Mask) -> tuple[NDArray[np.float64], float]:
    pixels = picture[mask]
    glass = np.median(pixels, axis=0).astype(np.float64)
    density = _density(pixels, glass)
    return glass, float(1.4826 * np.median(np.abs(density - np.median(density))))


def _density(pixels: UInt8, glass: NDArray[np.float64]) -> NDArray[np.float32]:
    """Mean over the channels of the optical density above glass, ln(glass / px)."""
    tables = np.log((glass[:, None] + 1) / (np.arange(256) + 1)).astype(np.float32)
    summed = tables[0][pixels[..., 0]] + tables[1][pixels[..., 1]] + tables[2][pixels[..., 2]]
    return np.asarray(summed / np.float32(3))


def stain_tissue(picture: UInt8, blank: Blank, size: int) -> Mask:
    """Return where one stain shows tissue: denser than its glass, and nowhere constant."""
    density = ndimage.gaussian_filter(_density(picture, blank.glass), max(0.5, size / 8))
    threshold = max(MIN_DENSITY, NOISE_FACTOR * blank.noise)
    return clean((density > threshold) & (blank.flat == 0), size)


def clean(mask: Mask, size: int) -> Mask:
    """Close gaps up to about half a patch, fill holes below a patch, drop specks below half a patch."""
    reach = max(1, size // 4)
    padded = np.pad(mask, reach, mode="edge")
    closed = ndimage.binary_closing(padded, iterations=reach)[reach:-reach, reach:-reach]
    filled = ~_without_small(~closed, size * size)
    return _without_small(filled, size * size // 2)


def _without_small(mask: Mask, area: int) -> Mask:
    labels, count = ndimage.label(mask)
    keep = np.bincount(labels.ravel(), minlength=count + 1) >= area
    keep[0] = False
    kept: Mask = keep[labels]
    return kept


def missing_against(blank: Blank, others: Mask) -> Mask:
    """Return the constant regions that lie mostly where the other stains show tissue."""
    inside = np.bincount(blank.flat.ravel(), others.ravel(), blank.count + 1)
    area = np.maximum(np.bincount(blank.flat.ravel(), minlength=blank.count + 1), 1)
    missing = inside / area > 0.6
    missing[0] = False
    return np.asarray(missing[blank.flat])
