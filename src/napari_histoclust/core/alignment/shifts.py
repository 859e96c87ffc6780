"""Shifts between two pictures by phase correlation, of what unlike stains of neighbouring sections share.

Neighbouring sections have edges, outlines, vessels and ducts in common but not their cells and colours. The
cross-power spectrum is therefore divided by the root of its magnitude, half way between plain correlation and
the phase correlation of Kuglin and Hines (1975), and low frequencies count most: of what was tried this erred
least against landmarks (docs/decisions/0010).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from napari_histoclust.core.slides.protocol import UInt8

Surface = NDArray[np.float32]
Pictures = NDArray[np.float32]
Spectra = NDArray[np.complex64]

_LOW_PASS = 0.08  # standard deviation of the weight of frequencies, cycles per px
# The peak must be this many standard deviations of the rest over its median, and this much higher than the
# highest place elsewhere. Of windows of stains compared with their mirror image 1 in 50 passes.
CLEAR_HEIGHT, CLEAR_RATIO = 5.0, 1.25
# A shift is believed to matter where no shift that would not comes near its height, measured likewise.
_BEYOND_DOUBT = 0.75


@dataclass(frozen=True)
class Peak:
    """Highest place of a correlation surface.

    Parameters
    ----------
    y, x : float
        Shift in px that lays the second picture on the first.
    height : float
        Over the median, in standard deviations of what is not near; 3 to 4 where nothing stands out.
    ratio : float
        Height by that of the highest place elsewhere; about 1 where nothing stands out.
    tolerated : float
        Highest place among the shifts that are no matter, by the height of the peak; 1 if it is among them.
    """

    y: float
    x: float
    height: float
    ratio: float
    tolerated: float = 0.0

    @property
    def is_distinct(self) -> bool:
        """Whether the peak stands out."""
        return self.height >= CLEAR_HEIGHT and self.ratio >= CLEAR_RATIO

    @property
    def is_clear(self) -> bool:
        """Whether the shift can be believed: it stands out, and is no matter or beyond doubt."""
        return self.is_distinct and not _BEYOND_DOUBT < self.tolerated < 1


def padded_shape(height: int, width: int, reach: int) -> tuple[int, int]:
    """Return a good size of a transform in which shifts within reach do not wrap around."""
    return fft.next_fast_len(height + reach, real=True), fft.next_fast_len(width + reach, real=True)


def spectra_of(parts: Pictures, reach: int) -> Spectra:
    """Return the (n, a, b) spectra of (n, h, w) pictures, faded out towards their rims."""
    height, width = parts.shape[1:]
    window = _window(height, width)
    middles = (parts * window).sum(axis=(1, 2)) / window.sum()
    faded = (parts - middles[:, None, None]) * window
    return np.asarray(fft.rfft2(faded, padded_shape(height, width, reach)), np.complex64)


@lru_cache(32)
def _window(height: int, width: int) -> NDArray[np.float32]:
    return np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1]).astype(np.float32)


def correlate(fixed: Spectra, moving: Spectra, shape: tuple[int, int], reach: int) -> Surface:
    """Return the (2 reach + 1, 2 reach + 1) correlation over shifts within reach, no shift in the middle.

    Parameters
    ----------
    fixed, moving : (n, a, b) complex64
        From `spectra_of`; the surfaces of the kinds of pictures are added, each by its own spread.
    shape : (int, int)
        From `padded_shape`.
    reach : int
        Largest shift in px along an axis.
    """
    cross = fixed * np.conj(moving)
    cross *= _low_pass(shape) / np.sqrt(np.abs(cross) + np.float32(1e-9))
    rows, cols = (np.arange(-reach, reach + 1) % side for side in shape)
    surfaces = fft.irfft2(cross, shape)[:, rows[:, None], cols]
    spread = surfaces.std(axis=(1, 2), keepdims=True) + np.float32(1e-12)
    return np.asarray((surfaces / spread).sum(axis=0), np.float32)


@lru_cache(32)
def _low_pass(shape: tuple[int, int]) -> NDArray[np.float32]:
    frequency = np.hypot(fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])[None])
    return np.exp(-0.5 * (frequency / _LOW_PASS) ** 2).astype(np.float32)


def find_peak(surface: Surface, start: tuple[int, int] = (0, 0), tolerated_px: float = 0.0) -> Peak:
    """Return the highest place of a surface, to a part of a px, and how clear it is.

    Parameters
    ----------
    surface : (2 r + 1, 2 r + 1) float32
    start : (int, int)
        Shift (y, x) that the middle of the surface stands for.
    tolerated_px : float
        Length up to which a shift is no matter.
    """
    reach = surface.shape[0] // 2
    y, x = (int(v) for v in np.unravel_index(int(surface.argmax()), surface.shape))
    rows, cols = np.ogrid[: surface.shape[0], : surface.shape[1]]
    heights = surface - np.median(surface)
    away = (rows - y) ** 2 + (cols - x) ** 2 > max(4.0, reach / 3) ** 2
    harmless = (rows - reach + start[0]) ** 2 + (cols - reach + start[1]) ** 2 <= tolerated_px**2
    top = max(float(heights[y, x]), 1e-12)
    on_rim = y in (0, 2 * reach) or x in (0, 2 * reach)
    return Peak(
        start[0] + _vertex(surface[:, x], y) - reach,
        start[1] + _vertex(surface[y], x) - reach,
        top / max(float(heights[away].std()), 1e-12),
        0.0 if on_rim else top / max(float(heights[away].max()), 1e-12),
        float(heights[harmless].max(initial=0)) / top,
    )


def _vertex(line: NDArray[np.float32], place: int) -> float:
    """Top of the parabola through a peak and its neighbours."""
    if not 0 < place < len(line) - 1:
        return float(place)
    before, at, after = (float(v) for v in line[place - 1 : place + 2])
    bend = before - 2 * at + after
    return place + (0.5 * (before - after) / bend if bend < 0 else 0.0)


Picture = NDArray[np.float32]
Mask = NDArray[np.bool_]

EDGE_PX, RANK_PX = 1.5, 2.0
# What changes more slowly than this is shading and the slide's own staining, not structure.
_BROAD_BOX_PX = 61  # twice, like a Gaussian of 25 px
_BINS = 1024
_LARGEST_DENSITY = float(np.log(256))
# Structure this near to what is not valid would be the edge of the hole.
_MARGIN_PX = 4


def optical_density(picture: UInt8) -> Picture:
    """Return the (h, w) optical density of the mean colour, -ln((value + 1) / 256)."""
    mean = picture.mean(axis=2, dtype=np.float32)
    return np.asarray(-np.log((mean + 1) / 256), np.float32)


def edge_strength(density: Picture) -> Picture:
    """Return the gradient of the optical density, strong edges held down to the common ones, 0..1."""
    edges = ndimage.gaussian_gradient_magnitude(density, EDGE_PX)
    ceiling = float(np.quantile(edges, 0.98)) or 1.0
    return np.asarray(np.minimum(edges / ceiling, 1), np.float32)


def density_rank(density: Picture) -> Picture:
    """Return the share of px that are lighter, less its broad mean: dense against light, in any stain."""
    smooth = ndimage.gaussian_filter(density, RANK_PX)
    bins = np.clip(smooth * (_BINS / _LARGEST_DENSITY), 0, _BINS - 1).astype(np.int32)
    counts = np.bincount(bins.ravel(), minlength=_BINS)
    share = ((np.cumsum(counts) - counts / 2) / bins.size).astype(np.float32)
    rank = share[bins]
    return np.asarray(rank - _broad_mean(rank), np.float32)


def _broad_mean(picture: Picture) -> Picture:
    """Mean over a neighbourhood, nearly a Gaussian: two boxes cost the same at any width."""
    once = ndimage.uniform_filter(picture, _BROAD_BOX_PX, mode="nearest")
    return np.asarray(ndimage.uniform_filter(once, _BROAD_BOX_PX, mode="nearest"), np.float32)


def structure(picture: UInt8, valid: Mask) -> NDArray[np.float32]:
    """Return the (2, h, w) pictures that are compared: edges and ranks, zero where nothing is valid.

    Parameters
    ----------
    picture : (h, w, 3) uint8
        One stain in small.
    valid : (h, w) bool
        Where it shows anything.
    """
    density = optical_density(picture)
    kept = ndimage.binary_erosion(valid, iterations=_MARGIN_PX, border_value=1) if not valid.all() else valid
    parts = np.stack([edge_strength(density), density_rank(density)])
    parts[0] -= parts[0].mean()
    parts *= kept
    return parts
