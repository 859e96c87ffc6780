"""The steps by which one stain is taken apart."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from core.patches.made import DISC, painted
from napari_histoclust.core.tissue.segment import (
    clean,
    find_blank,
    is_light_on_dark,
    local_range,
    missing_against,
    stain_tissue,
)


def test_local_range_is_what_rank_filters_give() -> None:
    plane = np.random.default_rng(0).integers(0, 256, (31, 45), np.uint8)
    filters = ndimage.maximum_filter, ndimage.minimum_filter
    high, low = (rank(plane, 3, mode="nearest") for rank in filters)
    np.testing.assert_array_equal(local_range(plane), high - low)


@pytest.mark.parametrize("glass", [(172, 171, 184), (242, 238, 235), (252, 252, 250)])
def test_the_glass_is_found_beside_white_padding(glass: tuple[int, int, int]) -> None:
    picture = painted(glass, (120, 60, 130), 1)
    picture[:80] = 255
    blank = find_blank(picture, 16)
    # 8-bit cuts what is brighter than white, and with it the noise
    assert np.abs(blank.glass - glass).max() <= 2
    assert blank.padding[:78].all()
    assert not blank.padding[90:].any()


def test_tissue_without_any_glass_is_all_tissue() -> None:
    everywhere = np.ones_like(DISC)
    picture = painted((240, 240, 240), (150, 80, 150), 1, everywhere)
    assert stain_tissue(picture, find_blank(picture, 16), 16).mean() > 0.98


def test_cleaning_fills_small_holes_and_drops_specks() -> None:
    mask = np.zeros((100, 100), bool)
    mask[20:70, 20:70] = True
    mask[40:45, 40:45] = False
    mask[90:93, 90:93] = True
    cleaned = clean(mask, 8)
    assert cleaned[20:70, 20:70].all()
    assert cleaned.sum() == 2500


def test_a_constant_region_is_missing_only_where_the_others_show_tissue() -> None:
    picture = painted((255, 255, 255), (120, 60, 130), 1)
    picture[~DISC] = 255
    picture[230:290, 200:260] = 255
    blank = find_blank(picture, 16)
    missing = missing_against(blank, DISC)
    assert missing[235:285, 205:255].all()
    assert not missing[~DISC].any()


def _padded(picture: NDArray[np.uint8], value: int) -> NDArray[np.uint8]:
    out = np.full((300, 300, 3), value, np.uint8)
    out[:100, :150] = picture[:100, :150]
    return out


@pytest.mark.parametrize("level", [2, 12, 30])
@pytest.mark.parametrize("share", [0.0005, 0.02, 0.3])
def test_light_from_the_tissue_is_known_by_its_dark_ground(level: int, share: float) -> None:
    random = np.random.default_rng(0)
    picture = random.poisson(level, (256, 256, 1)).astype(np.uint8).repeat(3, axis=2)
    lit = random.random((256, 256)) < share
    picture[lit] = random.integers(60, 250, (np.count_nonzero(lit), 1))
    assert is_light_on_dark(picture)


@pytest.mark.parametrize("padding", [0, 4, 8, 128, 255])
@pytest.mark.parametrize("tissue", [(180, 90, 160), (120, 70, 40), (230, 225, 228)])
def test_light_through_the_tissue_is_not_taken_for_it(padding: int, tissue: tuple[int, int, int]) -> None:
    random = np.random.default_rng(0)
    picture = np.full((300, 300, 3), 243, np.uint8)
    picture[20:280, 20:280] = np.clip(np.array(tissue) + random.integers(-40, 41, (260, 260, 1)), 0, 255)
    assert not is_light_on_dark(picture)
    assert not is_light_on_dark(_padded(picture, padding))


def test_black_alone_is_no_light() -> None:
    assert not is_light_on_dark(np.zeros((64, 64, 3), np.uint8))
