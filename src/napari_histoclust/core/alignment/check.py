"""How well the stains of a stack lie on one another: a warning light, not a registration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_histoclust.core.alignment.regions import (
    Float,
    Regions,
    Windows,
    cell_dice,
    cell_means,
    without_loners,
)
from napari_histoclust.core.alignment.shifts import (
    Mask,
    Peak,
    Pictures,
    Spectra,
    correlate,
    find_peak,
    padded_shape,
    spectra_of,
    structure,
)
from napari_histoclust.core.alignment.verdict import place_shifts, warnings_for
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.slides.overview import overview_level, read_overview
from napari_histoclust.core.slides.stack import Stack
from napari_histoclust.core.tissue.mask import TissueMask

LONGEST_PX, MOST_PX = 1024, 2048
# Level-0 px per px of the overview beyond which half a patch would be lost between two of its px.
_FINE_ENOUGH = 32.0
# Largest shift of the whole that is looked for, as a share of the picture's longer side.
_REACH = 0.15
# Height of its peak: at least 10 on sections that belong together, at most 5 on mirrored ones.
_WHOLE_HEIGHT = 7.0
# Up to this share of the longer side, half a patch, or three px of the overview, a shift is no matter.
_TOLERATED_SHARE, _HALF_PATCH_PX, _TOLERATED_OVERVIEW_PX = 0.012, 64.0, 3.0


@dataclass(frozen=True, eq=False)
class StainAlignment:
    """How one stain lies on the reference.

    Parameters
    ----------
    stain : str
        The stain.
    outline_dice : float
        Overlap of its tissue with the reference's, 2 |A and B| / (|A| + |B|), where both are valid.
    shift_px : (float, float) or None
        Shift (y, x) in level-0 px that would lay it best on the reference; None where the pictures are too
        unlike to tell.
    regions : Regions
        The same, region by region.
    tolerated_px : float
        Shifts up to this many level-0 px are not warned of.
    warnings : tuple of str
        One sentence for each thing that seems wrong.
    """

    stain: str
    outline_dice: float
    shift_px: tuple[float, float] | None
    regions: Regions
    tolerated_px: float
    warnings: tuple[str, ...] = ()

    @property
    def warning(self) -> str:
        """All warnings as one text, empty where there are none."""
        return " ".join(self.warnings)

    def document(self, um_per_px: float | None = None) -> dict[str, Any]:
        """Return what there is to know as JSON; None where nothing is known.

        Lengths are in level-0 px, and in um too for the whole where the scale is known.
        """
        return {
            "stain": self.stain,
            "outline_dice": round(self.outline_dice, 4),
            "shift_px": None if self.shift_px is None else [round(v, 2) for v in self.shift_px],
            "shift_um": _times(self.shift_px, um_per_px),
            "tolerated_px": round(self.tolerated_px, 2),
            "regions": {
                "height_px": round(self.regions.height_px, 2),
                "width_px": round(self.regions.width_px, 2),
                "shift_px": _listed(self.regions.shift_px, 2),
                "outline_dice": _listed(self.regions.outline_dice, 4),
            },
            "warning": self.warning,
        }


def _times(shift_px: tuple[float, float] | None, um_per_px: float | None) -> list[float] | None:
    if shift_px is None or um_per_px is None:
        return None
    return [round(value * um_per_px, 3) for value in shift_px]


def _listed(values: Float, digits: int) -> list[Any]:
    """Nested lists with None in place of NaN; a shift is None as a whole."""
    return [
        [None if np.isnan(cell).any() else np.round(cell, digits).tolist() for cell in row] for row in values
    ]


def check_alignment(stack: Stack, mask: TissueMask) -> Job[tuple[StainAlignment, ...]]:
    """Compare each stain with the reference: tissue outlines and shifts, as a whole and by regions.

    Parameters
    ----------
    stack : Stack
        The slide.
    mask : TissueMask
        Its tissue, found from at least the reference.

    Returns
    -------
    tuple of StainAlignment
        One for each stain of the mask but the reference.
    """
    if stack.reference not in mask.by_stain:
        return ()
    level, factor = overview_level(stack, overview_step(max(stack.shapes[0])))
    fixed = yield from _seen(stack, mask, stack.reference, level, factor)
    windows, whole = Windows(fixed.parts), spectra_of(fixed.parts, _reach(fixed.parts))
    checked = []
    stains = [s for s in stack.stains if s in mask.by_stain and s != stack.reference]
    for number, stain in enumerate(stains):
        moving = yield from _seen(stack, mask, stain, level, factor)
        yield Progress(f"Comparing {stain} with {stack.reference}", number, len(stains))
        checked.append(_compare(stack, stain, fixed, moving, windows, whole))
    return tuple(checked)


@dataclass(frozen=True, eq=False)
class _Seen:
    """One stain at the overview, whose px are `step` level-0 px wide."""

    parts: Pictures
    tissue: Mask
    valid: Mask
    step: float


def _seen(stack: Stack, mask: TissueMask, stain: str, level: int, factor: int) -> Job[_Seen]:
    picture = yield from read_overview(stack, stain, level, factor)
    step = stack.downsamples[level] * factor
    shape, ratio = (picture.shape[0], picture.shape[1]), step / mask.downsample
    valid = resampled(mask.valid[stain], shape, ratio)
    return _Seen(structure(picture, valid), resampled(mask.by_stain[stain], shape, ratio), valid, step)


def overview_step(longest_px: int) -> float:
    """Return the level-0 px per px that stains are compared at.

    1024 px a side show the outlines; more are taken, up to 2048, where a px would be wider than 32 px.
    """
    return max(longest_px / MOST_PX, min(longest_px / LONGEST_PX, _FINE_ENOUGH))


def tolerated_px(longest_px: int, step: float) -> float:
    """Return the shift in level-0 px up to which neighbouring sections are taken to lie on one another."""
    return max(min(_TOLERATED_SHARE * longest_px, _HALF_PATCH_PX), _TOLERATED_OVERVIEW_PX * step)


def resampled(mask: Mask, shape: tuple[int, int], ratio: float) -> Mask:
    """Return a mask at another size; `ratio` is px of the mask per px of the result."""
    rows, cols = (
        np.minimum(((np.arange(n) + 0.5) * ratio).astype(int), side - 1)
        for n, side in zip(shape, mask.shape, strict=True)
    )
    return np.asarray(mask[np.ix_(rows, cols)])


def _compare(
    stack: Stack, stain: str, fixed: _Seen, moving: _Seen, windows: Windows, whole: Spectra
) -> StainAlignment:
    """Judge one stain; `whole` are the spectra of the whole reference."""
    longest = max(stack.shapes[0])
    tolerated = tolerated_px(longest, fixed.step)
    both = fixed.valid & moving.valid
    dice = _dice(fixed.tissue & both, moving.tissue & both)
    peak = whole_shift(whole, moving.parts)
    regions = _regions(fixed, moving, windows, peak, tolerated)
    shift = None if peak is None else (peak.y * fixed.step, peak.x * fixed.step)
    places = place_shifts(regions, tolerated)
    sentences = warnings_for(stain, dice, shift, places, tolerated, stack.um_per_px)
    return StainAlignment(stain, dice, shift, regions, tolerated, sentences)


def whole_shift(fixed: Spectra, moving: Pictures) -> Peak | None:
    """Return the shift in px that lays all of `moving` on `fixed`, None where nothing stands out."""
    reach = _reach(moving)
    shape = padded_shape(moving.shape[1], moving.shape[2], reach)
    peak = find_peak(correlate(fixed, spectra_of(moving, reach), shape, reach))
    return peak if peak.height >= _WHOLE_HEIGHT else None


def _reach(parts: Pictures) -> int:
    return max(4, int(_REACH * max(parts.shape[1:])))


def _regions(fixed: _Seen, moving: _Seen, windows: Windows, whole: Peak | None, tolerated: float) -> Regions:
    both, shape, step = fixed.valid & moving.valid, windows.shape, fixed.step
    tissue = cell_means(fixed.tissue & both, shape)
    start = (0, 0) if whole is None else (round(whole.y), round(whole.x))
    shift = np.full((*shape, 2), np.nan)
    for cell, peak in windows.shifts(moving.parts, start, tissue, tolerated / step).items():
        if peak.is_clear:
            shift[cell] = peak.y * step, peak.x * step
    dice = cell_dice(fixed.tissue, moving.tissue, both, shape)
    height, width = both.shape
    shift = without_loners(shift, tolerated)
    return Regions(shift, dice, tissue, height * step / shape[0], width * step / shape[1])


def _dice(a: Mask, b: Mask) -> float:
    total = np.count_nonzero(a) + np.count_nonzero(b)
    return float(2 * np.count_nonzero(a & b) / total) if total else 0.0
