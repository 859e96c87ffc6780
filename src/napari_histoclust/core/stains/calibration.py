"""Slide-level calibration: optical density against a stain's own glass, in units of its own tissue.

One scanner's glass is white, another's grey; one day's stain is darker than another's. A table a stain and
slide takes both out before the encoder sees a patch, and leaves every difference inside the slide as it is:
nothing is normalised patch by patch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.alignment import check_alignment
from napari_histoclust.core.jobs import Job
from napari_histoclust.core.slides.overview import overview_level, read_overview
from napari_histoclust.core.tissue.mask import TissueMasks
from napari_histoclust.core.tissue.segment import find_blank

if TYPE_CHECKING:
    from napari_histoclust.core.slides.protocol import UInt8
    from napari_histoclust.core.slides.stack import Stack
    from napari_histoclust.core.tissue.mask import TissueMask

UNIT = 40
"""Code of tissue at its own strength; glass is 0, and what is 255 / 40 times as dense or more is 255."""

STRENGTH_PERCENTILE = 90.0
_LEAST_STRENGTH = 0.02
_BLANK_SIZE_PX = 8


@dataclass(frozen=True, eq=False)
class Calibration:
    """Glass and strength of each of s stains on one slide.

    Parameters
    ----------
    glass : (s, 3) float64
        Colour of the bare glass, 0..255.
    strength : (s,) float64
        90th percentile of the mean optical density (log10) of the tissue above the glass.
    """

    glass: NDArray[np.float64]
    strength: NDArray[np.float64]

    def tables(self) -> NDArray[np.uint8]:
        """Return the (3 s, 256) uint8 codes of the px values of each channel."""
        density = _densities(self.glass.reshape(-1, 1), np.arange(256))
        codes = density / np.repeat(self.strength, 3)[:, None] * UNIT
        return np.clip(np.rint(codes), 0, 255).astype(np.uint8)


def _densities(glass: NDArray[np.float64], values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return log10((glass + 1) / (value + 1)), the optical density above the glass."""
    return np.asarray(np.log10((glass + 1) / (values.astype(np.float64) + 1)))


def calibrate_stack(stack: Stack, stains: Sequence[str], mask: TissueMask) -> Job[Calibration]:
    """Measure glass and strength of the stains of a slide on the picture that its tissue was found on.

    Parameters
    ----------
    stack : Stack
    stains : sequence of str
        In the order of the result.
    mask : TissueMask
        Where the tissue lies.
    """
    (calibration,) = yield from calibrate_changed(stack, stains, mask, [np.arange(256, dtype=np.uint8)])
    return calibration


def calibrate_changed(
    stack: Stack, stains: Sequence[str], mask: TissueMask, changes: Sequence[NDArray[np.uint8]]
) -> Job[list[Calibration]]:
    """Measure what `calibrate_stack` would on slides whose px values were changed as a whole.

    Parameters
    ----------
    stack : Stack
    stains : sequence of str
    mask : TissueMask
        Where the tissue lies.
    changes : sequence of (256,) uint8
        What each px value becomes, one calibration each.
    """
    level, factor = overview_level(stack, mask.downsample)
    factor = round(mask.downsample / stack.downsamples[level])
    glass, strength = np.empty((len(changes), len(stains), 3)), np.empty((len(changes), len(stains)))
    for number, stain in enumerate(stains):
        picture = yield from read_overview(stack, stain, level, factor)
        tissue = mask.tissue & mask.valid[stain]
        for change, values in enumerate(changes):
            changed = values[picture]
            glass[change, number] = find_blank(changed, _BLANK_SIZE_PX).glass
            strength[change, number] = _strength(changed[tissue], glass[change, number])
    return [Calibration(*pair) for pair in zip(glass, strength, strict=True)]


class SlideMeasures(TissueMasks):
    """Tissue, calibration and alignment of the stacks of one job, each measured once."""

    def __init__(self) -> None:
        super().__init__()
        self._alignments: dict[tuple[Stack, tuple[str, ...], float], tuple[str, ...]] = {}
        self._calibrations: dict[tuple[Stack, tuple[str, ...], float], Calibration] = {}

    def calibration(self, stack: Stack, stains: Sequence[str], patch_px: float) -> Job[Calibration]:
        """Return what `calibrate_stack` does on the tissue found for `patch_px`, measured once."""
        key = stack, tuple(stains), float(patch_px)
        if key not in self._calibrations:
            mask = yield from self.find(stack, stains, patch_px)
            self._calibrations[key] = yield from calibrate_stack(stack, stains, mask)
        return self._calibrations[key]

    def alignment_warnings(
        self, stack: Stack, stains: Sequence[str], patch_px: float
    ) -> Job[tuple[str, ...]]:
        """Return what `info` would say of how the stains lie on one another, looked at once."""
        key = stack, tuple(stains), float(patch_px)
        if key not in self._alignments:
            mask = yield from self.find(stack, stains, patch_px)
            lines = yield from check_alignment(stack, mask)
            self._alignments[key] = tuple(sentence for line in lines for sentence in line.warnings)
        return self._alignments[key]


def calibrate_tiles(tiles: NDArray[np.uint8]) -> Calibration:
    """Measure glass and strength on (n, s, y, x, 3) tiles taken together, as if they were one slide."""
    stains = tiles.shape[1]
    glass, strength = np.empty((stains, 3)), np.empty(stains)
    for stain in range(stains):
        picture = tiles[:, stain].reshape(-1, tiles.shape[3], 3)
        glass[stain] = find_blank(picture, _BLANK_SIZE_PX).glass
        strength[stain] = _strength(picture.reshape(-1, 3), glass[stain])
    return Calibration(glass, strength)


def _strength(pixels: UInt8, glass: NDArray[np.float64]) -> float:
    if not len(pixels):
        return 1.0
    density = _densities(glass, pixels).mean(axis=1)
    return max(_LEAST_STRENGTH, float(np.percentile(density, STRENGTH_PERCENTILE)))
