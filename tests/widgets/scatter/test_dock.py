"""The dock under real mouse and key events."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QImage, QKeyEvent, QWheelEvent
from qtpy.QtWidgets import QApplication

from core.runs import make_run
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.run.run import Run
from napari_histoclust.session import Session
from napari_histoclust.viewer.scene import Scene
from napari_histoclust.widgets._jobs import JobRunner
from napari_histoclust.widgets.context import Context
from napari_histoclust.widgets.scatter.canvas import ScatterCanvas
from napari_histoclust.widgets.scatter.dock import ScatterDock

pytestmark = pytest.mark.gui

LEFT, MIDDLE, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton
NONE, SHIFT, ALT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)
CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def context(qtbot: QtBot) -> Iterator[Context]:
    """What the docks share, with a viewer that has no window."""
    viewer, session, runner = ViewerModel(), Session(), JobRunner()
    yield Context(session, runner, Scene(viewer, session))
    runner.cancel()
    qtbot.waitUntil(lambda: runner.job is None)


@pytest.fixture
def open_dock(qtbot: QtBot, context: Context) -> Callable[[], ScatterDock]:
    def make() -> ScatterDock:
        dock = ScatterDock(context)
        qtbot.addWidget(dock)
        dock.resize(400, 450)
        with qtbot.waitExposed(dock):
            dock.show()
        return dock

    return make


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_run(tmp_path_factory.mktemp("runs") / "run", embedding=True, slides=2)


@pytest.fixture
def dock(qtbot: QtBot, context: Context, open_dock: Callable[[], ScatterDock], run: Run) -> ScatterDock:
    """A dock that shows the points of a run."""
    dock = open_dock()
    context.session.load(run, [])
    wait_for_points(qtbot, dock)
    return dock


def wait_for_points(qtbot: QtBot, dock: ScatterDock) -> None:
    qtbot.waitUntil(lambda: dock.pages.currentWidget() is dock.canvas)


def px_of(dock: ScatterDock, run: Run) -> NDArray[np.float64]:
    """(n, 2) column and row of each patch's point on the canvas."""
    assert run.embedding is not None
    return np.array([dock.canvas.camera.to_canvas(float(x), float(y)) for x, y in run.embedding])


def inner_point(dock: ScatterDock, run: Run) -> tuple[int, QPoint]:
    """A patch whose point stands alone, and where to click on it."""
    px = px_of(dock, run)
    distance = np.hypot(*(px[:, None] - px).transpose(2, 0, 1)) + 1e6 * np.eye(len(px))
    patch = int(distance.min(1).argmax())
    return patch, QPoint(*(int(v) for v in px[patch]))


def drag(
    qtbot: QtBot,
    canvas: ScatterCanvas,
    places: list[tuple[float, float]],
    button: Qt.MouseButton = LEFT,
    keys: Qt.KeyboardModifier = NONE,
) -> None:
    points = [QPoint(int(x), int(y)) for x, y in places]
    qtbot.mousePress(canvas, button, keys, points[0])
    for point in points[1:]:
        qtbot.mouseMove(canvas, point)
    qtbot.mouseRelease(canvas, button, keys, points[-1])


def box(px: NDArray[np.float64], members: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """The corners around some points."""
    (x0, y0), (x1, y1) = px[members].min(0) - 4, px[members].max(0) + 4
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def in_box(px: NDArray[np.float64], corners: list[tuple[float, float]]) -> NDArray[np.bool_]:
    (x0, y0), _, (x1, y1), _ = ((int(x), int(y)) for x, y in corners)
    column, row = np.floor(px).T
    return (column >= x0) & (column < x1) & (row >= y0) & (row < y1)


def lasso_cluster(
    qtbot: QtBot, dock: ScatterDock, run: Run, cluster: int, keys: Qt.KeyboardModifier = NONE
) -> NDArray[np.bool_]:
    """Draw a loop around a cluster and return what is in it."""
    px = px_of(dock, run)
    corners = box(px, run.labels == cluster)
    drag(qtbot, dock.canvas, corners, keys=keys)
    return in_box(px, corners)


def colour_under(dock: ScatterDock, place: QPoint) -> tuple[int, int, int]:
    image = dock.canvas.grab().toImage()
    ratio = image.devicePixelRatio()
    pixel = image.pixelColor(int(place.x() * ratio), int(place.y() * ratio))
    return pixel.red(), pixel.green(), pixel.blue()


def picture(dock: ScatterDock) -> QImage:
    return dock.canvas.grab().toImage()


def test_without_a_run_it_says_what_to_do(open_dock: Callable[[], ScatterDock]) -> None:
    dock = open_dock()
    assert "open a run" in dock.invitation.sentence.text()
    assert not dock.invitation.button.isVisible()
    assert not dock.toolbar.isEnabled()
    assert dock.selected.text() == ""


def test_a_lasso_selects_what_is_inside_and_says_how_much(qtbot: QtBot, dock: ScatterDock, run: Run) -> None:
    inside = lasso_cluster(qtbot, dock, run, 2)
    selection = dock._session.selection
    np.testing.assert_array_equal(selection.mask, inside)
    assert (run.labels == 2)[inside].any()
    assert dock.selected.text().startswith(f"{inside.sum()} patches, ")


def test_shift_adds_and_alt_removes(qtbot: QtBot, dock: ScatterDock, run: Run) -> None:
    selection = dock._session.selection
    first = lasso_cluster(qtbot, dock, run, 1)
    second = lasso_cluster(qtbot, dock, run, 2, SHIFT)
    np.testing.assert_array_equal(selection.mask, first | second)
    third = lasso_cluster(qtbot, dock, run, 1, ALT)
    np.testing.assert_array_equal(selection.mask, second & ~third)


def test_the_same_with_buttons_alone(qtbot: QtBot, dock: ScatterDock, run: Run) -> None:
    selection, buttons = dock._session.selection, dock.toolbar.buttons
    first = lasso_cluster(qtbot, dock, run, 1)
    qtbot.mouseClick(buttons["add"], LEFT)
    second = lasso_cluster(qtbot, dock, run, 2)
    np.testing.assert_array_equal(selection.mask, first | second)
    qtbot.mouseClick(buttons["remove"], LEFT)
    lasso_cluster(qtbot, dock, run, 1)
    np.testing.assert_array_equal(selection.mask, second & ~first)
    qtbot.mouseClick(buttons["back"], LEFT)
    np.testing.assert_array_equal(selection.mask, first | second)
    qtbot.mouseClick(buttons["forward"], LEFT)
    np.testing.assert_array_equal(selection.mask, second & ~first)
    qtbot.mouseClick(buttons["clear"], LEFT)
    assert not len(selection)
    assert not buttons["clear"].isEnabled()


def test_a_rectangle_goes_from_corner_to_corner(qtbot: QtBot, dock: ScatterDock, run: Run) -> None:
    qtbot.mouseClick(dock.toolbar.buttons["rectangle"], LEFT)
    px = px_of(dock, run)
    corners = box(px, run.labels == 3)
    drag(qtbot, dock.canvas, [corners[0], (5, 5), corners[2]])
    np.testing.assert_array_equal(dock._session.selection.mask, in_box(px, corners))


def test_keys_clear_and_go_through_the_history(qtbot: QtBot, dock: ScatterDock, run: Run) -> None:
    selection = dock._session.selection
    dock.canvas.setFocus()
    inside = lasso_cluster(qtbot, dock, run, 1)
    qtbot.keyClick(dock.canvas, Qt.Key.Key_Escape)
    assert not len(selection)
    qtbot.keyClick(dock.canvas, Qt.Key.Key_Z, CTRL)
    np.testing.assert_array_equal(selection.mask, inside)
    qtbot.keyClick(dock.canvas, Qt.Key.Key_Y, CTRL)
    assert not len(selection)


def test_escape_drops_the_lasso_first(qtbot: QtBot, dock: ScatterDock, run: Run) -> None:
    dock._session.selection.set([1, 2])
    qtbot.mousePress(dock.canvas, LEFT, NONE, QPoint(20, 20))
    qtbot.mouseMove(dock.canvas, QPoint(150, 30))
    qtbot.keyClick(dock.canvas, Qt.Key.Key_Escape)
    qtbot.mouseRelease(dock.canvas, LEFT, NONE, QPoint(90, 200))
    assert dock._session.selection.ids.tolist() == [1, 2]
    qtbot.keyClick(dock.canvas, Qt.Key.Key_Escape)
    assert not len(dock._session.selection)


@pytest.mark.parametrize(
    ("key", "keys", "is_kept"),
    [
        (Qt.Key.Key_Escape, NONE, True),
        (Qt.Key.Key_Z, CTRL, True),
        (Qt.Key.Key_Y, CTRL, True),
        (Qt.Key.Key_S, CTRL, False),
    ],
)
def test_only_the_keys_of_the_plot_are_kept_from_napari(
    dock: ScatterDock, key: Qt.Key, keys: Qt.KeyboardModifier, is_kept: bool
) -> None:
    event = QKeyEvent(QEvent.Type.ShortcutOverride, key, keys)
    event.ignore()
    QApplication.sendEvent(dock, event)
    assert event.isAccepted() == is_kept


def test_a_click_selects_one_patch_and_points_at_it(qtbot: QtBot, dock: ScatterDock, run: Run) -> None:
    patch, place = inner_point(dock, run)
    qtbot.mouseClick(dock.canvas, LEFT, NONE, place)
    assert dock._session.selection.ids.tolist() == [patch]
    assert dock._session.focus == patch


def test_a_click_beside_the_points_changes_nothing(qtbot: QtBot, dock: ScatterDock) -> None:
    dock._session.selection.set([3])
    qtbot.mouseClick(dock.canvas, LEFT, NONE, QPoint(2, 2))
    assert dock._session.selection.ids.tolist() == [3]


def test_a_double_click_selects_the_cluster_as_it_is_shown(qtbot: QtBot, dock: ScatterDock, run: Run) -> None:
    patch, place = inner_point(dock, run)
    other = int(run.labels[patch]) % 4 + 1
    dock._session.palette.merge([other], into=int(run.labels[patch]))
    qtbot.mouseDClick(dock.canvas, LEFT, NONE, place)
    expected = np.isin(run.labels, [run.labels[patch], other])
    np.testing.assert_array_equal(dock._session.selection.mask, expected)


def test_hidden_clusters_cannot_be_selected(qtbot: QtBot, dock: ScatterDock, run: Run) -> None:
    dock._session.palette.hide([2])
    px = px_of(dock, run)
    corners = box(px, np.ones(len(run), bool))
    drag(qtbot, dock.canvas, corners)
    np.testing.assert_array_equal(dock._session.selection.mask, in_box(px, corners) & (run.labels != 2))


def test_what_is_not_selected_is_dimmed_on_the_screen(dock: ScatterDock, run: Run, qtbot: QtBot) -> None:
    patch, place = inner_point(dock, run)
    colour = dock._session.palette.state.colours[run.labels[patch] - 1]
    full = tuple(bytes.fromhex(colour[1:]))
    ground = colour_under(dock, QPoint(1, 1))
    assert colour_under(dock, place) == full
    dock._session.selection.set(np.flatnonzero(np.arange(len(run)) != patch))
    dimmed = colour_under(dock, place)
    assert dimmed not in (full, ground)
    to_ground, to_full = (np.abs(np.subtract(dimmed, end)).sum() for end in (ground, full))
    assert to_ground < to_full
    dock._session.selection.set([patch])
    assert colour_under(dock, place) == full


@pytest.mark.parametrize("button", [MIDDLE, RIGHT])
def test_other_buttons_move_the_plot(
    qtbot: QtBot, dock: ScatterDock, run: Run, button: Qt.MouseButton
) -> None:
    before = px_of(dock, run)
    drag(qtbot, dock.canvas, [(100, 100), (110, 130), (130, 90)], button)
    np.testing.assert_allclose(px_of(dock, run), before + np.array([30, -10]), atol=1e-6)
    assert not len(dock._session.selection)
    qtbot.keyClick(dock.canvas, Qt.Key.Key_F)
    np.testing.assert_allclose(px_of(dock, run), before)


def test_with_the_tool_for_clicks_a_drag_moves_the_plot(qtbot: QtBot, dock: ScatterDock, run: Run) -> None:
    qtbot.mouseClick(dock.toolbar.buttons["click"], LEFT)
    before = px_of(dock, run)
    drag(qtbot, dock.canvas, [(100, 100), (110, 110), (140, 120)])
    np.testing.assert_allclose(px_of(dock, run), before + np.array([30, 10]), atol=1e-6)
    assert not len(dock._session.selection)
    patch, place = inner_point(dock, run)
    qtbot.mouseClick(dock.canvas, LEFT, NONE, place)
    assert dock._session.selection.ids.tolist() == [patch]


def test_so_does_the_space_bar(qtbot: QtBot, dock: ScatterDock, run: Run) -> None:
    before = px_of(dock, run)
    qtbot.keyPress(dock.canvas, Qt.Key.Key_Space)
    drag(qtbot, dock.canvas, [(100, 100), (120, 100)])
    qtbot.keyRelease(dock.canvas, Qt.Key.Key_Space)
    np.testing.assert_allclose(px_of(dock, run), before + np.array([20, 0]), atol=1e-6)
    lasso_cluster(qtbot, dock, run, 1)
    assert len(dock._session.selection)


def test_the_wheel_zooms_about_the_mouse(qtbot: QtBot, dock: ScatterDock, run: Run) -> None:
    patch, _ = inner_point(dock, run)
    before = px_of(dock, run)
    at = QPointF(*before[patch])
    event = QWheelEvent(
        at, dock.canvas.mapToGlobal(at), QPoint(), QPoint(0, 240), Qt.MouseButton.NoButton, NONE,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(dock.canvas, event)
    after = px_of(dock, run)
    np.testing.assert_allclose(after[patch], before[patch], atol=1e-6)
    np.testing.assert_allclose(after - after[patch], 1.25**2 * (before - before[patch]), rtol=1e-6, atol=1e-6)
    qtbot.mouseClick(dock.toolbar.buttons["fit"], LEFT)
    np.testing.assert_allclose(px_of(dock, run), before)


def test_nobody_gets_lost_by_zooming(qtbot: QtBot, dock: ScatterDock) -> None:
    fitted = dock.canvas.camera.scale
    for _ in range(100):
        qtbot.keyClick(dock.canvas, Qt.Key.Key_Minus)
    assert dock.canvas.camera.scale > fitted / 10
    for _ in range(100):
        qtbot.keyClick(dock.canvas, Qt.Key.Key_Plus)
    assert dock.canvas.camera.scale < fitted * 5000


def test_all_points_stay_in_view_when_the_dock_grows(qtbot: QtBot, dock: ScatterDock, run: Run) -> None:
    dock.resize(800, 700)
    qtbot.waitUntil(lambda: dock.canvas.width() > 600)
    px = px_of(dock, run)
    assert (px >= 0).all()
    assert np.ptp(px, axis=0).max() > 500


def test_the_mouse_over_a_point_names_it(qtbot: QtBot, dock: ScatterDock, run: Run) -> None:
    patch, place = inner_point(dock, run)
    dock._session.palette.rename(int(run.labels[patch]), "Liver")
    qtbot.mouseMove(dock.canvas, place)
    slide = run.slides[run.slide_index[patch]]
    told = f"Liver, confidence {run.confidence[patch]:.2f}, patch {patch}, {slide}"
    qtbot.waitUntil(lambda: dock.hovered.text() == told)
    qtbot.mouseMove(dock.canvas, QPoint(2, 2))
    qtbot.waitUntil(lambda: dock.hovered.text() == "")


def test_the_colours_are_chosen_and_explained(qtbot: QtBot, dock: ScatterDock, run: Run) -> None:
    combo, legend = dock.colours.combo, dock.colours.legend
    names = [combo.itemText(i) for i in range(combo.count())]
    assert names == ["Cluster", "Confidence", "Slide", "HE density", "CD31 density"]
    assert legend.texts == ()
    seen = {colour_under(dock, inner_point(dock, run)[1])}
    for index, texts in ((1, 2), (2, 2), (3, 2)):
        combo.setCurrentIndex(index)
        combo.activated.emit(index)
        assert dock._session.colour_by == combo.itemData(index)
        assert len(legend.texts) == texts
        seen.add(colour_under(dock, inner_point(dock, run)[1]))  # the legend has taken room above it
        assert not dock.colours.grab().isNull()
    assert len(seen) >= 3
    assert legend.texts[0] <= legend.texts[1]
    dock._session.set_colour_by("slide")
    assert combo.currentText() == "Slide"
    assert legend.texts == run.slides


def test_the_focus_is_ringed(qtbot: QtBot, dock: ScatterDock, run: Run) -> None:
    patch, place = inner_point(dock, run)
    beside = place + QPoint(8, 0)
    before = colour_under(dock, beside)
    dock._session.set_focus(patch)
    assert colour_under(dock, beside) != before
    dock._session.set_focus(None)
    assert colour_under(dock, beside) == before


def test_names_are_written_on_demand(qtbot: QtBot, dock: ScatterDock, run: Run) -> None:
    plain = picture(dock)
    qtbot.mouseClick(dock.toolbar.buttons["names"], LEFT)
    assert {name.text for name in dock.canvas._names} == {f"Cluster {i}" for i in range(1, 5)}
    assert picture(dock) != plain
    dock._session.palette.merge([2], into=1)
    dock._session.palette.hide([3])
    assert {name.text for name in dock.canvas._names} == {"Cluster 1", "Cluster 4"}
    dock._session.palette.undo()
    dock._session.palette.undo()
    qtbot.mouseClick(dock.toolbar.buttons["names"], LEFT)
    assert picture(dock) == plain


def test_another_run_has_another_size(
    qtbot: QtBot, dock: ScatterDock, run: Run, context: Context, tmp_path: Path
) -> None:
    lasso_cluster(qtbot, dock, run, 1)
    larger = make_run(tmp_path / "larger", rows=30, cols=30, embedding=True)
    context.session.load(larger, [])
    assert dock.pages.currentWidget() is dock.invitation
    assert not dock.toolbar.isEnabled()
    wait_for_points(qtbot, dock)
    inside = lasso_cluster(qtbot, dock, larger, 1)
    np.testing.assert_array_equal(context.session.selection.mask, inside)
    context.session.set_run(None)
    assert "open a run" in dock.invitation.sentence.text()


def test_of_two_runs_in_a_row_the_last_is_shown(
    qtbot: QtBot, dock: ScatterDock, context: Context, tmp_path: Path
) -> None:
    sizes = []
    for rows in (8, 20):
        run = make_run(tmp_path / str(rows), rows=rows, embedding=True)
        sizes.append(len(run))
        context.session.load(run, [])
    wait_for_points(qtbot, dock)
    assert dock._plot is not None
    assert dock._plot.points.patches == sizes[-1]


def test_a_dock_opened_again_shows_the_same(
    qtbot: QtBot, dock: ScatterDock, run: Run, open_dock: Callable[[], ScatterDock]
) -> None:
    lasso_cluster(qtbot, dock, run, 1)
    dock._session.set_colour_by("confidence")
    text, size = dock.selected.text(), dock.size()
    before = picture(dock)
    dock.close()
    again = open_dock()
    again.resize(size)
    wait_for_points(qtbot, again)
    assert again.selected.text() == text
    assert again.colours.combo.currentText() == "Confidence"
    assert picture(again) == before


def test_a_closed_dock_leaves_nothing_behind(qtbot: QtBot, context: Context, run: Run) -> None:
    session = context.session
    session.load(run, [])
    before = len(session.changed)
    docks = []
    for _ in range(3):
        dock = ScatterDock(context)
        wait_for_points(qtbot, dock)
        qtbot.mouseMove(dock.canvas, QPoint(30, 30))
        docks.append(weakref.ref(dock))
        dock.close()
        dock.deleteLater()
        del dock
    qtbot.waitUntil(lambda: len(session.changed) == before)

    def are_gone() -> bool:
        gc.collect()
        return not any(dock() for dock in docks)

    qtbot.waitUntil(are_gone)


def test_a_run_without_umap_offers_to_compute_it(
    qtbot: QtBot, context: Context, open_dock: Callable[[], ScatterDock], tmp_path: Path
) -> None:
    dock = open_dock()
    tiny = make_run(tmp_path / "tiny", rows=2, cols=2)  # too few for UMAP, so that nothing is compiled
    assert len(tiny) < 5
    context.session.load(tiny, [])
    qtbot.waitUntil(dock.invitation.button.isVisible)
    context.session.palette.rename(1, "Liver")
    with qtbot.waitSignal(context.runner.started):
        qtbot.mouseClick(dock.invitation.button, LEFT)
    wait_for_points(qtbot, dock)
    run = context.session.run
    assert run is not None
    assert run.embedding is not None
    assert context.session.palette.state.names[0] == "Liver"


def endless() -> Job[None]:
    while True:
        yield Progress("Fitting UMAP on 12 patches")


def test_the_umap_is_shown_under_way_and_can_be_cancelled(
    qtbot: QtBot, context: Context, open_dock: Callable[[], ScatterDock], tmp_path: Path
) -> None:
    context.session.load(make_run(tmp_path / "run"), [])
    running = context.runner.start("UMAP", endless())
    dock = open_dock()
    qtbot.waitUntil(dock.invitation.button.isVisible)
    qtbot.waitUntil(lambda: "Fitting UMAP" in dock.invitation.sentence.text())
    assert dock.invitation.button.text() == "Cancel"
    with qtbot.waitSignal(running.cancelled):
        qtbot.mouseClick(dock.invitation.button, LEFT)
    assert dock.invitation.button.text() == "Compute the UMAP"
    assert dock.invitation.button.isEnabled()


def test_while_another_job_runs_the_umap_is_refused_in_a_sentence(
    qtbot: QtBot, context: Context, open_dock: Callable[[], ScatterDock], tmp_path: Path
) -> None:
    told: list[str] = []

    def hear(notification: object) -> None:
        told.append(notification.message)  # type: ignore[attr-defined]

    dock = open_dock()
    context.session.load(make_run(tmp_path / "run"), [])
    qtbot.waitUntil(dock.invitation.button.isVisible)
    context.runner.start("Training", endless())
    notification_manager.notification_ready.connect(hear)
    qtbot.mouseClick(dock.invitation.button, LEFT)
    notification_manager.notification_ready.disconnect(hear)
    assert told == ["UMAP: Training is still running, wait for it or cancel it first."]


def test_a_umap_of_a_run_that_is_gone_is_not_shown(context: Context, run: Run, tmp_path: Path) -> None:
    from napari_histoclust.widgets.scatter.invitation import _load_embedded

    other = make_run(tmp_path / "other", embedding=True)
    context.session.load(run, [])
    _load_embedded(context.session, other)
    assert context.session.run is run
    _load_embedded(context.session, replace(run))
    assert context.session.run is not run


def test_points_that_cannot_be_read_are_told(
    qtbot: QtBot, context: Context, open_dock: Callable[[], ScatterDock], tmp_path: Path
) -> None:
    whole = make_run(tmp_path / "run", embedding=True)
    run = replace(whole, embedding=np.zeros((len(whole), 3), np.float32))
    dock = open_dock()
    context.session.load(run, [])
    qtbot.waitUntil(lambda: "could not be read" in dock.invitation.sentence.text())
