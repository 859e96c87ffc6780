"""Shifts between two pictures by phase correlation, for the whole and for windows of it.

Neighbouring sections have outlines, vessels and ducts in common but not their cells. The cross-power
spectrum is therefore divided by the root of its magnitude, half way between plain correlation and the phase
correlation of Kuglin and Hines (1975), and low frequencies count most: of what was tried this erred least
against landmarks (docs/decisions/0010).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Surface = NDArray[np.float32]
Parts = NDArray[np.float32]
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


def spectra_of(parts: Parts, reach: int) -> Spectra:
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
