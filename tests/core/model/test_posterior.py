"""Labels, confidence and entropy of places: against the sums by hand, and the same to the bit in pieces."""

from __future__ import annotations

import math

import numpy as np
import pytest

from napari_histoclust.core.model.confidence import Confidence
from napari_histoclust.core.model.posterior import probabilities_of, scores_of

SURE = Confidence(2.0, 0.07)


def _made(n: int = 500, clusters: int = 13) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.normal(0, 4, (n, 10)).astype(np.float32), rng.normal(0, 4, (clusters, 10)).astype(np.float32)


def test_against_the_formula_patch_by_patch() -> None:
    places, centres = _made(60)
    p = probabilities_of(places, centres, Confidence(3.5, 0.2))
    labels, confidence, entropy = scores_of(p)
    for i, place in enumerate(places.astype(float)):
        weights = [math.exp(-0.5 * sum((place - c) ** 2) / 3.5) for c in centres.astype(float)]
        shares = [0.8 * weight / sum(weights) + 0.2 / len(centres) for weight in weights]
        np.testing.assert_allclose(p[i], shares, rtol=2e-4, atol=1e-6)
        assert labels[i] == np.argmax(shares) + 1
        assert confidence[i] == pytest.approx(max(shares), rel=1e-4)
        assert entropy[i] == pytest.approx(-sum(s * math.log(s) for s in shares if s), abs=1e-4)


def test_a_patch_far_from_every_cluster_still_has_one() -> None:
    places, centres = _made(3)
    p = probabilities_of(places * 1e4, centres, Confidence())
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert np.isfinite(scores_of(p).entropy).all()


@pytest.mark.parametrize("piece", [1, 3, 64, 499])
def test_no_bit_depends_on_what_else_is_asked_for(piece: int) -> None:
    places, centres = _made()
    whole = scores_of(probabilities_of(places, centres, SURE))
    stored = np.empty((len(places), len(centres)), np.float32)
    for start in range(0, len(places), piece):
        stored[start : start + piece] = probabilities_of(places[start : start + piece], centres, SURE)
    np.testing.assert_array_equal(stored, probabilities_of(places, centres, SURE))
    for start in range(0, len(places), piece):
        part = scores_of(stored[start : start + piece])
        for ours, all_ in zip(part, whole, strict=True):
            np.testing.assert_array_equal(ours, all_[start : start + piece])
