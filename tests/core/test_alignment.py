"""Shifts and outlines of stains against the reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from core.patches.made import DISC, painted, stack_of
from napari_histoclust.core.alignment import check_alignment, edge_strength, phase_shift
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.slides.protocol import UInt8
from napari_histoclust.core.slides.stack import open_stack
from napari_histoclust.core.tissue import find_tissue

BLOBS = ndimage.gaussian_filter(np.random.default_rng(5).normal(size=DISC.shape), 9) > 0.005


def stain(colour: tuple[int, int, int], seed: int, shift: tuple[int, int] = (0, 0)) -> UInt8:
    """The same lobed tissue in another colour, moved."""
    return painted((240, 240, 240), colour, seed, np.roll(DISC & BLOBS, shift, (0, 1)))


@pytest.mark.parametrize("shift", [(0, 0), (14, -9), (-30, 5)])
def test_a_known_shift_is_found(shift: tuple[int, int]) -> None:
    pictures = {"HE": [stain((120, 60, 130), 1)], "CD31": [stain((180, 190, 205), 2, shift)]}
    stack = stack_of(pictures)
    mask = drive(find_tissue(stack, stack.stains, 16))
    (result,) = drive(check_alignment(stack, mask))
    assert result.stain == "CD31"
    assert result.shift_px is not None
    assert np.abs(np.array(result.shift_px) + shift).max() <= 1
    assert bool(result.warning) == (shift != (0, 0))
    assert (result.outline_dice > 0.9) == (shift == (0, 0))


def test_unlike_pictures_give_no_shift() -> None:
    rng = np.random.default_rng(0)
    a, b = (edge_strength(rng.integers(0, 256, (200, 220, 3), np.uint8)) for _ in range(2))
    assert phase_shift(a, b) is None


def test_real_stacks_lie_well(shared_data: Path) -> None:
    stack = open_stack(shared_data / "kpc_stack")
    mask = drive(find_tissue(stack, stack.stains, 16))
    results = drive(check_alignment(stack, mask))
    assert [result.stain for result in results] == ["CD31", "CK19", "Ki67", "MT"]
    assert all(result.outline_dice > 0.9 and not result.warning for result in results)
