from __future__ import annotations

import numpy as np
import pytest

from napari_histoclust.core.model.find_clusters import fit_temperature, named_after


def test_clusters_are_named_after_those_they_overlap_most() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    others = np.array([2, 2, 2, 0, 0, 1, 1, 0])
    np.testing.assert_array_equal(named_after(others, labels, 3), [0, 0, 0, 1, 1, 2, 2, 1])


@pytest.mark.parametrize("true", [1.0, 4.0, 20.0])
def test_the_temperature_makes_confidence_tell_agreement(true: float) -> None:
    """Agreement drawn at a known temperature gives that temperature back."""
    rng = np.random.default_rng(0)
    squared = rng.uniform(0, 60, (20_000, 3))
    p = np.exp(-0.5 * squared / true)
    sure = (p / p.sum(axis=1, keepdims=True)).max(axis=1)
    agreement = rng.binomial(10, sure) / 10
    assert fit_temperature(squared, agreement) == pytest.approx(true, rel=0.08)
