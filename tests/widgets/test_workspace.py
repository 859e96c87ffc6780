"""All docks around a real viewer: opening, saving, closing, and nothing left behind."""

from __future__ import annotations

import gc
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QMessageBox

from core.models import write_model
from core.runs import STAINS, make_run
from napari_histoclust.core.run.reader import open_run
from napari_histoclust.core.run.run import Run
from napari_histoclust.core.run.saved import saved_run
from napari_histoclust.widgets.context import Context, context_of
from napari_histoclust.widgets.open import open_in_napari
from napari_histoclust.widgets.saving import may_leave, save
from napari_histoclust.widgets.workspace import close_workspace, open_workspace
from viewer.pyramids import plain, write_stack

pytestmark = pytest.mark.gui

Viewers = Callable[..., Any]
DOCKS = {"Workspace", "Slides", "Model", "Clusters", "Validation", "Results", "UMAP", "Gallery"}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    stack = write_stack(tmp_path / "block", {stain: plain(400, 500) for stain in STAINS})
    made = make_run(tmp_path / "run", paths=[stack], embedding=True)
    write_model(made.path / "model", STAINS)
    return made


@pytest.fixture
def viewer(make_napari_viewer_proxy: Viewers) -> Iterator[Any]:
    viewer = make_napari_viewer_proxy()
    yield viewer
    context_of(viewer).session.mark_saved()  # else its closing would wait for an answer


def docks(viewer: Any) -> set[str]:
    return {name.removesuffix(" (napari-histoclust)") for name in viewer.window.dock_widgets}


def test_opening_a_run_brings_every_dock(run: Run, viewer: Any) -> None:
    open_in_napari(run.path, viewer=viewer)
    assert docks(viewer) >= DOCKS
    assert context_of(viewer).session.run is not None


def test_a_second_opening_changes_nothing(viewer: Any) -> None:
    first = open_workspace(viewer)
    assert open_workspace(viewer) is first
    assert docks(viewer) >= DOCKS


def test_what_was_saved_is_seen_again(run: Run, make_napari_viewer_proxy: Viewers) -> None:
    context = context_of(open_in_napari(run.path, viewer=make_napari_viewer_proxy()))
    change(context)
    expected = context.session.palette.state, context.session.selection.mask, context.scene.view()
    assert save(context)
    assert not context.session.has_unsaved_edits
    again = context_of(open_in_napari(run.path, viewer=make_napari_viewer_proxy()))
    assert again.session.palette.state == expected[0]
    np.testing.assert_array_equal(again.session.palette.labels, expected[0].labels)
    np.testing.assert_array_equal(again.session.selection.mask, expected[1])
    assert again.scene.view() == expected[2]
    assert not again.session.has_unsaved_edits
    np.testing.assert_array_equal(open_run(run.path).labels, run.labels)  # the result itself is untouched


def change(context: Context) -> None:
    session = context.session
    session.palette.rename(1, "liver")
    session.palette.merge([3], into=2)
    members = int((session.palette.shown_labels == 1).sum())
    session.palette.split(1, np.arange(members) % 3)
    session.selection.set(session.palette.shown_labels == 2)
    session.set_focus(11)
    context.scene.stains.show("CD31")
    context.scene.go_to(11)


@pytest.mark.parametrize(
    ("button", "may", "saved"),
    [("Save", True, True), ("Discard", True, False), ("Cancel", False, False)],
)
def test_unsaved_changes_are_asked_about(
    run: Run, viewer: Any, qtbot: QtBot, button: str, may: bool, saved: bool
) -> None:
    context = context_of(open_in_napari(run.path, viewer=viewer))
    assert may_leave(context)  # nothing to ask
    context.session.palette.rename(1, "liver")

    def answer() -> None:
        for box in QApplication.topLevelWidgets():
            if isinstance(box, QMessageBox):
                box.button(getattr(QMessageBox.StandardButton, button)).click()

    QTimer.singleShot(100, answer)
    assert may_leave(context) is may
    assert context.session.has_unsaved_edits is not saved
    context.session.mark_saved()  # so that the window closes


def test_a_run_folder_that_has_gone_is_told_and_nothing_is_called_saved(run: Run, viewer: Any) -> None:
    context = context_of(open_in_napari(run.path, viewer=viewer))
    context.session.palette.rename(1, "liver")
    shutil.rmtree(run.path)
    assert not save(context)
    assert "is no longer there" in notification_manager.records[-1].message
    assert context.session.has_unsaved_edits
    context.session.mark_saved()


def press(words: str) -> None:
    """Press a button of the question that is asked, by what stands on it."""
    for box in QApplication.topLevelWidgets():
        if isinstance(box, QMessageBox):
            (button,) = (b for b in box.buttons() if b.text().replace("&", "") == words)
            button.click()


@pytest.mark.parametrize("answer", ["Take theirs over", "Cancel"])
def test_a_second_window_does_not_overwrite_what_the_first_has_saved(
    run: Run, make_napari_viewer_proxy: Viewers, answer: str
) -> None:
    mine, theirs = (context_of(open_in_napari(run.path, viewer=make_napari_viewer_proxy())) for _ in range(2))
    theirs.session.palette.rename(1, "liver")
    assert save(theirs)
    mine.session.palette.rename(1, "spleen")
    QTimer.singleShot(100, lambda: press(answer))
    assert not save(mine)
    is_taken_over = answer == "Take theirs over"
    assert mine.session.palette.state.names[0] == ("liver" if is_taken_over else "spleen")
    assert mine.session.has_unsaved_edits is not is_taken_over
    assert saved_run(run.path).clusters[0].name == "liver"
    mine.session.mark_saved()
    if is_taken_over:
        mine.session.palette.rename(1, "spleen")
        assert save(mine)
        assert saved_run(run.path).clusters[0].name == "spleen"


def test_a_second_window_saves_its_own_in_a_copy(
    run: Run, make_napari_viewer_proxy: Viewers, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mine, theirs = (context_of(open_in_napari(run.path, viewer=make_napari_viewer_proxy())) for _ in range(2))
    theirs.session.palette.rename(1, "liver")
    assert save(theirs)
    mine.session.palette.rename(1, "spleen")
    monkeypatch.setattr("napari_histoclust.widgets.saving.ask_new_folder", lambda *_: tmp_path / "copy")
    QTimer.singleShot(100, lambda: press("Save a copy…"))
    with qtbot.waitSignal(mine.runner.released):
        assert not save(mine)
    qtbot.waitUntil(lambda: not mine.session.has_unsaved_edits)
    assert saved_run(run.path).clusters[0].name == "liver"
    assert saved_run(tmp_path / "copy").clusters[0].name == "spleen"


@pytest.mark.slow
def test_opening_and_closing_leaves_nothing_behind(run: Run, viewer: Any, qtbot: QtBot) -> None:
    def once() -> None:
        open_in_napari(run.path, viewer=viewer)
        close_workspace(viewer)
        context_of(viewer).session.load(None, [])
        QApplication.processEvents()
        gc.collect()

    def widgets() -> int:
        return sum(type(w).__module__.startswith("napari_histoclust") for w in QApplication.allWidgets())

    def slots() -> int:
        return len(context_of(viewer).session.changed)

    once()
    qtbot.waitUntil(lambda: widgets() == 0)
    first_slots, first_threads = slots(), threading.active_count()
    for _ in range(20):
        once()
    qtbot.waitUntil(lambda: widgets() == 0)
    assert slots() == first_slots
    # Pools that earlier tests left may end meanwhile: fewer threads are no leak, more are.
    qtbot.waitUntil(lambda: threading.active_count() <= first_threads)
    assert docks(viewer).isdisjoint(DOCKS)
