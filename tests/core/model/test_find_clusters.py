"""Confidence for every K from one set of bootstraps."""

from __future__ import annotations

import numpy as np
import pytest

from napari_histoclust.core.jobs import drive
from napari_histoclust.core.model.confidence import (
    Bootstrap,
    Confidence,
    draw_bootstraps,
    measure_confidence,
)
from napari_histoclust.core.model.find_clusters import Taught, _confidences
from napari_histoclust.core.model.metric import Float
from napari_histoclust.core.model.solutions import kmeans, solve

Made = tuple[list[Bootstrap], Float, list[Float]]


@pytest.fixture(scope="module")
def made() -> Made:
    """Three heaps in six features, of which two say nothing; centres for K = 2 to 19."""
    rng = np.random.default_rng(1)
    heaps = rng.normal(0, 4, (3, 6)) * (1, 1, 1, 1, 0, 0)
    kind = rng.integers(3, size=380)
    own, first, second = (heaps[kind] + rng.normal(0, 1, (380, 6)) for _ in range(3))
    taught = Taught(own, np.concatenate([first, own]), np.concatenate([second, first]), 2)
    places = taught.metric(3, np.random.default_rng(0)).apply(taught.features)
    bootstraps = drive(draw_bootstraps(taught, 3, np.arange(380), rng, count=4))
    return bootstraps, places, drive(solve(places, 3, 0))[0]


def test_each_k_is_measured_as_if_it_were_the_only_one(made: Made) -> None:
    bootstraps, places, centres = made
    found = drive(_confidences(bootstraps, places, centres, 7))
    assert len(found) == len(centres) == 18
    for k in (2, 3, 15, 19):
        alone, _ = drive(
            measure_confidence(
                bootstraps, places, centres[k - 2], lambda p, c, seed: kmeans(p, c, 3, seed), 7, held_out=0
            )
        )
        assert found[k - 2].temperature == pytest.approx(alone.temperature, rel=1e-12)
        assert found[k - 2].lapse == pytest.approx(alone.lapse, rel=1e-9)
    for value in ("temperature", "lapse"):  # between 15 and 19, in even steps of their logarithms
        ends = sorted(getattr(found[k - 2], value) for k in (15, 19))
        assert ends[0] <= getattr(found[17 - 2], value) <= ends[1]


def test_no_confidence_depends_on_the_k_that_was_asked_for(made: Made) -> None:
    bootstraps, places, centres = made
    few, more = (drive(_confidences(bootstraps, places, part, 7)) for part in (centres[:4], centres[:7]))
    assert few == more[:4]
    assert all(isinstance(one, Confidence) for one in few)
