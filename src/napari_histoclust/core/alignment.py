"""How well the stains of a stack lie on one another: a warning light, not a registration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from napari_histoclust.core.jobs import Job
from napari_histoclust.core.slides.overview import overview_level, read_overview
from napari_histoclust.core.slides.protocol import UInt8
from napari_histoclust.core.slides.stack import Stack
from napari_histoclust.core.tissue import TissueMask

Picture = NDArray[np.float32]

LONGEST_PX = 1024
# Largest shift looked for, as a share of the picture's sides.
_REACH = 0.15
# A correlation peak below this many standard deviations of the rest says nothing.
_CLEAR_PEAK = 7.0
_LOW_DICE = 0.6
_WARN_MASK_PX = 4.0


@dataclass(frozen=True)
class StainAlignment:
    """How one stain lies on the reference.

    Parameters
    ----------
    stain : str
        The stain.
    outline_dice : float
        Overlap of its tissue with the reference's, 2 |A and B| / (|A| + |B|), where both are valid.
    shift_px : (float, float) or None
        Shift (y, x) in level-0 px that would lay it best on the reference, to the px of the overview; None
        where the pictures are too unlike to tell.
    warning : str
        One sentence where it seems badly placed, else empty.
    """

    stain: str
    outline_dice: float
    shift_px: tuple[float, float] | None
    warning: str = ""


def check_alignment(stack: Stack, mask: TissueMask) -> Job[tuple[StainAlignment, ...]]:
    """Compare each stain with the reference: tissue outlines, and one shift by phase correlation.

    Parameters
    ----------
    stack : Stack
        The slide.
    mask : TissueMask
        Its tissue, found from at least the reference.

    Returns
    -------
    tuple of StainAlignment
        One for each stain of the mask but the reference; a shift of more than half a patch (four mask px)
        or an overlap below 0.6 is worth a warning.
    """
    if stack.reference not in mask.by_stain:
        return ()
    level, factor = overview_level(stack, max(stack.shapes[0]) / LONGEST_PX)
    step = stack.downsamples[level] * factor
    fixed = yield from _edges(stack, stack.reference, level, factor)
    checked = []
    for stain in (s for s in stack.stains if s in mask.by_stain and s != stack.reference):
        moving = yield from _edges(stack, stain, level, factor)
        shift = phase_shift(fixed, moving)
        px = None if shift is None else (shift[0] * step, shift[1] * step)
        checked.append(_judge(stain, _dice(mask, stain, stack.reference), px, mask.downsample))
    return tuple(checked)


def _judge(stain: str, dice: float, shift_px: tuple[float, float] | None, mask_step: float) -> StainAlignment:
    length = 0.0 if shift_px is None else float(np.hypot(*shift_px))
    if length > _WARN_MASK_PX * mask_step:
        warning = f"{stain} seems shifted by about {length:.0f} px: register the stains first."
    elif dice < _LOW_DICE:
        warning = f"{stain} covers the reference's tissue badly (overlap {dice:.2f}): look at both."
    else:
        warning = ""
    return StainAlignment(stain, dice, shift_px, warning)


def _dice(mask: TissueMask, stain: str, reference: str) -> float:
    both = mask.valid[stain] & mask.valid[reference]
    a, b = mask.by_stain[stain] & both, mask.by_stain[reference] & both
    total = np.count_nonzero(a) + np.count_nonzero(b)
    return float(2 * np.count_nonzero(a & b) / total) if total else 0.0


def _edges(stack: Stack, stain: str, level: int, factor: int) -> Job[Picture]:
    """Strength of the edges in optical density: what unlike stains have in common."""
    picture = yield from read_overview(stack, stain, level, factor)
    return edge_strength(picture)


def edge_strength(picture: UInt8) -> Picture:
    """Return the (h, w) gradient of the mean optical density, strong edges held down to the common ones."""
    density = -np.log((picture.mean(axis=2, dtype=np.float32) + 1) / 256)
    edges = ndimage.gaussian_gradient_magnitude(density, 1.5)
    ceiling = float(np.quantile(edges, 0.98)) or 1.0
    return np.minimum(edges / ceiling, 1).astype(np.float32)


def phase_shift(fixed: Picture, moving: Picture) -> tuple[float, float] | None:
    """Return the (y, x) shift in px that lays `moving` on `fixed`, None where no peak stands out.

    Phase correlation (Kuglin and Hines 1975), low frequencies preferred, as neighbouring sections have
    their outlines in common but not their cells.
    """
    window = np.outer(*(np.hanning(n).astype(np.float32) for n in fixed.shape))
    shape = tuple(fft.next_fast_len(n, real=True) for n in fixed.shape)
    a, b = (fft.rfft2((p - p.mean()) * window, shape) for p in (fixed, moving))
    cross = a * np.conj(b)
    cross /= np.abs(cross) + 1e-9
    surface = fft.irfft2(cross * _low_pass(shape), shape)
    surface = _near(surface, fixed.shape)
    peak = np.unravel_index(int(np.argmax(surface)), surface.shape)
    if surface[peak] < _CLEAR_PEAK * surface.std():
        return None
    y, x = (int(p) - n // 2 for p, n in zip(peak, surface.shape, strict=True))
    return float(y), float(x)


def _low_pass(shape: tuple[int, ...]) -> NDArray[np.float64]:
    frequency = np.hypot(fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])[None])
    return np.asarray(np.exp(-0.5 * (frequency / 0.08) ** 2))


def _near(surface: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Cut out the shifts within reach, no shift in the middle."""
    centred = np.roll(surface, [n // 2 for n in surface.shape], (0, 1))
    reach = [max(2, int(n * _REACH)) for n in shape]
    middle = [n // 2 for n in surface.shape]
    rows, cols = (slice(m - r, m + r + 1) for m, r in zip(middle, reach, strict=True))
    return centred[rows, cols]
