from __future__ import annotations

import numpy as np
import pytest

from core.validation.literal import blobs
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.validation import baseline
from napari_histoclust.core.validation.baseline import agreement, kmeans_labels


def test_kmeans_finds_far_blobs_and_says_how_far_it_is() -> None:
    points, labels = blobs(600, 3, 4)
    seen: list[int] = []
    found = drive(kmeans_labels(points + 50 * labels[:, None], 4), lambda p: seen.append(p.done))
    assert agreement(found, labels).adjusted_rand == 1
    assert seen == list(range(baseline.RESTARTS + 1))


def test_one_seed_one_result_and_restarts_never_make_it_worse() -> None:
    points, _ = blobs(500, 6, 9)

    def squares(labels: np.ndarray) -> float:
        return sum(
            float(((points[labels == k] - points[labels == k].mean(axis=0)) ** 2).sum())
            for k in np.unique(labels)
        )

    first, again = (drive(kmeans_labels(points, 9, seed=4)) for _ in range(2))
    assert np.array_equal(first, again)
    assert squares(first) <= squares(drive(kmeans_labels(points, 9, seed=4, restarts=1))) + 1e-9


def test_mini_batches_above_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline, "ALL_POINTS_AT_MOST", 100)
    points, labels = blobs(600, 3, 4)
    found = drive(kmeans_labels(points + 50 * labels[:, None], 4))
    assert agreement(found, labels).adjusted_rand == 1


def test_fewer_distinct_points_than_clusters() -> None:
    points = np.repeat([[0.0, 1.0], [5.0, 5.0]], 10, axis=0)
    assert len(np.unique(drive(kmeans_labels(points, 6)))) == 2
    assert len(np.unique(drive(kmeans_labels(points[9:12], 6)))) == 2


def test_agreement_does_not_mind_numbering() -> None:
    labels = np.array([1, 1, 2, 2, 3, 3])
    assert agreement(labels, 10 - labels) == baseline.Agreement(1.0, 1.0)
    mixed = agreement(labels, np.array([1, 2, 1, 2, 1, 2]))
    assert mixed.adjusted_rand < 0.01
    assert mixed.normalised_mutual_information == pytest.approx(0, abs=1e-9)
