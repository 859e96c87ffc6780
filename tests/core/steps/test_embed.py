from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Progress, drive
from napari_histoclust.core.steps.embed import NEIGHBOURS, embed


def islands(n: int, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    random = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    points = random.normal(size=(n, 8)) * 0.1 + np.eye(3, 8)[labels] * 10
    return points.astype(np.float32), labels


def share_with_a_friend_nearest(plane: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    distance = np.linalg.norm(plane[:, None] - plane[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    return float((labels[distance.argmin(axis=1)] == labels).mean())


@pytest.mark.slow  # umap-learn compiles
def test_islands_stay_islands_and_one_seed_gives_one_picture() -> None:
    points, labels = islands(150)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        plane, again = (drive(embed(points, seed=3)) for _ in range(2))
    assert [str(warning.message) for warning in said] == []
    assert plane.shape == (150, 2)
    assert plane.dtype == np.float32
    assert share_with_a_friend_nearest(plane, labels) == 1
    assert np.array_equal(plane, again)
    assert not np.array_equal(plane, drive(embed(points, seed=4)))


def test_the_rest_is_placed_into_the_fit() -> None:
    points, labels = islands(300)
    seen: list[Progress] = []
    plane = drive(embed(points, fit_at_most=120), seen.append)
    assert share_with_a_friend_nearest(plane, labels) > 0.95
    assert any("120 patches" in progress.text for progress in seen)
    assert (seen[-1].text, seen[-1].total) == ("Placing the other patches", 180)
    assert np.array_equal(plane, drive(embed(points, fit_at_most=120)))


@pytest.mark.parametrize("n", [0, 1, 2, 4, 5, 8, NEIGHBOURS, NEIGHBOURS + 1, 30])
def test_few_patches(n: int) -> None:
    plane = drive(embed(islands(n)[0]))
    assert plane.shape == (n, 2)
    assert np.isfinite(plane).all()
    assert n < 2 or np.ptp(plane) > 0


def test_equal_features_lie_at_one_place() -> None:
    assert not drive(embed(np.full((60, 4), 0.1, np.float32))).any()


def test_many_equal_rows() -> None:
    points = np.repeat(islands(4)[0], 40, axis=0)
    assert np.isfinite(drive(embed(points))).all()


def test_features_that_are_not_finite_are_refused() -> None:
    points, _ = islands(20)
    points[7, 2] = np.nan
    with pytest.raises(HistoclustError, match="Patch 7"):
        drive(embed(points))
