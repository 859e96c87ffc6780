from __future__ import annotations

import numpy as np
import pytest

from napari_histoclust.core.jobs import drive
from napari_histoclust.core.model import confidence as c
from napari_histoclust.core.model.find_clusters import Taught, kmeans_of


def test_clusters_are_named_after_those_they_overlap_most() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    others = np.array([2, 2, 2, 0, 0, 1, 1, 0])
    np.testing.assert_array_equal(c.named_after(others, labels, 3), [0, 0, 0, 1, 1, 2, 2, 1])


@pytest.mark.parametrize(("temperature", "lapse"), [(1.0, 0.0), (4.0, 0.1), (20.0, 0.2)])
def test_confidence_tells_agreement(temperature: float, lapse: float) -> None:
    """Agreement drawn at a known temperature and lapse gives them back."""
    rng = np.random.default_rng(0)
    squared = rng.uniform(0, 60, (20_000, 3))
    sure = c.Confidence(temperature, lapse).probabilities(squared).max(axis=1)
    kept = rng.binomial(20, sure) / 20
    found = c.fit_confidence(squared, kept)
    np.testing.assert_allclose(found.probabilities(squared).max(axis=1), sure, atol=0.02)
    if temperature < 20:  # there the temperature alone says nearly the same as both
        assert found.temperature == pytest.approx(temperature, rel=0.1)
        assert found.lapse == pytest.approx(lapse, abs=0.01)


def test_probabilities_keep_the_nearest_and_sum_to_one() -> None:
    squared = np.random.default_rng(1).uniform(0, 400, (500, 7))
    p = c.Confidence(8.0, 0.3).probabilities(squared)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_array_equal(p.argmax(axis=1), squared.argmin(axis=1))
    assert p.max() <= 0.7 + 0.3 / 7 + 1e-12


def test_reliability_is_what_a_loop_over_the_bins_says() -> None:
    rng = np.random.default_rng(2)
    sure = np.concatenate([rng.uniform(0.1, 1, 997), [1.0, 0.0, 1 / 3]])
    kept = rng.binomial(10, sure**2) / 10
    found = c.reliability(sure, kept)
    error = 0.0
    for number in range(15):
        last = number == 14
        inside = (sure * 15 >= number) & ((sure * 15 < number + 1) | last)
        assert found.patches[number] == inside.sum()
        if inside.any():
            error += abs(sure[inside].mean() - kept[inside].mean()) * inside.sum() / len(sure)
    assert found.error == pytest.approx(error)
    assert found.error > 0.1
    assert found.document()["expected_calibration_error"] == pytest.approx(error, abs=1e-4)


def test_regions_are_squares_of_one_slide() -> None:
    y, x = (part.reshape(-1) for part in np.mgrid[:64, :64])
    places = np.stack([np.repeat([0, 1], 2048), y, x], axis=1).astype(float)
    regions = c.regions_of(places)
    assert len(np.unique(regions)) == regions.max() + 1 >= 40
    for region in np.unique(regions):
        own = places[regions == region]
        assert len(set(own[:, 0])) == 1
        assert np.ptp(own[:, 1:], axis=0).max() <= 7
    few = places[:20] * (0, 1, 1)
    np.testing.assert_array_equal(c.regions_of(few), np.arange(20))


def test_a_bootstrap_draws_whole_regions() -> None:
    regions = np.random.default_rng(3).permutation(np.repeat(np.arange(50), np.arange(1, 51)))
    rows = c.draw_bootstrap(regions, np.random.default_rng(4))
    times = np.bincount(rows, minlength=len(regions))
    for region in range(50):
        assert len(set(times[regions == region])) == 1
    drawn = [times[regions == region][0] for region in range(50)]
    assert sum(drawn) == 50
    assert min(drawn) == 0


def _two_tissues(apart: float, n: int = 600) -> tuple[Taught, np.ndarray]:
    """Two tissues in the left and right half of a slide, `apart` in units of the noise between neighbours."""
    rng = np.random.default_rng(5)
    places = np.stack([np.zeros(n), rng.uniform(0, 64, n), rng.uniform(0, 64, n)], axis=1)
    mean = np.zeros((n, 4))
    mean[:, 0] = np.where(places[:, 2] < 32, 0, apart)
    own, first, second = (np.tile(mean, (m, 1)) + rng.normal(size=(n * m, 4)) for m in (1, 2, 2))
    return Taught(own, first, second, 1, np.ones(len(first), bool)), places


def _find(places: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    return np.asarray(KMeans(clusters, n_init=1, random_state=seed).fit(places).cluster_centers_)


@pytest.mark.parametrize(("apart", "clusters"), [(6.0, 2), (6.0, 5), (0.0, 3)])
def test_on_bootstraps_that_did_not_take_part_confidence_is_what_it_promises(
    apart: float, clusters: int
) -> None:
    taught, places = _two_tissues(apart)
    rng = np.random.default_rng(6)
    metric = taught.metric(2, rng)
    here = metric.apply(taught.features)
    drawn = drive(c.draw_bootstraps(taught, 2, c.regions_of(places), rng))
    found, checked = drive(c.measure_confidence(drawn, here, _find(here, clusters, 0), kmeans_of, 7))
    assert checked is not None
    assert checked.error < 0.07
    if clusters == 2:
        assert found.lapse < 0.02
        assert checked.kept[-1] > 0.98
        again = drive(c.measure_confidence(drawn, here, _find(here, clusters, 0), kmeans_of, 7))
        assert again == (found, checked)
