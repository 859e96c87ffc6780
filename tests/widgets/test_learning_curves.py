from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from napari_histoclust.core.jobs import Progress
from napari_histoclust.widgets.model.learning_curves import LearningCurves

pytestmark = pytest.mark.gui

OF_THE_PAPER = {"loss", "reconstruction", "marginal", "conditional", "consistency"}
OF_NEIGHBOURS = {"loss", "invariance", "spread", "covariance"}


def _shown(curves: LearningCurves) -> set[str]:
    return {name for name, chart in curves.charts.items() if chart.isVisibleTo(curves)}


@pytest.mark.parametrize("parts", [OF_THE_PAPER, OF_NEIGHBOURS])
def test_a_model_shows_the_parts_that_its_loss_has(qtbot: QtBot, parts: set[str]) -> None:
    curves = LearningCurves()
    qtbot.addWidget(curves)
    curves.show_history([{"epoch": float(i + 1)} | dict.fromkeys(parts, 0.5) for i in range(3)])
    assert _shown(curves) == parts


def test_a_training_under_way_shows_the_parts_that_it_reports(qtbot: QtBot) -> None:
    curves = LearningCurves()
    qtbot.addWidget(curves)
    curves.follow_training(2)
    curves.add(Progress("Training", 1, 4, {"epoch": 1.0} | dict.fromkeys(OF_NEIGHBOURS, 0.5)))
    qtbot.waitUntil(lambda: _shown(curves) == OF_NEIGHBOURS)
