from __future__ import annotations

import numpy as np
import pytest

from napari_histoclust.core.model.metric import CLOSER_SHARE, SHRINKAGE, learn_metric

Float = np.ndarray


def _tissues(seed: int = 0, n: int = 600) -> tuple[Float, Float, Float, Float]:
    """Three tissues that differ along one axis of ten, under strong noise along the others."""
    rng = np.random.default_rng(seed)
    tissue = rng.integers(3, size=n)
    centre = np.zeros((n, 10))
    centre[:, 0] = 2.0 * tissue
    noise = np.array([0.3, *[3.0] * 9])
    own, one, two = (centre + rng.normal(size=(n, 10)) * noise for _ in range(3))
    return tissue, own, one, two


def test_the_first_axis_is_what_neighbours_share() -> None:
    tissue, own, one, two = _tissues()
    metric = learn_metric(own, one, two, 1, axes=3, rng=np.random.default_rng(0))
    first = metric.apply(own)[:, 0]
    assert abs(np.corrcoef(first, tissue)[0, 1]) > 0.95
    assert metric.signal[0] > 3 * metric.signal[1]
    assert metric.signal[0] > 3 * metric.null[0]


def test_noise_between_neighbours_is_the_unit_matrix() -> None:
    """Against the literal definition: differences of the closer pairs, halved, with the shrinkage added."""
    _, own, one, two = _tissues()
    metric = learn_metric(own, one, two, 1, axes=10, rng=np.random.default_rng(0))
    far = ((one - two) ** 2).sum(axis=1)
    closer = (one - two)[far <= np.quantile(far, CLOSER_SHARE)]
    noise = sum(np.outer(d, d) for d in closer) / (2 * len(closer))
    noise = noise + SHRINKAGE * np.trace(noise) / 10 * np.eye(10)
    np.testing.assert_allclose(metric.axes.T @ noise @ metric.axes, np.eye(10), atol=1e-8)
    total = np.cov(own.T, bias=True)
    np.testing.assert_allclose(np.diag(metric.axes.T @ total @ metric.axes), metric.signal, rtol=1e-6)


def test_encoders_enter_by_their_own_principal_axes() -> None:
    _, own, one, two = _tissues()
    pairs = [np.concatenate([part, 100 * part], axis=1) for part in (own, one, two)]
    metric = learn_metric(*pairs, 2, axes=3, rng=np.random.default_rng(0))
    assert metric.axes.shape == (20, 3)
    assert np.isfinite(metric.apply(pairs[0])).all()


def test_units_of_the_features_do_not_matter() -> None:
    _, own, one, two = _tissues()
    plain = learn_metric(own, one, two, 1, axes=3, rng=np.random.default_rng(0)).apply(own)
    scaled = learn_metric(7 * own + 2, 7 * one + 2, 7 * two + 2, 1, axes=3, rng=np.random.default_rng(0))
    np.testing.assert_allclose(np.abs(scaled.apply(7 * own + 2)), np.abs(plain), rtol=1e-6)


def test_patches_that_are_all_alike_are_refused() -> None:
    from napari_histoclust.core.errors import HistoclustError

    with pytest.raises(HistoclustError, match="look alike"):
        learn_metric(
            np.ones((30, 4)), np.ones((30, 4)), np.ones((30, 4)), 1, axes=2, rng=np.random.default_rng(0)
        )
