"""Tissue, padding and holes in synthetic and real stacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from core.patches.made import DISC, SIDE, geometry, painted, stack_of
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.slides.protocol import UInt8
from napari_histoclust.core.slides.stack import open_stack
from napari_histoclust.core.tissue.mask import TissueMask, TissueMasks, find_tissue, mask_downsample


def three_stains() -> dict[str, UInt8]:
    return {
        "HE": painted((172, 171, 184), (120, 60, 130), 1),
        "CD31": painted((242, 238, 235), (190, 195, 210), 2),
        "MT": painted((250, 248, 249), (110, 40, 70), 3),
    }


def mask_for(pictures: dict[str, UInt8], patch_px: float = 16) -> TissueMask:
    stack = stack_of({stain: [picture] for stain, picture in pictures.items()})
    return drive(find_tissue(stack, stack.stains, patch_px))


def fine(mask: np.ndarray[Any, Any], downsample: float) -> np.ndarray[Any, Any]:
    step = int(downsample)
    return np.repeat(np.repeat(mask, step, 0), step, 1)


def overlap(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def test_tissue_is_found_on_white_and_on_grey_glass() -> None:
    mask = mask_for(three_stains())
    assert mask.downsample == 1.0
    assert overlap(fine(mask.tissue, 1), DISC) > 0.97
    for stain, seen in mask.by_stain.items():
        assert overlap(seen, DISC) > 0.95, stain
    assert all(valid.mean() > 0.99 for valid in mask.valid.values())


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (205, 205, 205)])
def test_padding_of_any_colour_is_neither_tissue_nor_valid(colour: tuple[int, int, int]) -> None:
    pictures = three_stains()
    corner = np.add.outer(np.arange(SIDE), np.arange(SIDE)) < 260
    pictures["CD31"][corner] = colour
    mask = mask_for(pictures)
    assert overlap(~mask.valid["CD31"], corner) > 0.95
    assert not (mask.by_stain["CD31"] & ndimage.binary_erosion(corner, iterations=4)).any()
    assert overlap(mask.tissue, DISC) > 0.97
    assert mask.valid["HE"].all()


def test_a_missing_tile_is_not_valid_and_the_others_decide() -> None:
    pictures = three_stains()
    pictures["MT"][230:290, 200:260] = 255
    mask = mask_for(pictures)
    hole = np.zeros((SIDE, SIDE), bool)
    hole[230:290, 200:260] = True
    assert overlap(~mask.valid["MT"], hole) > 0.9
    assert mask.tissue[hole].all()


def test_a_hole_as_white_as_its_glass_is_seen_by_the_others() -> None:
    pictures = three_stains()
    white = pictures["MT"]
    white[~DISC] = 255
    white[230:290, 200:260] = 255
    mask = mask_for(pictures)
    assert not mask.valid["MT"][240:280, 210:250].any()
    # glass outside the tissue stays valid: there is nothing to miss
    assert mask.valid["MT"][:60, :60].all()


def test_what_one_stain_alone_shows_is_no_tissue() -> None:
    pictures = three_stains()
    smear = np.zeros((SIDE, SIDE), bool)
    smear[20:60, 20:480] = True
    pictures["HE"] = painted((172, 171, 184), (120, 60, 130), 1, DISC | smear)
    mask = mask_for(pictures)
    assert mask.by_stain["HE"][smear].mean() > 0.9
    assert not mask.tissue[smear].any()


def test_an_empty_slide_is_named() -> None:
    empty = np.zeros((SIDE, SIDE), bool)
    glass = {stain: painted((240, 240, 240), (100, 50, 90), k, empty) for k, stain in enumerate(("HE", "MT"))}
    with pytest.raises(HistoclustError, match="no tissue is found in made"):
        mask_for(glass)


def test_a_missing_stain_is_named() -> None:
    stack = stack_of({"HE": [three_stains()["HE"]]})
    with pytest.raises(HistoclustError, match="MT is missing"):
        drive(find_tissue(stack, ["HE", "MT"], 16))


@pytest.mark.parametrize(
    ("longest", "patch_px", "expected"),
    [
        (512, 128, 1.0),
        (2325, 16, 2.0),
        (20_000, 128, 16.0),
        (40_000, 128, 40_000 / 2048),
        (100_000, 128, 32.0),
        (200_000, 128, 200_000 / 4096),
        (20_000, 4096, 20_000 / 1024),
    ],
)
def test_the_mask_is_as_fine_as_the_patches_need(longest: int, patch_px: float, expected: float) -> None:
    assert mask_downsample(geometry(longest, longest // 2), patch_px) == pytest.approx(expected)


def test_the_published_slide(shared_data: Path) -> None:
    stack = open_stack(shared_data / "kpc_stack")
    mask = drive(find_tissue(stack, stack.stains, 16))
    assert mask.downsample == 2.0
    assert 0.29 < mask.share < 0.34
    step = 2
    # canvas corners are rotated in, white around CD31's glass and around HE's grey one
    assert not mask.valid["CD31"][:50, :50].any()
    assert not mask.valid["HE"][:50, :50].any()
    # grey glass is valid and no tissue
    assert mask.valid["HE"][400 // step, 150 // step]
    assert not mask.tissue[400 // step, 150 // step]
    # liver is tissue; so is what lies under a hole of Ki67, where Ki67 itself is not valid
    assert mask.tissue[300 // step, 1200 // step]
    assert mask.share > 0.9 * float((mask.tissue & mask.valid["HE"]).mean())
    holes = mask.tissue & ~mask.valid["Ki67"]
    _, count = ndimage.label(ndimage.binary_opening(holes, iterations=6))
    assert 5 <= count <= 15


def test_the_lung(shared_data: Path) -> None:
    stack = open_stack(shared_data / "cima_lung5" / "aligned")
    mask = drive(find_tissue(stack, stack.stains, 16))
    assert 0.75 < mask.share < 0.9
    # the large bronchus of HE is air
    assert not mask.tissue[190, 290]
    assert 0.85 < mask.valid["CD31"].mean() < 0.93


def test_the_tissue_of_a_job_is_found_once() -> None:
    stack = stack_of({stain: [picture] for stain, picture in three_stains().items()})
    masks = TissueMasks()
    first = drive(masks.find(stack, stack.stains, 16))
    steps = []
    again = drive(masks.find(stack, stack.stains, 16.0), steps.append)
    assert not steps, "nothing was read"
    assert again.downsample == first.downsample
    np.testing.assert_array_equal(again.tissue, first.tissue)
    for stain in stack.stains:
        np.testing.assert_array_equal(again.valid[stain], first.valid[stain])
        np.testing.assert_array_equal(again.by_stain[stain], first.by_stain[stain])
    drive(masks.find(stack, stack.stains, 32), steps.append)
    assert steps, "another patch size is another mask"
