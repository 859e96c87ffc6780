from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

from napari_histoclust.core.jobs import drive
from napari_histoclust.core.validation import pairs
from napari_histoclust.core.validation.pairs import PairSums, pair_sums


def literal(points: NDArray[np.float64], labels: NDArray[np.integer]) -> PairSums:
    i, j = np.triu_indices(len(points), 1)
    distances, same = pdist(points), labels[i] == labels[j]
    ranked, within = np.sort(distances), int(same.sum())
    return PairSums(
        within_pairs=within,
        between_pairs=len(ranked) - within,
        within_sum=distances[same].sum(),
        between_sum=distances[~same].sum(),
        largest_within=distances[same].max(initial=0.0),
        smallest_between=distances[~same].min(initial=np.inf),
        smallest_sum=ranked[:within].sum(),
        largest_sum=ranked[len(ranked) - within :].sum(),
    )


def assert_equal(found: PairSums, expected: PairSums) -> None:
    assert vars(found) == pytest.approx(vars(expected), rel=1e-11, abs=1e-12)


@pytest.mark.parametrize("features", [1, 3, 4, 5, 16])
def test_any_number_of_features_and_blocks(features: int) -> None:
    random = np.random.default_rng(features)
    points, labels = (
        random.normal(size=(pairs.ROWS * 4 + 3, features)),
        random.integers(0, 5, pairs.ROWS * 4 + 3),
    )
    assert_equal(drive(pair_sums(points, labels)), literal(points, labels))


def test_a_grid_of_points_has_many_equal_distances() -> None:
    random = np.random.default_rng(3)
    points = random.integers(0, 3, (1500, 2)).astype(np.float64)  # 1.1 million pairs, 6 distances
    labels = random.integers(0, 3, 1500)
    assert_equal(drive(pair_sums(points, labels)), literal(points, labels))


def test_a_bracket_that_misses_is_made_wider(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(4)
    points, labels = random.normal(size=(1200, 3)), random.integers(0, 4, 1200)
    monkeypatch.setattr(pairs, "SPREADS", (1e-4, np.inf))
    texts: list[int] = []
    found = drive(pair_sums(points, labels), lambda progress: texts.append(progress.done))
    assert texts.count(max(texts)) == 2  # two passes
    assert_equal(found, literal(points, labels))


def test_distances_crowded_in_one_block_still_find_room() -> None:
    random = np.random.default_rng(5)
    # Nearly all distances of the first block's points are alike, and the ranks fall among them.
    far = np.zeros((1500, 2))
    far[:300] = 100 + random.normal(size=(300, 2)) * 1e-6
    far[300:] = random.normal(size=(1200, 2)) * 1e-6
    labels = (np.arange(1500) >= 300).astype(np.int64)
    assert_equal(drive(pair_sums(far, labels)), literal(far, labels))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=25))
def test_small_cases(cells: list[tuple[int, int]]) -> None:
    table = np.array(cells)
    assert_equal(
        drive(pair_sums(table[:, :1].astype(np.float64), table[:, 1])),
        literal(table[:, :1].astype(np.float64), table[:, 1]),
    )


def test_the_order_of_rows_does_not_matter() -> None:
    random = np.random.default_rng(6)
    points, labels = random.normal(size=(600, 4)), random.integers(0, 3, 600)
    mixed = random.permutation(600)
    assert_equal(drive(pair_sums(points[mixed], labels[mixed])), drive(pair_sums(points, labels)))


def test_closing_the_job_early_ends_its_threads() -> None:
    points, labels = np.random.default_rng(7).normal(size=(5000, 8)), np.arange(5000) % 4
    job = pair_sums(points, labels)
    first = next(job)
    job.close()
    assert 0 < first.done < first.total == 5000 * 4999 // 2
    assert next(job, None) is None
