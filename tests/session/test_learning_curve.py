"""Hours of steps in a few hundred points."""

from __future__ import annotations

import numpy as np
import pytest

from napari_histoclust.core.jobs import Progress
from napari_histoclust.core.model.loss_parts import PARTS
from napari_histoclust.session.learning_curve import LearningCurve


def step(done: int, total: int, loss: float) -> Progress:
    return Progress("Training", done, total, dict.fromkeys(PARTS, loss) | {"epoch": 1.0})


def test_other_reports_are_passed_over() -> None:
    history = LearningCurve(10)
    assert not history.add(Progress("Reading patches", 3, 10))
    assert not history.add(Progress("Measuring on held-out patches", 3, 10))
    assert len(history.curves()["loss"][0]) == 0


@pytest.mark.parametrize("steps", [1, 7, 8, 50, 1000])
def test_points_are_the_means_of_equal_stretches(steps: int) -> None:
    history, loss = LearningCurve(20, at_most=4), np.random.default_rng(0).normal(size=steps)
    for i, value in enumerate(loss):
        assert history.add(step(i + 1, steps, value))
    epoch, mean = history.curves()["loss"]
    each = 1
    while steps // each >= 8:  # the literal version: halve until fewer than twice four are left
        each *= 2
    kept = steps // each * each
    np.testing.assert_allclose(mean, loss[:kept].reshape(-1, each).mean(1))
    np.testing.assert_allclose(epoch, 20 * (np.arange(kept) + 1).reshape(-1, each).mean(1) / steps)
    assert len(history) < 8
