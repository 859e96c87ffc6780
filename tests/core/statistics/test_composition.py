"""Compositions against sums and logarithms written out."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import entropy

from core.runs import make_run
from napari_histoclust.core.statistics.composition import Composition, composition


@pytest.fixture
def two(tmp_path: Path) -> Composition:
    run = make_run(tmp_path / "run", slides=2, stride_px=20, downsample=4.0, um_per_px=0.25)
    return composition(dataclasses.replace(run, labels=np.where(run.labels == 2, 4, run.labels)))


def test_patches_and_areas(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", slides=3, stride_px=20, downsample=4.0, um_per_px=0.25)
    result = composition(run)
    assert result.slides == run.slides
    for slide in range(3):
        for i, cluster in enumerate(run.clusters):
            count = sum(
                int(label == cluster.id) and int(of == slide)
                for label, of in zip(run.labels.tolist(), run.slide_index.tolist(), strict=True)
            )
            assert result.patches[slide, i] == count
            assert result.area_px2[slide, i] == count * 80**2
            assert result.area_mm2[slide, i] == pytest.approx(count * 0.02**2)
        assert result.share[slide].sum() == pytest.approx(1)


def test_entropies_against_scipy(two: Composition) -> None:
    for slide in range(2):
        assert two.entropy[slide] == pytest.approx(entropy(two.patches[slide]))
        assert two.evenness[slide] == pytest.approx(entropy(two.patches[slide]) / math.log(4))
    for i in (0, 2, 3):
        assert two.entropy_over_slides[i] == pytest.approx(entropy(two.share[:, i]))
    assert two.entropy_over_slides[1] == 0  # nobody has it


def test_extremes() -> None:
    result = Composition(
        slides=("a", "b", "c"),
        clusters=(),
        patches=np.array([[8, 0], [5, 5], [0, 0]]),
        place_px2=np.ones(3),
        um_per_px=(0.5, None, 0.5),
    )
    np.testing.assert_allclose(result.entropy, [0, math.log(2), 0])
    np.testing.assert_array_equal(result.share[2], [0, 0])
    np.testing.assert_array_equal(np.isnan(result.area_mm2), [[False] * 2, [True] * 2, [False] * 2])
    np.testing.assert_allclose(result.entropy_over_slides, [entropy([1, 0.5]), 0])


def test_one_cluster_is_wholly_uneven(tmp_path: Path) -> None:
    result = composition(make_run(tmp_path / "run", clusters=1))
    assert result.evenness.tolist() == [0.0]
