"""The slider of the number of clusters, with the mouse and the keys, and what follows it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPointF, Qt
from qtpy.QtWidgets import QMessageBox

from core.runs import make_every_k_run, make_run
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.run.edits import load_edits, save_edits
from napari_histoclust.core.run.recluster import every_k
from napari_histoclust.core.run.run import Run
from napari_histoclust.session.colouring import colour
from napari_histoclust.session.gallery.arrangement import Arrangement, Order
from napari_histoclust.session.summary import describe_patch
from napari_histoclust.widgets.clusters.dock import ClustersDock
from napari_histoclust.widgets.clusters.k_slider import KSlider
from napari_histoclust.widgets.context import Context
from napari_histoclust.widgets.gallery.arranger import Arranger

pytestmark = pytest.mark.gui

RIGHT, LEFT, RETURN = Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Return


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_every_k_run(tmp_path_factory.mktemp("slider") / "run")


@pytest.fixture
def dock(qtbot: QtBot, context: Context) -> ClustersDock:
    dock = ClustersDock(context)
    dock.resize(420, 320)
    qtbot.addWidget(dock)
    with qtbot.waitActive(dock):
        dock.show()
        dock.activateWindow()
    qtbot.waitUntil(lambda: dock.k.slider.isEnabled())
    return dock


def settle(qtbot: QtBot, k: KSlider) -> None:
    qtbot.waitUntil(lambda: not k.is_busy)


def press(qtbot: QtBot, dock: ClustersDock, key: Qt.Key, times: int = 1) -> None:
    """Press a key on the slider and wait for all that follows."""
    dock.k.slider.setFocus()
    qtbot.waitUntil(dock.k.slider.hasFocus)
    for _ in range(times):
        qtbot.keyClick(dock.k.slider, key)
    settle(qtbot, dock.k)


def test_it_stands_at_the_k_of_the_run_and_reaches_from_2_to_the_last(dock: ClustersDock, run: Run) -> None:
    last = drive(every_k(run)).solutions.ks[-1]
    slider, box = dock.k.slider, dock.k.box
    assert (slider.minimum(), slider.maximum(), slider.value(), box.value()) == (2, last, 4, 4)
    assert f"2 to {last}" in slider.toolTip()


def test_table_colours_and_confidence_follow_the_keys(
    qtbot: QtBot, dock: ClustersDock, context: Context, run: Run
) -> None:
    session, many = context.session, drive(every_k(run))
    press(qtbot, dock, RIGHT, 3)
    assert dock.k.box.value() == 7
    assert [row.id for row in dock.model.rows] == [1, 2, 3, 4, 5, 6, 7]
    found = many.at(7)
    counts = np.bincount(found.labels, minlength=8)[1:]
    assert [row.summary.patches for row in dock.model.rows] == counts.tolist()
    for row in dock.model.rows:
        mean = found.confidence[found.labels == row.id].mean()
        assert row.summary.mean_confidence == pytest.approx(mean, rel=1e-4)
    np.testing.assert_array_equal(colour(session).codes, found.labels)
    assert len(colour(session).table) == 8
    assert f"confidence {found.confidence[5]:.2f}" in describe_patch(session, 5)
    session.set_colour_by("confidence")
    seven = colour(session).codes
    press(qtbot, dock, LEFT, 5)
    assert len(dock.model.rows) == 2
    assert (colour(session).codes != seven).any()


def test_names_go_along_and_undo_takes_a_whole_drag_back(
    qtbot: QtBot, dock: ClustersDock, context: Context
) -> None:
    palette = context.session.palette
    palette.rename(1, "Stroma")
    palette.recolour(1, "#336699")
    before = palette.state
    press(qtbot, dock, RIGHT, 2)
    press(qtbot, dock, RIGHT, 1)
    assert palette.state.names[0] == "Stroma"
    assert palette.undo_text == "another number of clusters"
    palette.undo()
    assert palette.state is before
    assert dock.k.slider.value() == dock.k.box.value() == 4
    palette.redo()
    assert dock.k.slider.value() == 7


def test_there_and_back_is_no_change(qtbot: QtBot, dock: ClustersDock, context: Context) -> None:
    palette = context.session.palette
    press(qtbot, dock, RIGHT, 1)
    assert context.session.has_unsaved_edits
    press(qtbot, dock, LEFT, 1)
    assert not context.session.has_unsaved_edits
    assert not palette.can_undo


def test_a_number_is_typed(qtbot: QtBot, dock: ClustersDock) -> None:
    box = dock.k.box
    box.setFocus()
    qtbot.waitUntil(box.hasFocus)
    box.selectAll()
    qtbot.keyClicks(box, "12")
    qtbot.waitUntil(lambda: len(dock.model.rows) == 12)  # without Return, a moment after the last key
    assert dock.k.slider.value() == 12
    box.selectAll()
    qtbot.keyClicks(box, "99")
    qtbot.keyClick(box, RETURN)
    assert len(dock.model.rows) == 12
    assert box.property("outside")


def test_a_drag_ends_where_the_mouse_ends(qtbot: QtBot, dock: ClustersDock) -> None:
    slider = dock.k.slider
    for k in (5, 6, 9, 13, 3, 8):
        slider.setValue(k)  # as Qt does while the mouse moves
    settle(qtbot, dock.k)
    assert len(dock.model.rows) == 8
    assert slider.value() == 8


@pytest.mark.parametrize("answer", [QMessageBox.StandardButton.Ok, QMessageBox.StandardButton.Cancel])
def test_merges_and_splits_go_only_after_a_question(
    qtbot: QtBot, dock: ClustersDock, context: Context, answer: QMessageBox.StandardButton
) -> None:
    palette = context.session.palette
    palette.merge([2], into=1)
    palette.carve(np.arange(len(palette.labels)) < 30, "Corner")
    before = palette.state
    dock.k.slider.setFocus()
    qtbot.keyClick(dock.k.slider, RIGHT)
    question = dock.k.question
    assert question is not None
    assert "merges and splits" in question.text()
    assert palette.state is before
    assert dock.k.slider.value() == 4
    with qtbot.waitExposed(question):
        pass
    qtbot.mouseClick(question.button(answer), Qt.MouseButton.LeftButton)
    settle(qtbot, dock.k)
    assert dock.k.question is None
    if answer == QMessageBox.StandardButton.Cancel:
        assert palette.state is before
    else:
        assert len(palette.state.names) == 5
        assert palette.state.shown_ids == (1, 2, 3, 4, 5)
        palette.undo()
        assert palette.state is before


def test_another_k_is_saved_and_opened_again(
    qtbot: QtBot, dock: ClustersDock, context: Context, run: Run
) -> None:
    press(qtbot, dock, RIGHT, 5)
    save_edits(run.path, context.session.palette.state)
    context.session.mark_saved()
    saved = load_edits(run)
    assert saved is not None
    context.session.load_edits(saved)
    assert dock.k.slider.value() == 9
    assert len(dock.model.rows) == 9
    press(qtbot, dock, RIGHT)
    press(qtbot, dock, LEFT)
    assert not context.session.has_unsaved_edits
    context.session.set_run(None)
    context.session.load(run, ())
    context.session.load_edits(saved)  # before the solutions are read, as when a run is opened
    settle(qtbot, dock.k)
    assert dock.k.box.value() == 9
    assert not dock.k.box.property("outside")
    for file in (run.path / "session").iterdir():
        file.unlink()


def test_a_run_of_another_preset_says_why_not(qtbot: QtBot, context: Context, tmp_path: Path) -> None:
    dock = ClustersDock(context)
    qtbot.addWidget(dock)
    qtbot.waitUntil(lambda: dock.k.slider.isEnabled())
    plain = make_run(tmp_path / "plain")
    from core.models import write_model

    write_model(plain.path / "model", ("HE", "CD31"))
    context.session.load(plain, ())
    settle(qtbot, dock.k)
    assert not dock.k.slider.isEnabled()
    assert not dock.k.box.isEnabled()
    assert "own number of clusters only" in dock.k.slider.toolTip()
    assert dock.k.box.value() == 4


def test_the_gallery_sorts_by_the_confidence_that_is_shown(
    qtbot: QtBot, dock: ClustersDock, context: Context, run: Run
) -> None:
    arranger = Arranger(context.session, Order.DOUBTFUL, dock)
    seen: list[Arrangement] = []
    arranger.arranged.connect(seen.append)
    chosen = np.arange(len(run)) % 3 == 0
    with qtbot.waitSignal(arranger.arranged):
        context.session.selection.set(chosen)
    with qtbot.waitSignal(arranger.arranged):
        press(qtbot, dock, RIGHT, 4)
    qtbot.waitUntil(lambda: not arranger.is_busy)
    confidence = drive(every_k(run)).at(8).confidence
    assert (np.diff(confidence[seen[-1].ids]) >= 0).all()


def test_a_click_in_the_tree_sets_k(qtbot: QtBot, dock: ClustersDock, context: Context) -> None:
    context.session.palette.rename(1, "Stroma")
    qtbot.mouseClick(dock.k.tree, Qt.MouseButton.LeftButton)
    dialog = dock.k.dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: dialog.view is not None)
    view = dialog.view
    assert view is not None
    with qtbot.waitExposed(dialog):
        pass
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=view.place_of(9).center().toPoint())
    settle(qtbot, dock.k)
    assert dock.k.slider.value() == 9
    assert len(dock.model.rows) == 9
    node = next(node for node in view.tree.nodes if (node.k, node.number) == (9, 1))
    column = view.place_of(9)
    middle = column.top() + (node.top + node.bottom) / 2 * column.height()
    told = view.describe(QPointF(column.center().x(), middle))
    assert told.startswith("9 clusters: Stroma\n")
    assert f"{node.patches:,} patch" in told
    assert view.describe(QPointF(column.center().x(), 0)) == "9 clusters"


def test_the_tree_has_the_colours_of_the_clusters_and_frames_the_k_that_is_shown(
    qtbot: QtBot, dock: ClustersDock, context: Context
) -> None:
    dock.k.open_tree()
    dialog = dock.k.dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: dialog.view is not None)
    view = dialog.view
    assert view is not None
    context.session.palette.recolour(1, "#123456")
    picture = view.grab().toImage()
    node = next(node for node in view.tree.nodes if (node.k, node.number) == (4, 1))
    column, scale = view.place_of(4), picture.width() / view.width()
    y = column.top() + (node.top + node.bottom) / 2 * column.height()
    assert picture.pixelColor(int(column.center().x() * scale), int(y * scale)).name() == "#123456"
    dock.k.open_tree()
    assert dock.k.dialog is dialog
    dialog.close()
    assert dock.k.dialog is None
