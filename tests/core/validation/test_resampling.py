from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_histoclust.core.jobs import drive
from napari_histoclust.core.model.find_clusters import Taught
from napari_histoclust.core.validation.resampling import (
    BOOTSTRAPS,
    DIVISIONS,
    found_again,
    measure_repeats,
    resample,
    resample_structureless,
    shared_bits,
    shuffled,
    split_in_halves,
)

pytestmark = pytest.mark.usefixtures("one_thread")

KINDS, AXES = 3, 3
REGIONS = np.repeat(np.arange(30), 12)


@pytest.fixture(scope="module")
def taught() -> Taught:
    """Three kinds of tissue, each region of one kind, and pairs of one kind each."""
    random = np.random.default_rng(3)
    kinds = (REGIONS % KINDS)[:, None]
    centres = random.normal(0, 6, (KINDS, 6))

    def patches() -> NDArray[np.float64]:
        return np.asarray(centres[kinds[:, 0]] + random.normal(0, 1, (len(kinds), 6)))

    first, second = (np.concatenate([patches(), patches()]) for _ in range(2))
    return Taught(patches(), first, second, 1, np.ones(len(first), bool))


def repeats(taught: Taught, regions: NDArray[np.int64], k: int) -> dict[str, float]:
    resampled = drive(resample(taught, AXES, regions, 1))
    labels = resampled.labels(k, 1)
    found = drive(measure_repeats(resampled, labels, k, 1))
    assert [len(values) for values in found.values()] == [DIVISIONS] * 3 + [BOOTSTRAPS]
    return {name: float(np.mean(values)) for name, values in found.items()}


def test_tissue_comes_back_and_neighbours_share_it(taught: Taught) -> None:
    found = repeats(taught, REGIONS, KINDS)
    assert found["halves_agreement"] > 0.95
    assert found["bootstrap_agreement"] > 0.95
    assert found["clusters_found_again"] == KINDS
    assert found["shared_bits"] == pytest.approx(np.log2(KINDS), abs=0.15)


def test_at_shuffled_places_neighbours_share_nothing(taught: Taught) -> None:
    assert repeats(*shuffled(taught, REGIONS, 1), KINDS)["shared_bits"] == pytest.approx(0, abs=0.05)


def test_points_without_structure_neither_come_back_nor_have_neighbours(taught: Taught) -> None:
    resampled = resample_structureless(taught.features, 1)
    np.testing.assert_allclose(resampled.places.std(axis=0), taught.features.std(axis=0), rtol=0.15)
    found = drive(measure_repeats(resampled, np.zeros(len(resampled.places), int), 6, 1))
    assert "shared_bits" not in found
    assert np.mean(found["clusters_found_again"]) < 3


def test_halves_are_whole_regions_and_as_many_patches() -> None:
    sizes = np.random.default_rng(0).integers(1, 40, 25)
    regions = np.repeat(np.arange(25), sizes)
    one, two = split_in_halves(regions, np.random.default_rng(1))
    assert sorted([*one, *two]) == list(range(len(regions)))
    assert not set(regions[one]) & set(regions[two])
    assert abs(len(one) - len(two)) <= sizes.max()


def test_a_cluster_is_found_again_where_three_quarters_overlap() -> None:
    """Beside the same said literally, with sets."""
    random = np.random.default_rng(5)
    one = np.repeat([0, 1, 2], 40)
    for share in (0.0, 0.1, 0.2, 0.5, 1.0):
        two = np.where(random.random(120) < share, random.integers(0, 3, 120), one)
        sets = [[set(np.flatnonzero(labels == k)) for k in range(3)] for labels in (one, two)]
        literal = sum(any(len(a & b) >= 0.75 * len(a | b) for b in sets[1]) for a in sets[0])
        assert found_again(one, (two + 1) % 3, 3) == literal
    assert found_again(one, one, 5) == 3


def test_bits_are_the_entropy_for_twins_and_none_for_strangers() -> None:
    random = np.random.default_rng(2)
    labels = random.integers(0, 4, 4000)
    assert shared_bits(labels, labels, random) == pytest.approx(2, abs=0.02)
    assert shared_bits(labels, random.permutation(labels), random) == pytest.approx(0, abs=0.01)
