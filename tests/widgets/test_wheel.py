"""The wheel over a dock scrolls it: no box and no list in any of them is changed by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QAbstractSpinBox, QApplication, QComboBox, QWidget

from core.runs import make_run
from napari_histoclust.session.forms.number_range import NumberRange
from napari_histoclust.widgets import docks
from napari_histoclust.widgets._dialogs import NumberDialog
from napari_histoclust.widgets._number_box import NumberBox
from napari_histoclust.widgets.context import context_of
from napari_histoclust.widgets.model.import_dialog import ImportDialog
from widgets.keys_and_wheel import takes_the_wheel

pytestmark = pytest.mark.gui

LEAST = {
    "Slides": 1, "Model": 25, "Clusters": 0, "Validation": 4,
    "Results": 5, "Scatter": 1, "Gallery": 1, "Workspace": 2,
}  # fmt: skip
"""Boxes that each dock has at least."""
Viewers = Callable[..., Any]


def boxes_in(widget: QWidget) -> Iterator[Any]:
    for kind in (QAbstractSpinBox, QComboBox):
        yield from widget.findChildren(kind)


def check_the_wheel(qtbot: QtBot, window: QWidget) -> int:
    """Turn the wheel over each box, which has the focus where it can; return how many there are."""
    count = 0
    for box in boxes_in(window):
        count += 1
        is_list = isinstance(box, QComboBox)
        if is_list:
            box.addItems(["first", "second", "third"])  # where a list has no entries yet
            box.setCurrentIndex(1)
        box.setEnabled(True)
        box.setFocus()
        before = box.currentIndex() if is_list else box.text()
        over = [box, *([] if is_list else [box.lineEdit()])]
        assert not any(takes_the_wheel(widget) for widget in over), f"{box.objectName()} {box.toolTip()}"
        assert (box.currentIndex() if is_list else box.text()) == before
    return count


@pytest.fixture
def viewer(make_napari_viewer_proxy: Viewers, tmp_path: Path) -> Any:
    viewer = make_napari_viewer_proxy()
    context_of(viewer).session.load(make_run(tmp_path / "run"), ())
    return viewer


def test_all_docks_are_looked_at() -> None:
    own = {name for name, found in vars(docks).items() if getattr(found, "__module__", "") == docks.__name__}
    assert set(LEAST) == own - {"_OfViewer"}


@pytest.mark.parametrize("name", LEAST)
def test_the_wheel_changes_nothing_in_a_dock(qtbot: QtBot, viewer: Any, name: str) -> None:
    dock = getattr(docks, name)(viewer)
    qtbot.addWidget(dock)
    dock.show()
    assert check_the_wheel(qtbot, dock) >= LEAST[name]
    QApplication.processEvents()


def test_nor_in_a_dialog(qtbot: QtBot) -> None:
    asking = NumberDialog("Save sheet", "How many?", "Patches", NumberRange(1, 200, is_whole=True), 40)
    for dialog in (ImportDialog(), asking):
        qtbot.addWidget(dialog)
        dialog.show()
        assert check_the_wheel(qtbot, dialog) == 1


def test_all_numbers_are_asked_for_by_the_one_box(qtbot: QtBot, viewer: Any) -> None:
    for name in LEAST:
        dock = getattr(docks, name)(viewer)
        qtbot.addWidget(dock)
        assert all(isinstance(box, NumberBox) for box in dock.findChildren(QAbstractSpinBox))
