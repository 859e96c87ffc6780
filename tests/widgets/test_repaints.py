"""A dock paints what has changed and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QApplication, QWidget

from core.runs import make_run
from napari_histoclust.core.slides.stack import open_stack
from napari_histoclust.session.shown import ShowsState
from napari_histoclust.widgets.clusters.dock import ClustersDock
from napari_histoclust.widgets.context import Context
from napari_histoclust.widgets.gallery.dock import GalleryDock
from napari_histoclust.widgets.model.dock import ModelDock
from napari_histoclust.widgets.results.dock import ResultsDock
from napari_histoclust.widgets.scatter.dock import ScatterDock
from napari_histoclust.widgets.slides.dock import SlidesDock
from napari_histoclust.widgets.validation.dock import ValidationDock
from napari_histoclust.widgets.view import ViewBar
from stacks import write_stack
from widgets.made import context

pytestmark = pytest.mark.gui
__all__ = ["context"]

DOCKS = (SlidesDock, ModelDock, ValidationDock, ResultsDock, ClustersDock, ScatterDock, GalleryDock, ViewBar)


class Paints(QObject):
    """Counts what is painted of a widget and all that lies in it."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.painted: list[str] = []
        for part in (widget, *widget.findChildren(QWidget)):
            part.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 - Qt's name
        if event is not None and event.type() == QEvent.Type.Paint:
            self.painted.append(type(watched).__name__)
        return False


@pytest.fixture
def ready(context: Context, tmp_path: Path) -> Context:
    """Two slides and a run of both."""
    stacks = [open_stack(write_stack(tmp_path / name)) for name in "ab"]
    context.session.load(make_run(tmp_path / "run", slides=2, embedding=True), stacks)
    return context


def is_settled(dock: Any) -> bool:
    """Whether what a dock reads in the background has come."""
    if isinstance(dock, ScatterDock):
        return dock.pages.currentWidget() is dock.canvas
    return not isinstance(dock, GalleryDock) or dock.is_settled


def settle(qtbot: QtBot, dock: QWidget, paints: Paints) -> None:
    """Wait until everything has been painted."""
    qtbot.waitUntil(lambda: is_settled(dock))

    def is_quiet() -> bool:
        paints.painted.clear()
        for _ in range(3):  # what is painted may ask for another painting
            QApplication.processEvents()
        return not paints.painted

    qtbot.waitUntil(is_quiet)


def point(context: Context) -> None:
    context.session.set_focus(3)


def rename(context: Context) -> None:
    context.session.palette.rename(1, "liver")


def colour_by(context: Context) -> None:
    context.session.set_colour_by("confidence")


def select(context: Context) -> None:
    context.session.selection.set([1, 2])


def save(context: Context) -> None:
    context.session.mark_saved()


UNCONCERNED = [
    (point, (SlidesDock, ModelDock, ValidationDock, ResultsDock, ClustersDock, ViewBar)),
    (rename, (SlidesDock, ModelDock, ValidationDock, GalleryDock, ViewBar)),
    (colour_by, (SlidesDock, ModelDock, ValidationDock, ResultsDock, ClustersDock, GalleryDock)),
    (select, (SlidesDock, ModelDock, ValidationDock, ResultsDock)),
    (save, (SlidesDock, ModelDock, ValidationDock, ClustersDock, ScatterDock, GalleryDock, ViewBar)),
]


@pytest.mark.parametrize(
    ("act", "dock_class"),
    [(act, dock) for act, docks in UNCONCERNED for dock in docks],
    ids=lambda value: value.__name__,
)
def test_what_concerns_another_dock_paints_nothing(
    qtbot: QtBot, ready: Context, act: Callable[[Context], None], dock_class: Any
) -> None:
    dock = dock_class(ready)
    qtbot.addWidget(dock)
    with qtbot.waitExposed(dock):
        dock.show()
    paints = Paints(dock)
    settle(qtbot, dock, paints)
    act(ready)
    QApplication.processEvents()
    assert paints.painted == []


@pytest.mark.parametrize("dock_class", DOCKS)
def test_every_field_of_a_state_has_its_painter(qtbot: QtBot, ready: Context, dock_class: Any) -> None:
    dock = dock_class(ready)
    qtbot.addWidget(dock)
    assert isinstance(dock, ShowsState)
    for name in type(dock._resolve()).__dataclass_fields__:
        assert callable(getattr(dock, f"_show_{name}")), name


def test_a_renamed_cluster_repaints_its_row_alone(qtbot: QtBot, ready: Context) -> None:
    dock = ClustersDock(ready)
    qtbot.addWidget(dock)
    rows: list[tuple[int, int]] = []
    dock.model.dataChanged.connect(lambda first, last, *_: rows.append((first.row(), last.row())))
    ready.session.palette.rename(2, "liver")
    assert rows == [(1, 1)]
