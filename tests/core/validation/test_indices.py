from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.validation.literal import blobs, literal_indices
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.validation.indices import Indices, compute_indices
from napari_histoclust.core.validation.measures import INDICES

PAPER = tuple(INDICES)[:6]


def assert_same(found: Indices, expected: dict[str, float], rel: float = 1e-9) -> None:
    for name, value in expected.items():
        if math.isfinite(value):
            assert found.values[name] == pytest.approx(value, rel=rel, abs=1e-12), name
        else:
            assert found.values[name] is None, name


@pytest.mark.parametrize(("n", "features", "k"), [(40, 3, 2), (700, 16, 14), (1300, 5, 7)])
def test_it_gives_what_the_formulas_say(n: int, features: int, k: int) -> None:
    points, labels = blobs(n, features, k)
    found = drive(compute_indices(points, labels))
    assert (found.n, found.k, found.n_pairs_of) == (n, k, n)
    assert_same(found, literal_indices(points, labels))


def test_sampled_brackets_give_what_the_formulas_say() -> None:
    points, labels = blobs(2500, 4, 5)  # 3.1 million pairs: more than are simply all kept
    assert_same(drive(compute_indices(points, labels)), literal_indices(points, labels))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(3, 30).flatmap(
        lambda n: st.tuples(
            st.lists(st.tuples(*[st.integers(0, 3)] * 2), min_size=n, max_size=n),
            st.lists(st.integers(0, 4), min_size=n, max_size=n),
        )
    )
)
def test_ties_duplicates_and_lone_members(case: tuple[list[tuple[int, int]], list[int]]) -> None:
    points, labels = np.array(case[0], np.float64), np.array(case[1])
    if len(np.unique(labels)) < 2:
        with pytest.raises(HistoclustError, match="at least two"):
            drive(compute_indices(points, labels))
        return
    found = drive(compute_indices(points, labels))
    json.dumps(found.document(), allow_nan=False)
    expected = literal_indices(points, labels)
    if expected["log_ss_ratio"] < -50:  # BGSS is 0 but for rounding
        expected |= {"log_ss_ratio": found.values["log_ss_ratio"] or -math.inf}
    assert_same(found, expected)


def test_every_point_its_own_cluster_leaves_most_indices_undefined() -> None:
    found = drive(compute_indices(np.arange(12.0).reshape(6, 2), np.arange(6)))
    assert found.values == dict.fromkeys(INDICES) | {"xie_beni": 0.0}


def test_constant_features_leave_all_indices_undefined() -> None:
    found = drive(compute_indices(np.full((9, 3), 0.1), np.arange(9) % 3))
    assert found.values == dict.fromkeys(INDICES)


def test_clusters_of_equal_points_are_infinitely_good_which_json_cannot_say() -> None:
    found = drive(compute_indices(np.repeat([[0.1, 0.3], [0.7, 0.2]], 3, axis=0), [5, 5, 5, 9, 9, 9]))
    assert [found.values[name] for name in ("calinski_harabasz", "log_ss_ratio", "dunn")] == [None] * 3
    assert found.values["xie_beni"] == found.values["c_index"] == found.values["davies_bouldin"] == 0
    assert found.values["silhouette"] == 1


def test_the_document_is_what_the_command_line_promises() -> None:
    document = drive(compute_indices(*blobs(50, 2, 3))).document()
    assert list(document) == ["n", "k", "indices"]
    assert list(document["indices"]) == list(INDICES)


def test_offset_and_float32_cost_no_digits() -> None:
    points, labels = blobs(300, 4, 3)
    points = points.astype(np.float32).astype(np.float64)
    plain, shifted = (
        drive(compute_indices(p, labels)) for p in (points.astype(np.float32), points + 2.0**20)
    )
    for name in INDICES:
        assert shifted.values[name] == pytest.approx(plain.values[name], rel=1e-7), name


def test_a_large_table_is_sampled_aloud_and_by_seed() -> None:
    points, labels = blobs(400, 3, 4)
    limits = {"pairs_at_most": 100, "silhouette_at_most": 60}
    first, again = (drive(compute_indices(points, labels, seed=1, **limits)) for _ in range(2))
    other = drive(compute_indices(points, labels, seed=2, **limits))
    whole = drive(compute_indices(points, labels))
    assert first == again
    assert (first.n, first.k, first.n_pairs_of, first.n_silhouette_of) == (400, 4, 100, 60)
    assert first.values["c_index"] != other.values["c_index"]
    assert first.values["c_index"] == pytest.approx(whole.values["c_index"], rel=0.3)
    for linear in ("calinski_harabasz", "log_ss_ratio", "davies_bouldin"):
        assert first.values[linear] == whole.values[linear]


def test_a_sample_holds_every_cluster() -> None:
    points, labels = blobs(1000, 2, 2)
    labels[17] = 7
    assert drive(compute_indices(points, labels, pairs_at_most=20, silhouette_at_most=20)).k == 3


def test_values_that_are_not_finite_are_named() -> None:
    points, labels = blobs(30, 3, 2)
    points[4, 1] = np.nan
    with pytest.raises(HistoclustError, match="Row 5, feature 2"):
        drive(compute_indices(points, labels))


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(HistoclustError, match="one row of features a label"):
        drive(compute_indices(np.zeros((5, 2)), np.arange(4)))
