"""Regions measured in strips against scipy on the whole."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_histoclust.core.tissue import segment
from napari_histoclust.core.tissue.segment import label_regions, region_sums, without_small


@pytest.fixture(autouse=True)
def _low_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "STRIP_ROWS", 7)


def test_sums_and_areas_are_those_of_the_whole() -> None:
    rng = np.random.default_rng(0)
    mask, values = rng.random((40, 60)) < 0.5, rng.integers(0, 256, (40, 60), np.uint8)
    labels, count = label_regions(mask)
    assert count > 10
    numbers = np.arange(count + 1)
    areas = ndimage.sum_labels(np.ones_like(values), labels, numbers)
    np.testing.assert_allclose(region_sums(labels, count), areas)
    sums = ndimage.sum_labels(values, labels, numbers)
    np.testing.assert_allclose(region_sums(labels, count, values), sums)


def test_small_regions_go_and_large_ones_stay() -> None:
    mask = np.zeros((30, 30), bool)
    mask[2:12, 2:12] = True
    mask[20:23, 20:23] = True
    kept = without_small(mask, 10)
    assert kept.sum() == 100
    assert not kept[20:].any()
