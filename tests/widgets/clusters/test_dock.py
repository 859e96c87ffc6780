"""The dock of clusters as a person uses it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QItemSelectionModel, QModelIndex, QPoint, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QColorDialog, QLineEdit

from core.runs import make_run
from napari_histoclust.core.run.run import Run
from napari_histoclust.session import Session
from napari_histoclust.session.cluster_table import COLOUR, DASH, NAME, PATCHES, SELECTED, SHOWN
from napari_histoclust.widgets._jobs import JobRunner
from napari_histoclust.widgets.clusters.dock import ClustersDock
from napari_histoclust.widgets.clusters.model import ROW_ROLE
from napari_histoclust.widgets.context import Context

pytestmark = pytest.mark.gui

LEFT, CONTROL = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier
ESCAPE, RETURN = Qt.Key.Key_Escape, Qt.Key.Key_Return


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_run(tmp_path_factory.mktemp("clusters") / "run", rows=30, cols=30, clusters=5)


@pytest.fixture
def dock(qtbot: QtBot, context: Context) -> ClustersDock:
    dock = shown(qtbot, context)
    qtbot.addWidget(dock)
    return dock


def shown(qtbot: QtBot, context: Context) -> ClustersDock:
    dock = ClustersDock(context)
    dock.resize(420, 320)
    with qtbot.waitActive(dock):
        dock.show()
        dock.activateWindow()
    dock.table.setFocus()
    qtbot.waitUntil(dock.table.hasFocus)
    return dock


def close(qtbot: QtBot, dock: ClustersDock) -> None:
    """Wait until Qt has deleted it."""
    gone: list[int] = []
    dock.destroyed.connect(lambda: gone.append(1))
    dock.deleteLater()
    qtbot.waitUntil(lambda: bool(gone))


@pytest.fixture
def told() -> Iterator[list[str]]:
    """What the user is told."""
    heard: list[str] = []

    def hear(notification: Any) -> None:
        heard.append(notification.message)

    notification_manager.notification_ready.connect(hear)
    yield heard
    notification_manager.notification_ready.disconnect(hear)


def row_of(dock: ClustersDock, cluster: int) -> int:
    """Line in which a cluster stands, as it is sorted now."""
    ids = [dock.table.model().index(i, 0).data(ROW_ROLE).id for i in range(dock.table.model().rowCount())]
    return ids.index(cluster)


def place(dock: ClustersDock, cluster: int, column: int = NAME) -> QModelIndex:
    index: QModelIndex = dock.table.model().index(row_of(dock, cluster), column)
    return index


def text(dock: ClustersDock, cluster: int, column: int) -> str:
    return str(place(dock, cluster, column).data())


def click(
    qtbot: QtBot,
    dock: ClustersDock,
    cluster: int,
    column: int = NAME,
    keys: Any = Qt.KeyboardModifier.NoModifier,
) -> None:
    where: QPoint = dock.table.visualRect(place(dock, cluster, column)).center()
    qtbot.mouseClick(dock.table.viewport(), LEFT, keys, where)


def press(dock: ClustersDock, name: str) -> None:
    """As the button does: only what is switched on."""
    action = dock.commands.by_name[name]
    assert action.isEnabled()
    action.trigger()


def members(context: Context, *clusters: int) -> np.ndarray:
    return np.isin(context.session.palette.shown_labels, clusters)


def check_selected(context: Context, *clusters: int) -> None:
    np.testing.assert_array_equal(context.session.selection.mask, members(context, *clusters))


# ---- showing


def test_without_a_run_it_says_what_to_do(qtbot: QtBot) -> None:
    dock = ClustersDock(Context(Session(), JobRunner(), None))  # type: ignore[arg-type]
    qtbot.addWidget(dock)
    assert "Map the slides, or open a run" in dock.pages.currentWidget().text()  # type: ignore[union-attr]


def test_it_follows_from_run_to_run_and_to_none(
    dock: ClustersDock, context: Context, tmp_path: Path, run: Run
) -> None:
    assert dock.model.rowCount() == 5
    context.session.load(make_run(tmp_path / "run", clusters=3, slides=2, um_per_px=None), ())
    assert dock.model.rowCount() == 3
    titles = [dock.model.headerData(i, Qt.Orientation.Horizontal) for i in range(dock.model.columnCount())]
    assert titles[:9] == ["", "", "Name", "Patches", "Sel.", "Mpx", "Conf.", "HE", "CD31"]
    assert titles[9:] == list(context.session.run.dyes)
    context.session.set_run(None)
    assert dock.model.rowCount() == 0
    assert dock.pages.currentIndex() == 0
    context.session.load(run, ())
    assert dock.pages.currentIndex() == 1


def test_what_stands_in_a_row(dock: ClustersDock, run: Run) -> None:
    mine = run.labels == 2
    assert run.stain_od is not None
    assert text(dock, 2, NAME) == "Cluster 2"
    assert text(dock, 2, PATCHES) == f"{mine.sum():,}"
    assert text(dock, 2, SELECTED) == ""
    assert text(dock, 2, 5) == f"{mine.sum() * (32 * 0.5e-3) ** 2:.3f}"
    assert text(dock, 2, 6) == f"{run.confidence[mine].mean():.2f}"
    assert text(dock, 2, 8) == f"{run.stain_od[mine, 1].mean():.3f}"


def test_outliers_are_left_out_until_they_are_taken_in(
    dock: ClustersDock, context: Context, tmp_path: Path
) -> None:
    assert dock.outliers.isHidden()
    run = make_run(tmp_path / "odd", every_outlier=4)
    context.session.load(run, ())
    context.session.palette.rename(1, "Liver")
    context.session.selection.set(run.labels == 1)
    own = run.labels == 1
    assert not dock.outliers.isHidden()
    assert dock.outliers.text() == f"Count {run.outliers} outliers"
    assert text(dock, 1, PATCHES) == str((own & ~run.outlier).sum())
    dock.outliers.click()
    assert text(dock, 1, PATCHES) == str(own.sum())
    exported = context.session.edited_run()
    assert exported is not None
    assert exported.counts_outliers
    assert text(dock, 1, NAME) == "Liver"
    check_selected(context, 1)
    dock.outliers.click()
    assert text(dock, 1, PATCHES) == str((own & ~run.outlier).sum())
    context.session.set_run(None)
    context.session.load(make_run(tmp_path / "plain"), ())
    assert dock.outliers.isHidden()


def test_a_run_that_did_not_measure_the_stains_shows_dashes(qtbot: QtBot, tmp_path: Path) -> None:
    run, session = make_run(tmp_path / "run"), Session()
    run = replace(run, stain_od=None, stains=(), dye_od=None, dyes=())
    session.load(run, ())
    dock = ClustersDock(Context(session, JobRunner(), None))  # type: ignore[arg-type]
    qtbot.addWidget(dock)
    last = dock.model.columnCount() - 1
    assert text(dock, 1, last) == DASH
    assert "map the slide again to measure it" in place(dock, 1, last).data(Qt.ItemDataRole.ToolTipRole)


@pytest.mark.parametrize("column", [PATCHES, 5, 6, 8])
def test_sorting_by_a_number(dock: ClustersDock, column: int) -> None:
    dock.table.sortByColumn(column, Qt.SortOrder.DescendingOrder)
    rows = [dock.table.model().index(i, 0).data(ROW_ROLE) for i in range(5)]
    values = [dock.model.columns[column].value(row) for row in rows]
    assert values == sorted(values, reverse=True)  # type: ignore[type-var]


def test_sorting_keeps_the_choice_and_names_find_their_place(
    qtbot: QtBot, dock: ClustersDock, context: Context
) -> None:
    click(qtbot, dock, 4)
    dock.table.sortByColumn(NAME, Qt.SortOrder.AscendingOrder)
    assert dock.table.chosen() == (4,)
    context.session.palette.rename(4, "a very first")
    assert row_of(dock, 4) == 0
    assert dock.table.chosen() == (4,)
    check_selected(context, 4)


def test_hidden_and_artefacts_are_said_in_words_too(dock: ClustersDock, context: Context) -> None:
    context.session.palette.hide([2])
    context.session.palette.mark_artefact([2])
    words = "Cluster 2: Cluster 2, hidden, marked as artefact"
    assert place(dock, 2, SHOWN).data(Qt.ItemDataRole.AccessibleTextRole) == words
    assert place(dock, 2, NAME).data(Qt.ItemDataRole.ToolTipRole) == words
    assert place(dock, 2, NAME).data(Qt.ItemDataRole.FontRole).strikeOut()
    assert "5 clusters, 1 hidden" in dock.status.text()


# ---- choosing


def test_clicks_choose_patches(qtbot: QtBot, dock: ClustersDock, context: Context) -> None:
    click(qtbot, dock, 2)
    check_selected(context, 2)
    click(qtbot, dock, 4, keys=CONTROL)
    check_selected(context, 2, 4)
    assert dock.table.chosen() == (2, 4)
    click(qtbot, dock, 2, keys=CONTROL)
    check_selected(context, 4)
    context.session.selection.back()
    assert dock.table.chosen() == (2, 4)


def test_arrow_keys_choose_patches(qtbot: QtBot, dock: ClustersDock, context: Context) -> None:
    click(qtbot, dock, 2)
    qtbot.keyClick(dock.table, Qt.Key.Key_Down)
    check_selected(context, 3)
    qtbot.keyClick(dock.table, Qt.Key.Key_A, CONTROL)
    check_selected(context, 1, 2, 3, 4, 5)


def test_one_gesture_is_one_change_of_the_selection(
    qtbot: QtBot, dock: ClustersDock, context: Context
) -> None:
    """No feedback: neither from the table through the session back to it, nor the other way."""
    heard: list[int] = []
    context.session.selection.changed.connect(lambda: heard.append(1))
    click(qtbot, dock, 3)
    assert len(heard) == 1
    context.session.selection.set(members(context, 1, 5))
    assert len(heard) == 2
    assert dock.table.chosen() == (1, 5)
    context.session.selection.set([0, 1, 2])
    assert len(heard) == 3
    assert dock.table.chosen() == ()


def test_a_selection_made_elsewhere_is_counted(dock: ClustersDock, context: Context, run: Run) -> None:
    context.session.selection.set(np.arange(100))
    counts = np.bincount(run.labels[:100], minlength=6)
    assert [text(dock, i, SELECTED) for i in range(1, 6)] == [str(n) if n else "" for n in counts[1:]]
    assert "100 patches selected in " in dock.status.text()
    context.session.selection.clear()
    assert {text(dock, i, SELECTED) for i in range(1, 6)} == {""}


def test_an_empty_cluster_can_be_chosen(qtbot: QtBot, dock: ClustersDock, context: Context) -> None:
    context.session.palette.carve(members(context, 3))
    click(qtbot, dock, 3)
    assert dock.table.chosen() == (3,)
    click(qtbot, dock, 2, keys=CONTROL)
    assert dock.table.chosen() == (2, 3)
    check_selected(context, 2)
    press(dock, "merge")
    assert 3 not in context.session.palette.shown_ids


def test_the_eye_hides_without_choosing(qtbot: QtBot, dock: ClustersDock, context: Context) -> None:
    click(qtbot, dock, 2)
    click(qtbot, dock, 4, SHOWN)
    assert context.session.palette.state.hidden == {4}
    assert dock.table.chosen() == (2,)
    check_selected(context, 2)
    click(qtbot, dock, 4, SHOWN)
    assert context.session.palette.state.hidden == set()


# ---- doing


def test_what_can_be_done_depends_on_the_choice(qtbot: QtBot, dock: ClustersDock, context: Context) -> None:
    def usable() -> set[str]:
        return {name for name, action in dock.commands.by_name.items() if action.isEnabled()}

    assert usable() == set()
    click(qtbot, dock, 2)
    assert usable() == {"rename", "recolour", "split", "carve", "hide", "only", "artefact"}
    click(qtbot, dock, 3, keys=CONTROL)
    assert usable() == {"merge", "carve", "hide", "only", "artefact"}
    context.session.selection.set([0, 1])
    assert usable() == {"carve"}
    context.session.palette.hide([1])
    assert usable() == {"carve", "only", "undo"}


def test_merge_into_the_largest(qtbot: QtBot, dock: ClustersDock, context: Context, run: Run) -> None:
    sizes = np.bincount(run.labels, minlength=6)
    largest = 1 + int(sizes[1:].argmax())
    for cluster in range(1, 4):
        click(qtbot, dock, cluster, keys=CONTROL)
    into = max(range(1, 4), key=lambda i: sizes[i])
    dock.table.setFocus()
    qtbot.keyClick(dock.table, Qt.Key.Key_M)
    assert context.session.palette.shown_ids == (into, 4, 5)
    assert dock.table.chosen() == (into,)
    assert text(dock, into, PATCHES) == str(sizes[1:4].sum())
    assert dock.commands.by_name["undo"].text() == f"Undo merging into Cluster {into}"
    press(dock, "undo")
    assert dock.model.rowCount() == 5
    assert dock.table.chosen() == (1, 2, 3)
    assert largest in context.session.palette.shown_ids


def editor_of(qtbot: QtBot, dock: ClustersDock) -> QLineEdit:
    qtbot.waitUntil(lambda: dock.table.findChild(QLineEdit) is not None)
    editor: QLineEdit = dock.table.findChild(QLineEdit)
    return editor


def enter(qtbot: QtBot, dock: ClustersDock, editor: QLineEdit, name: str) -> None:
    """Type a name, press Return; Qt takes it up a moment later."""
    editor.clear()
    qtbot.keyClicks(editor, name)
    qtbot.keyClick(editor, RETURN)
    qtbot.waitUntil(lambda: dock.table.findChild(QLineEdit) is None)


def test_rename_in_place(qtbot: QtBot, dock: ClustersDock, context: Context) -> None:
    click(qtbot, dock, 2)
    qtbot.keyClick(dock.table, Qt.Key.Key_F2)
    editor = editor_of(qtbot, dock)
    assert editor.text() == "Cluster 2"
    enter(qtbot, dock, editor, "Hamoc")  # each of these letters is a key of the dock too
    assert context.session.palette.state.names[1] == "Hamoc"
    assert context.session.palette.undo_text == "renaming of Cluster 2"
    assert text(dock, 2, NAME) == "Hamoc"


def test_ctrl_z_while_typing_takes_back_what_was_typed(
    qtbot: QtBot, dock: ClustersDock, context: Context
) -> None:
    context.session.palette.hide([4])
    click(qtbot, dock, 2)
    press(dock, "rename")
    editor = editor_of(qtbot, dock)
    qtbot.keyClicks(editor, "Liver")
    qtbot.keyClick(editor, Qt.Key.Key_Z, CONTROL)
    assert editor.text() == "Cluster 2"
    assert context.session.palette.state.hidden == {4}
    qtbot.keyClick(editor, ESCAPE)


def test_a_name_that_is_taken_is_refused_in_a_sentence(
    qtbot: QtBot, dock: ClustersDock, context: Context, told: list[str]
) -> None:
    dock.table.edit_name(2)
    enter(qtbot, dock, editor_of(qtbot, dock), "Cluster 3")
    assert told == ['Cluster 2: the name "Cluster 3" is empty or taken, type another.']
    assert text(dock, 2, NAME) == "Cluster 2"


def test_keys_for_undo_and_redo(qtbot: QtBot, dock: ClustersDock, context: Context) -> None:
    click(qtbot, dock, 2)
    qtbot.keyClick(dock.table, Qt.Key.Key_H)
    assert context.session.palette.state.hidden == {2}
    qtbot.keyClick(dock.table, Qt.Key.Key_Z, CONTROL)
    assert context.session.palette.state.hidden == set()
    qtbot.keyClick(dock.table, Qt.Key.Key_Y, CONTROL)
    assert context.session.palette.state.hidden == {2}


def test_hide_show_only_and_artefact(qtbot: QtBot, dock: ClustersDock, context: Context) -> None:
    palette, by_name = context.session.palette, dock.commands.by_name
    click(qtbot, dock, 2)
    click(qtbot, dock, 3, keys=CONTROL)
    press(dock, "hide")
    assert palette.state.hidden == {2, 3}
    assert by_name["hide"].text() == "Show"
    press(dock, "hide")
    assert palette.state.hidden == set()
    press(dock, "only")
    assert palette.state.hidden == {1, 4, 5}
    assert by_name["only"].text() == "Show all"
    press(dock, "only")
    assert palette.state.hidden == set()
    press(dock, "artefact")
    assert palette.state.artefacts == {2, 3}
    assert by_name["artefact"].text() == "No artefact"
    press(dock, "artefact")
    assert palette.state.artefacts == set()


def test_recolour(qtbot: QtBot, dock: ClustersDock, context: Context) -> None:
    click(qtbot, dock, 2)
    press(dock, "recolour")
    dialog = dock.findChild(QColorDialog)
    assert dialog.currentColor().name() == context.session.palette.state.colours[1]
    dialog.setCurrentColor(QColor("#0a0b0c"))
    dialog.accept()
    assert context.session.palette.state.colours[1] == "#0a0b0c"


def test_a_new_cluster_from_the_selection_is_named_at_once(
    qtbot: QtBot, dock: ClustersDock, context: Context
) -> None:
    chosen = np.arange(0, 200, 2)
    context.session.selection.set(chosen)
    press(dock, "carve")
    editor = editor_of(qtbot, dock)
    assert editor.text() == "New cluster"
    enter(qtbot, dock, editor, "vessels")
    assert context.session.palette.state.names[5] == "vessels"
    assert np.flatnonzero(context.session.palette.shown_labels == 6).tolist() == chosen.tolist()
    assert dock.table.chosen() == (6,)


# ---- splitting


def split(dock: ClustersDock, parts: int) -> None:
    next(action for action in dock.commands.parts.actions() if action.data() == parts).trigger()


def test_split_in_the_background(qtbot: QtBot, dock: ClustersDock, context: Context) -> None:
    before = members(context, 2)
    click(qtbot, dock, 2)
    split(dock, 3)
    running = context.runner.job
    assert running is not None
    assert running.title == "Splitting Cluster 2"
    with qtbot.waitSignal(running.released):
        pass
    assert context.session.palette.shown_ids == (1, 2, 3, 4, 5, 6, 7)
    np.testing.assert_array_equal(members(context, 2, 6, 7), before)
    sizes = [int(members(context, i).sum()) for i in (2, 6, 7)]
    assert sizes == sorted(sizes, reverse=True)
    assert [text(dock, i, NAME) for i in (2, 6, 7)] == ["Cluster 2 a", "Cluster 2 b", "Cluster 2 c"]
    assert dock.table.chosen() == (2, 6, 7)
    press(dock, "undo")
    assert dock.table.chosen() == (2,)


def test_a_split_outlives_its_dock(qtbot: QtBot, context: Context) -> None:
    dock = shown(qtbot, context)
    click(qtbot, dock, 2)
    split(dock, 2)
    running = context.runner.job
    assert running is not None
    close(qtbot, dock)
    qtbot.waitUntil(lambda: len(context.session.palette.shown_ids) == 6)


def test_a_cluster_that_changed_meanwhile_is_not_split(
    qtbot: QtBot, dock: ClustersDock, context: Context, told: list[str]
) -> None:
    click(qtbot, dock, 2)
    split(dock, 2)
    running = context.runner.job
    assert running is not None
    context.session.palette.merge([3], into=2)
    with qtbot.waitSignal(running.released):
        pass
    assert told == ["Cluster 2: has changed while it was being split, split it again."]
    assert context.session.palette.shown_ids == (1, 2, 4, 5)


def test_other_names_and_colours_do_not_stop_a_split(
    qtbot: QtBot, dock: ClustersDock, context: Context
) -> None:
    click(qtbot, dock, 2)
    split(dock, 2)
    running = context.runner.job
    assert running is not None
    context.session.palette.rename(2, "liver")
    context.session.palette.merge([3], into=4)
    with qtbot.waitSignal(running.released):
        pass
    assert context.session.palette.shown_ids == (1, 2, 4, 5, 6)
    assert context.session.palette.state.names[1] == "liver a"


def test_one_split_at_a_time(qtbot: QtBot, dock: ClustersDock, context: Context, told: list[str]) -> None:
    click(qtbot, dock, 2)
    split(dock, 2)
    running = context.runner.job
    assert running is not None
    split(dock, 2)
    assert told == [
        "Splitting Cluster 2: Splitting Cluster 2 is still running, wait for it or cancel it first."
    ]
    with qtbot.waitSignal(running.released):
        pass


# ---- living


def test_a_dock_opened_again_is_as_it_was(qtbot: QtBot, context: Context) -> None:
    first = shown(qtbot, context)
    click(qtbot, first, 2)
    context.session.palette.rename(2, "liver")
    close(qtbot, first)
    context.session.palette.hide([1])  # the dead one must not hear of it
    second = shown(qtbot, context)
    qtbot.addWidget(second)
    assert second.table.chosen() == (2,)
    assert text(second, 2, NAME) == "liver"


def test_every_action_has_a_picture_and_explains_itself(dock: ClustersDock) -> None:
    for name, action in dock.commands.by_name.items():
        assert not action.icon().isNull(), name
        assert action.toolTip(), name
    assert "(F2)" in dock.commands.by_name["rename"].toolTip()


def test_the_context_menu_holds_everything(dock: ClustersDock) -> None:
    assert dock.table.contextMenuPolicy() == Qt.ContextMenuPolicy.ActionsContextMenu
    assert set(dock.commands.by_name.values()) <= set(dock.table.actions())


def test_pictures_follow_the_theme(qtbot: QtBot, dock: ClustersDock) -> None:
    from napari.qt import get_stylesheet

    def brightest() -> int:
        image = dock.commands.by_name["carve"].icon().pixmap(64, 64).toImage()
        colours = [image.pixelColor(x, y) for x in range(0, 64, 2) for y in range(0, 64, 2)]
        return max((colour.lightness() for colour in colours if colour.alpha() > 200), default=-1)

    dock.setStyleSheet(get_stylesheet("light"))
    dark_on_light = brightest()
    dock.setStyleSheet(get_stylesheet("dark"))
    assert brightest() > dark_on_light + 100


def test_a_chosen_row_keeps_its_true_colour(qtbot: QtBot, dock: ClustersDock, context: Context) -> None:
    click(qtbot, dock, 2)
    rect = dock.table.visualRect(place(dock, 2, COLOUR))
    picture = dock.table.viewport().grab().toImage()
    ratio = picture.devicePixelRatio()
    middle = rect.center() * ratio
    assert picture.pixelColor(middle).name() == context.session.palette.state.colours[1]


def test_the_selection_model_is_told_rows_not_places(dock: ClustersDock) -> None:
    dock.table.choose([1, 3])
    rows = dock.table.selectionModel().selectedRows()
    assert len(rows) == 2
    assert isinstance(dock.table.selectionModel(), QItemSelectionModel)
