"""Views that die leave no trace in the session."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QLabel

from napari_histoclust.session import Selection
from napari_histoclust.widgets._lifetime import follow

pytestmark = pytest.mark.gui


class CountView(QLabel):
    """Shows how many patches are selected."""

    def __init__(self, selection: Selection) -> None:
        super().__init__()
        self._selection = selection
        follow(self, selection.changed, self.repaint_count)

    def repaint_count(self) -> None:
        self.setText(str(len(self._selection)))


def test_a_view_hears_of_changes(qtbot: QtBot) -> None:
    selection = Selection(10)
    view = CountView(selection)
    qtbot.addWidget(view)
    selection.set(np.arange(3))
    assert view.text() == "3"


def test_a_view_deleted_by_qt_is_left_alone_and_the_others_still_hear(qtbot: QtBot) -> None:
    selection = Selection(10)
    dead, alive = CountView(selection), CountView(selection)
    qtbot.addWidget(alive)
    gone: list[bool] = []
    dead.destroyed.connect(lambda: gone.append(True))
    dead.deleteLater()
    qtbot.waitUntil(lambda: bool(gone))
    selection.set([1])
    assert alive.text() == "1"
    assert len(selection.changed) == 1


def test_a_view_dropped_by_python_is_left_alone(qtbot: QtBot) -> None:
    selection = Selection(10)
    view = CountView(selection)
    del view
    gc.collect()
    selection.set([1])
    assert len(selection.changed) == 0


def test_a_lambda_is_refused(qtbot: QtBot) -> None:
    selection = Selection(10)
    label = QLabel()
    qtbot.addWidget(label)
    with pytest.raises(TypeError):
        follow(label, selection.changed, lambda: label.setText("x"))
    assert len(selection.changed) == 0
