from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from napari_histoclust.core.model.kmeans import MOST_WEIGHT, NEIGHBOURS, crowding_weights, kmeans


def _nearest(places: np.ndarray, centres: np.ndarray) -> np.ndarray:
    return ((places[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)


def _one_large_two_small(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A long, crowded tissue of 900 patches beside two tissues of 60 that lie close to each other."""
    rng = np.random.default_rng(seed)
    large = rng.normal(size=(900, 2)) * (1.0, 0.3)
    small = [rng.normal(size=(60, 2)) * 0.4 + centre for centre in ((0.0, 9.0), (4.0, 9.0))]
    return np.concatenate([large, *small]), np.repeat([0, 1, 2], [900, 60, 60])


def test_weights_are_those_of_the_definition() -> None:
    """Against the literal definition: all distances, sorted."""
    places = np.random.default_rng(0).normal(size=(80, 3))
    distances = np.sort(np.sqrt(((places[:, None] - places) ** 2).sum(axis=2)), axis=1)
    farthest = distances[:, NEIGHBOURS]  # the nearest of all is the patch itself
    expected = np.minimum(farthest / np.median(farthest), MOST_WEIGHT)
    np.testing.assert_allclose(crowding_weights(places), expected)


def test_a_patch_drawn_twice_counts_twice() -> None:
    places = np.random.default_rng(1).normal(size=(50, 3))
    once = crowding_weights(places)
    rows = np.r_[np.arange(50), 7, 7]
    np.testing.assert_allclose(crowding_weights(places[rows]), once[rows])


@pytest.mark.parametrize("places", [np.zeros((1, 2)), np.zeros((5, 2)), np.arange(6.0).reshape(3, 2)])
def test_few_or_equal_patches_have_weights(places: np.ndarray) -> None:
    weights = crowding_weights(places)
    assert weights.shape == (len(places),)
    assert (weights > 0).all()


def test_small_tissues_are_told_apart_before_a_large_one_is_cut() -> None:
    """Plain k-means cuts the large one: the sum of squares in it is larger than between the small ones."""
    places, tissue = _one_large_two_small(0)
    weighted = kmeans(places, crowding_weights(places), 3, starts=10, seed=0)
    plain = kmeans(places, np.ones(len(places)), 3, starts=10, seed=0)
    assert adjusted_rand_score(tissue, _nearest(places, weighted)) > 0.95
    assert adjusted_rand_score(tissue, _nearest(places, plain)) < 0.6
