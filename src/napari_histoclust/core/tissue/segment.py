"""Tissue, glass and nothing at all in a small picture of one stain, and connected regions of masks.

Regions are measured strip by strip: a whole picture of 64-bit numbers is never made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_histoclust.core.slides.protocol import UInt8

Mask = NDArray[np.bool_]
Labels = NDArray[np.int32]

STRIP_ROWS = 256


def strips(rows: int) -> Iterator[slice]:
    """Rows of a picture in strips."""
    for top in range(0, rows, STRIP_ROWS):
        yield slice(top, min(top + STRIP_ROWS, rows))


def label_regions(mask: Mask) -> tuple[Labels, int]:
    """Number the 4-connected regions of a mask from 1; 0 is outside."""
    labels = np.empty(mask.shape, np.int32)
    return labels, int(ndimage.label(mask, output=labels))


def region_sums(labels: Labels, count: int, values: NDArray[np.generic] | None = None) -> NDArray[np.float64]:
    """Return the (count + 1,) sum of the values in each region, or its area where none are given."""
    sums = np.zeros(count + 1)
    for rows in strips(len(labels)):
        weights = None if values is None else np.asarray(values[rows], np.float64).ravel()
        sums += np.bincount(labels[rows].ravel(), weights, count + 1)
    return sums


def without_small(mask: Mask, area: float) -> Mask:
    """Return the mask without its regions below an area in px."""
    labels, count = label_regions(mask)
    keep = region_sums(labels, count) >= area
    keep[0] = False
    kept: Mask = keep[labels]
    return kept


# A constant region may vary by this much (grey levels, within 3 x 3 px): JPEG leaves no more away from edges.
FLAT_RANGE = 1
# In a small white hole JPEG's ringing is everywhere. No tissue is so white that it could be taken for one;
# where the glass is, the strict limit holds.
WHITE_RANGE, WHITE_VALUE = 6, 248
# What is thinner than about twice this is no constant region.
OPENING_PX = 2
# A constant region is glass where it is no further than this from the glass colour in every channel.
GLASS_TOLERANCE = 4
# Glass is nearly neutral and not dark.
GLASS_MAX_CHROMA, GLASS_MIN_VALUE, GLASS_MAX_RANGE = 28, 120, 6
# Smallest share of the picture that a colour must have to be glass.
GLASS_MIN_SHARE = 0.01
# Mean optical density (natural log) above glass from which a px is tissue.
MIN_DENSITY = 0.03
NOISE_FACTOR = 4.0
# Smoothing before the threshold, in mask px: an eighth of a patch, but never so much that the thin walls of
# fat or of alveoli drown in the air between them.
MAX_SIGMA_PX = 1.5
# A constant region is a missing tile where the other stains show tissue on more than this share of it.
MISSING_SHARE = 0.6
# Padding is this dark or darker. Measured without it on 12 files: 0.79 of a fluorescence slide is dark and
# nothing of it glass; 0 to 0.01 and 0.36 to 0.63 of bright-field slides, at most 0.43 dark in photographs.
_PADDING_MAX, _DARK_VALUE, _DARK_SHARE = 8, 60, 0.5
_GLASS_VALUE, _LIT_GLASS_SHARE = 150, 0.02


@dataclass(frozen=True, eq=False)
class Blank:
    """What a stain does not show.

    Parameters
    ----------
    flat : (h, w) bool
        Large regions of one constant colour, less their rim.
    padding : (h, w) bool
        Those whose colour is not the glass, and their rim: padding, corners, missing tiles.
    glass : (3,) float
        Colour of the glass.
    noise : float
        Spread of the glass in mean optical density.
    """

    flat: Mask
    padding: Mask
    glass: NDArray[np.float64]
    noise: float


def find_blank(picture: UInt8, size: int) -> Blank:
    """Find the constant regions of at least a quarter of a patch (`size` px a side), and the glass."""
    ranges = [local_range(picture[..., channel]) for channel in range(3)]
    spread = np.maximum(np.maximum(ranges[0], ranges[1]), ranges[2])
    constant = spread <= FLAT_RANGE
    glass, noise = _glass(picture, _large(constant, size))
    if glass.min() < WHITE_VALUE - GLASS_TOLERANCE:
        constant |= (spread <= WHITE_RANGE) & (_darkest_channel(picture) >= WHITE_VALUE)
    flat = _large(constant, size)
    labels, count = label_regions(flat)
    far = np.abs(_region_colours(picture, labels, count) - glass).max(axis=1) > GLASS_TOLERANCE
    far[0] = False
    return Blank(flat, with_rim(far[labels]), glass, noise)


def is_light_on_dark(picture: UInt8) -> bool:
    """Whether a picture shows light from the tissue (fluorescence, dark field) and not light through it.

    Without padding, which is black and constant, at least half is dark and hardly anything is as glass is. A
    grey picture of which at least half is black and nothing is as glass is, is one too.
    """
    brightest = picture.max(axis=2)
    darkest = _darkest_channel(picture)
    spread = np.maximum.reduce([local_range(picture[..., channel]) for channel in range(3)])
    rest = (brightest > _PADDING_MAX) | (spread > FLAT_RANGE)
    area = np.count_nonzero(rest)
    if not area:
        return False
    glass = np.count_nonzero(rest & (spread <= GLASS_MAX_RANGE) & (darkest >= _GLASS_VALUE)) / area
    dark = np.count_nonzero(rest & (brightest <= _DARK_VALUE)) / area
    is_grey_on_black = area <= rest.size / 2 and np.array_equal(brightest, darkest)
    return bool(glass < _LIT_GLASS_SHARE and (dark >= _DARK_SHARE or is_grey_on_black))


def _large(constant: Mask, size: int) -> Mask:
    """Return the connected regions as large as a quarter of a patch, and 64 px."""
    core = ndimage.binary_opening(constant, iterations=OPENING_PX)
    return without_small(core, max(64, size * size // 4))


def with_rim(mask: Mask) -> Mask:
    """Give back the rim that the search for constant colour and JPEG's ringing took away, two px deep."""
    return ndimage.binary_dilation(mask, np.ones((3, 3), bool), 2)


def _region_colours(picture: UInt8, labels: NDArray[np.int32], count: int) -> NDArray[np.float64]:
    """(count + 1, 3) mean colour of each region; row 0 means nothing."""
    area = np.maximum(region_sums(labels, count), 1)
    return np.stack([region_sums(labels, count, picture[..., c]) / area for c in range(3)], axis=1)


def _glass(picture: UInt8, flat: Mask) -> tuple[NDArray[np.float64], float]:
    """Return colour and noise of the glass; white where the picture shows none."""
    value = _darkest_channel(picture)
    chroma = np.maximum(np.maximum(picture[..., 0], picture[..., 1]), picture[..., 2]) - value
    smooth = local_range(picture[..., 1]) <= GLASS_MAX_RANGE
    candidate = smooth & (chroma <= GLASS_MAX_CHROMA) & (value >= GLASS_MIN_VALUE)
    noisy = candidate & ~flat
    for mask in (noisy, candidate):
        mode = _brightest_mode(value[mask], picture.shape[0] * picture.shape[1])
        if mode is not None:
            return _around(picture, mask & (np.abs(value.astype(np.int16) - mode) <= 6))
    return np.full(3, 255.0), 0.0


def _darkest_channel(picture: UInt8) -> UInt8:
    return np.asarray(np.minimum(np.minimum(picture[..., 0], picture[..., 1]), picture[..., 2]))


def local_range(plane: UInt8) -> UInt8:
    """Return the largest minus the smallest value of each 3 x 3 neighbourhood.

    Shifted slices take a twentieth of the time of the rank filters of scipy.
    """
    high = low = np.pad(plane, 1, mode="edge")
    for axis in (0, 1):
        parts = [slice(k, high.shape[axis] - 2 + k) for k in range(3)]
        cuts = [(part,) if axis == 0 else (slice(None), part) for part in parts]
        high = np.maximum(np.maximum(high[cuts[0]], high[cuts[1]]), high[cuts[2]])
        low = np.minimum(np.minimum(low[cuts[0]], low[cuts[1]]), low[cuts[2]])
    return np.asarray(high - low)


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
    sigma = min(max(0.5, size / 8), MAX_SIGMA_PX)
    threshold = max(MIN_DENSITY, NOISE_FACTOR * blank.noise)
    dense = np.empty(picture.shape[:2], bool)
    margin = int(4 * sigma + 0.5)  # as far as scipy's filter reaches
    for rows in strips(len(picture)):
        top = max(0, rows.start - margin)
        density = _density(picture[top : rows.stop + margin], blank.glass)
        smooth = ndimage.gaussian_filter(density, sigma)
        dense[rows] = smooth[rows.start - top :][: rows.stop - rows.start] > threshold
    return clean(dense & ~blank.flat & ~blank.padding, size)


def clean(mask: Mask, size: int) -> Mask:
    """Close gaps up to about half a patch, fill holes below a patch, drop specks below half a patch."""
    reach = max(1, size // 4)
    padded = np.pad(mask, reach, mode="edge")
    closed = ndimage.binary_closing(padded, iterations=reach)[reach:-reach, reach:-reach]
    filled = ~without_small(~closed, size * size)
    return without_small(filled, size * size // 2)


def missing_against(blank: Blank, others: Mask) -> Mask:
    """Return the constant regions that lie mostly where the other stains show tissue."""
    labels, count = label_regions(blank.flat)
    missing = region_sums(labels, count, others) > MISSING_SHARE * region_sums(labels, count)
    missing[0] = False
    return with_rim(missing[labels])
