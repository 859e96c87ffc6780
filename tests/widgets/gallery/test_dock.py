"""The gallery follows the session, and its gestures change it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from PIL import Image
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QColor, QWheelEvent
from qtpy.QtWidgets import QApplication, QDialog, QFileDialog

from core.runs import make_run
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.figures.sheet import SheetLayout
from napari_histoclust.core.jobs import Job, Progress, drive
from napari_histoclust.core.patches.thumbnails import resized
from napari_histoclust.core.run.reader import LatentSpace, open_run
from napari_histoclust.core.run.run import Run
from napari_histoclust.session.gallery.arrangement import NO_RUN, NOTHING_CHOSEN, Order, neighbours, ordered
from napari_histoclust.widgets._dialogs import NumberDialog
from napari_histoclust.widgets.context import Context
from napari_histoclust.widgets.gallery.dock import GalleryDock
from stacks import STAINS, write_stack
from widgets.deletion import delete

pytestmark = pytest.mark.gui


def reader_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("histoclust-reader")]


def middle_of(dock: GalleryDock, column: int, stain: int = 0) -> QPoint:
    """Place of a thumbnail in the viewport."""
    layout, half = dock.view.layout_now, dock.view.layout_now.side / 2
    across, down = dock.view.horizontalScrollBar().value(), dock.view.verticalScrollBar().value()
    x, y = layout.left + layout.x(column) + half - across, layout.top + layout.y(stain) + half - down
    return QPoint(int(x), int(y))


def shown(dock: GalleryDock) -> list[int]:
    return [] if dock.view.columns is None else dock.view.columns.ids.tolist()


def test_without_a_run_it_says_what_to_do(dock: GalleryDock, context: Context, run: Run) -> None:
    assert dock.view._hint == NO_RUN
    assert not dock.bar.save.isEnabled()
    context.session.set_run(run)
    assert dock.view._hint == NOTHING_CHOSEN
    context.session.set_run(None)
    assert dock.view._hint == NO_RUN


@pytest.mark.parametrize("order", Order)
def test_the_selection_in_order(
    dock: GalleryDock, context: Context, run: Run, settled: Callable[[], None], order: Order
) -> None:
    context.session.set_run(run)
    ids = np.flatnonzero(run.labels == 3)
    dock.bar.order.setCurrentIndex(list(Order).index(order))
    context.session.selection.set(ids)
    settled()
    assert shown(dock) == drive(ordered(LatentSpace(run), ids, order)).tolist()
    assert dock.bar.title.text().startswith(f"{len(ids)} chosen patches, ")


def test_nothing_chosen_but_one_pointed_at_shows_its_neighbours(
    dock: GalleryDock, context: Context, run: Run, settled: Callable[[], None]
) -> None:
    context.session.set_run(run)
    context.session.set_focus(11)
    settled()
    assert shown(dock) == drive(neighbours(LatentSpace(run), 11)).tolist()
    assert dock.bar.title.text() == "Patch 11 and the 100 nearest to it in latent space"
    assert not dock.bar.order.isEnabled()
    context.session.selection.set([1, 2])
    settled()
    assert sorted(shown(dock)) == [1, 2]
    assert dock.bar.order.isEnabled()
    context.session.selection.clear()
    context.session.set_focus(None)
    assert shown(dock) == []


def test_px_on_the_screen_are_those_of_the_slides(
    dock: GalleryDock, context: Context, run: Run, settled: Callable[[], None]
) -> None:
    context.session.set_run(run)
    context.session.selection.set([3, len(run) - 5])
    dock.bar.side.setValue(64)
    settled()
    grabbed = dock.view.viewport().grab().toImage()
    for column, patch in enumerate(shown(dock)):
        slide = int(run.slide_index[patch])
        grid, row = run.grids[slide], patch - run.rows(slide).start
        direct = run.open_stack(slide).read(
            0, int(grid.row[row]) * 32, int(grid.col[row]) * 32, 32, 32, STAINS
        )
        expected = resized(direct, 64)
        for stain in range(5):
            corner = middle_of(dock, column, stain) - QPoint(32, 32)
            for y, x in ((0, 0), (0, 63), (63, 63), (17, 40)):
                colour = QColor(grabbed.pixel(corner.x() + x, corner.y() + y)).getRgb()[:3]
                assert colour == tuple(expected[stain, y, x])


def test_of_100_000_chosen_patches_only_those_in_sight_are_asked_for(
    dock: GalleryDock, context: Context, large_run: Run, settled: Callable[[], None]
) -> None:
    assert len(large_run) > 100_000
    context.session.set_run(large_run)
    context.session.selection.set(np.ones(len(large_run), bool))
    settled()
    seen = dock.view.seen
    assert len(seen) < 10
    assert all(dock.loader.get(patch) for patch in shown(dock)[seen.start : seen.stop])
    # Those in sight and a margin, by confidence until the latent space was there, and then by type.
    assert dock.loader.nbytes <= 2 * 24 * (5 * 96 * 96 * 4)
    bar = dock.view.horizontalScrollBar()
    bar.setValue(bar.maximum() // 2)
    settled()
    middle = shown(dock)[dock.view.seen.start]
    assert dock.loader.get(middle) is not None
    assert dock.view.seen.start > 40_000


def test_another_selection_drops_the_queue(
    dock: GalleryDock, context: Context, run: Run, settled: Callable[[], None], qtbot: QtBot
) -> None:
    context.session.set_run(run)
    context.session.selection.set(np.ones(len(run), bool))
    qtbot.waitUntil(lambda: bool(dock.loader.waiting))
    before = set(dock.loader.waiting)
    context.session.selection.set([1, 2, 3])
    qtbot.waitUntil(lambda: shown(dock) != [] and len(shown(dock)) == 3 and not dock.view.is_looking)
    assert set(dock.loader.waiting) <= {1, 2, 3}
    assert len(before) > 3
    settled()
    assert all(dock.loader.get(patch) for patch in (1, 2, 3))


def test_a_selection_that_is_being_sorted_gives_way_to_the_next(
    dock: GalleryDock, context: Context, large_run: Run, settled: Callable[[], None]
) -> None:
    run = open_run(large_run.path)
    context.session.set_run(run)
    for count in (len(run), 60_000, 20_000, 3):
        context.session.selection.set(np.arange(count))
    settled()
    assert sorted(shown(dock)) == [0, 1, 2]
    assert dock.bar.title.text() == "3 chosen patches, most typical first"


def test_scrolled_past_is_dropped(
    dock: GalleryDock, context: Context, large_run: Run, settled: Callable[[], None], qtbot: QtBot
) -> None:
    context.session.set_run(large_run)
    context.session.selection.set(np.ones(len(large_run), bool))
    qtbot.waitUntil(lambda: bool(dock.loader.waiting))
    bar = dock.view.horizontalScrollBar()
    for step in range(1, 40):
        bar.setValue(step * 100_000)
    qtbot.waitUntil(lambda: not dock.view.is_looking)
    assert set(dock.loader.waiting) <= set(shown(dock)[dock.view.seen.start - 30 : dock.view.seen.stop + 30])
    settled()


def test_nothing_is_read_while_it_rushes_by(
    dock: GalleryDock, context: Context, large_run: Run, settled: Callable[[], None]
) -> None:
    context.session.set_run(large_run)
    context.session.selection.set(np.ones(len(large_run), bool))
    settled()
    read = dock.loader.nbytes
    bar = dock.view.horizontalScrollBar()
    bar.setSliderDown(True)
    bar.setValue(1_000_000)
    dock.view._asked_from = 0  # as if no time had passed since the scroll began
    dock.view._on_ask_triggered()
    assert dock.loader.waiting == ()
    assert dock.loader.nbytes == read
    settled()  # held still
    assert dock.loader.get(shown(dock)[dock.view.seen.start]) is not None


def test_click_points_and_double_click_goes_there(
    dock: GalleryDock, context: Context, run: Run, settled: Callable[[], None], qtbot: QtBot
) -> None:
    context.session.set_run(run)
    context.session.selection.set(np.arange(20))
    settled()
    before = shown(dock)
    qtbot.mouseClick(dock.view.viewport(), Qt.MouseButton.LeftButton, pos=middle_of(dock, 2, 3))
    assert context.session.focus == before[2]
    assert context.scene.visited == []
    qtbot.mouseDClick(dock.view.viewport(), Qt.MouseButton.LeftButton, pos=middle_of(dock, 2))
    assert context.scene.visited == [before[2]]
    qtbot.mouseClick(dock.view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(3, 100))
    assert context.session.focus == before[2]


def test_neighbours_stay_when_one_of_them_is_clicked(
    dock: GalleryDock, context: Context, run: Run, settled: Callable[[], None], qtbot: QtBot
) -> None:
    context.session.set_run(run)
    context.session.set_focus(11)
    settled()
    before = shown(dock)
    qtbot.mouseClick(dock.view.viewport(), Qt.MouseButton.LeftButton, pos=middle_of(dock, 3))
    settled()
    assert context.session.focus == before[3]
    assert shown(dock) == before


def test_keys_go_along_the_columns(
    dock: GalleryDock, context: Context, run: Run, settled: Callable[[], None], qtbot: QtBot
) -> None:
    context.session.set_run(run)
    context.session.selection.set(np.arange(30))
    settled()
    ids, focused = shown(dock), []
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_End):
        qtbot.keyClick(dock.view, key)
        focused.append(ids.index(context.session.focus))
    assert focused == [0, 1, 0, 0, 29]
    assert 29 in dock.view.seen
    qtbot.keyClick(dock.view, Qt.Key.Key_Home)
    assert dock.view.seen.start == 0
    page = len(dock.view.seen) - 1
    qtbot.keyClick(dock.view, Qt.Key.Key_PageDown)
    assert ids.index(context.session.focus) == page
    qtbot.keyClick(dock.view, Qt.Key.Key_Return)
    assert context.scene.visited == [context.session.focus]


def test_pointing_elsewhere_brings_the_column_into_sight(
    dock: GalleryDock, context: Context, run: Run, settled: Callable[[], None]
) -> None:
    context.session.set_run(run)
    context.session.selection.set(np.arange(60))
    settled()
    context.session.set_focus(shown(dock)[40])
    assert 40 in dock.view.seen


def test_the_menu(dock: GalleryDock, context: Context, run: Run, settled: Callable[[], None]) -> None:
    session = context.session
    session.set_run(run)
    session.palette.merge([2], into=3)
    session.selection.set(np.flatnonzero(run.labels == 3))
    settled()
    patch = shown(dock)[1]
    actions = {action.text(): action for action in dock.menu(patch).actions()}
    actions["Go there"].trigger()
    assert context.scene.visited == [patch]
    assert session.focus == patch
    actions["Select its cluster"].trigger()
    assert np.array_equal(session.selection.mask, np.isin(run.labels, (2, 3)))
    actions["Show those most like it"].trigger()
    settled()
    assert shown(dock) == drive(neighbours(LatentSpace(run), patch)).tolist()
    session.selection.back()
    settled()
    assert len(shown(dock)) == np.isin(run.labels, (2, 3)).sum()


def test_wheel_scrolls_along_shift_down_and_control_changes_the_size(
    dock: GalleryDock, context: Context, run: Run, settled: Callable[[], None]
) -> None:
    context.session.set_run(run)
    context.session.selection.set(np.arange(60))
    dock.bar.side.setValue(80)
    dock.resize(720, 300)
    settled()

    def turn(modifier: Qt.KeyboardModifier) -> None:
        place = QPointF(middle_of(dock, 1))
        event = QWheelEvent(
            place, QPointF(dock.view.viewport().mapToGlobal(place.toPoint())), QPoint(), QPoint(0, -120),
            Qt.MouseButton.NoButton, modifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(dock.view.viewport(), event)

    turn(Qt.KeyboardModifier.NoModifier)
    assert dock.view.horizontalScrollBar().value() == 80
    turn(Qt.KeyboardModifier.ShiftModifier)
    assert dock.view.verticalScrollBar().value() == 80
    turn(Qt.KeyboardModifier.ControlModifier)
    assert dock.bar.side.value() == 72
    assert dock.view.side_px == 72


def test_all_stains_are_in_sight_until_a_size_is_chosen(
    dock: GalleryDock, context: Context, run: Run
) -> None:
    context.session.set_run(run)
    assert dock.view.side_px == 96
    for height in (420, 400, 380, 500):
        dock.resize(720, height)
        layout = dock.view.layout_now
        assert 48 < layout.side < 96
        context.session.selection.set(np.arange(height % 50 + 1))
        assert dock.view.layout_now.side == layout.side
        assert dock.bar.side.value() == layout.side
        assert layout.top + 5 * layout.pitch <= dock.view.viewport().height()
    dock.resize(720, 120)
    assert dock.view.side_px == 48
    dock.bar.side.setValue(150)
    dock.resize(720, 420)
    assert dock.view.side_px == 150


def test_recolouring_reaches_the_strip(
    dock: GalleryDock, context: Context, run: Run, settled: Callable[[], None]
) -> None:
    session = context.session
    session.set_run(run)
    session.selection.set(np.flatnonzero(run.labels == 2))
    settled()
    session.palette.recolour(2, "#123456")
    layout = dock.view.layout_now
    grabbed = dock.view.viewport().grab().toImage()
    assert QColor(grabbed.pixel(int(layout.left + layout.x(0)) + 9, layout.top - 3)).name() == "#123456"


def test_images_that_have_moved_are_told_in_the_dock_alone(
    dock: GalleryDock, context: Context, tmp_path: Path, settled: Callable[[], None]
) -> None:
    run = make_run(tmp_path / "run")
    before = len(notification_manager.records)
    context.session.set_run(run)
    context.session.selection.set(np.arange(40))
    settled()
    dock.view.horizontalScrollBar().setValue(2000)
    settled()
    assert "no longer there: put them back" in dock.note.text()
    assert dock.note.isVisible()
    assert len(notification_manager.records) == before


def test_another_run_takes_over(
    dock: GalleryDock, context: Context, run: Run, large_run: Run, settled: Callable[[], None]
) -> None:
    context.session.set_run(run)
    context.session.selection.set(np.arange(len(run) - 9, len(run)))
    settled()
    context.session.set_run(large_run)
    assert dock.view.columns is None
    context.session.selection.set([len(large_run) - 1])
    settled()
    assert shown(dock) == [len(large_run) - 1]
    assert dock.bar.title.text().startswith("1 chosen patch,")
    context.session.set_run(run)
    settled()
    assert shown(dock) == []


def test_order_and_size_stay_when_the_dock_is_opened_again(qtbot: QtBot, context: Context, run: Run) -> None:
    first = GalleryDock(context)
    first.bar.order.setCurrentIndex(2)
    first.bar.side.setValue(144)
    delete(qtbot, first)
    again = GalleryDock(context)
    qtbot.addWidget(again)
    assert again.arranger.order is Order.DOUBTFUL
    assert again.bar.order.currentText() == "Most doubtful"
    assert (again.view.side_px, again.bar.side.value()) == (144, 144)


def test_closing_while_it_reads_leaves_no_thread(qtbot: QtBot, context: Context, large_run: Run) -> None:
    qtbot.waitUntil(lambda: not reader_threads())
    run = open_run(large_run.path)
    dock = GalleryDock(context)
    dock.resize(700, 600)
    dock.show()
    context.session.set_run(run)
    context.session.selection.set(np.ones(len(run), bool))
    assert dock.arranger.is_busy
    qtbot.waitUntil(lambda: bool(reader_threads()))
    delete(qtbot, dock)
    qtbot.waitUntil(lambda: not reader_threads())
    context.session.selection.set([1])
    context.session.set_focus(1)
    context.session.set_run(None)


def test_closing_napari_leaves_no_thread(
    qtbot: QtBot, context: Context, run: Run, make_napari_viewer_proxy: Callable[..., object]
) -> None:
    viewer = make_napari_viewer_proxy()
    dock = GalleryDock(context)
    viewer.window.add_dock_widget(dock)  # type: ignore[attr-defined]
    context.session.set_run(run)
    context.session.selection.set(np.ones(len(run), bool))
    qtbot.waitUntil(lambda: bool(reader_threads()))
    viewer.close()  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: not reader_threads())


def test_a_sheet_is_saved_in_the_present_order(
    dock: GalleryDock, context: Context, run: Run, settled: Callable[[], None], tmp_path: Path, qtbot: QtBot
) -> None:
    context.session.set_run(run)
    context.session.selection.set(np.ones(len(run), bool))
    settled()
    job = dock.save_sheet(tmp_path / "sheet", 12)
    assert job is not None
    assert job.title == "Saving the sheet"
    with qtbot.waitSignal(job.released):
        pass
    assert dock.note.text() == f"Saved {tmp_path / 'sheet.png'}"
    clusters = len(set(run.labels[shown(dock)[:12]].tolist()))
    layout = SheetLayout(12, 5, 192, legend_lines=1 + -(-clusters // 4))
    with Image.open(tmp_path / "sheet.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    assert pixels.shape == (*layout.shape, 3)
    for place, patch in enumerate(shown(dock)[:12]):
        slide = int(run.slide_index[patch])
        grid, row = run.grids[slide], patch - run.rows(slide).start
        direct = run.open_stack(slide).read(
            0, int(grid.row[row]) * 32, int(grid.col[row]) * 32, 32, 32, STAINS
        )
        for stain in range(5):
            y, x = layout.corner(place, stain)
            assert np.array_equal(pixels[y : y + 192, x : x + 192], direct[stain].repeat(6, 0).repeat(6, 1))


def test_the_button_asks_how_many_and_where(
    dock: GalleryDock, context: Context, run: Run, settled: Callable[[], None], tmp_path: Path, qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    context.session.set_run(run)
    context.session.selection.set([4, 5, 6])
    settled()
    monkeypatch.setattr(NumberDialog, "exec", lambda dialog: QDialog.DialogCode.Accepted)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (str(tmp_path / "three.png"), ""))
    qtbot.mouseClick(dock.bar.save, Qt.MouseButton.LeftButton)
    assert context.runner.job is not None
    with qtbot.waitSignal(context.runner.released):
        pass
    assert (tmp_path / "three.png").is_file()


def test_a_sheet_of_images_that_have_moved_says_so(
    dock: GalleryDock, context: Context, tmp_path: Path, settled: Callable[[], None], qtbot: QtBot
) -> None:
    images = write_stack(tmp_path / "images", side_px=512)
    run = make_run(tmp_path / "run", paths=[images])
    shutil.rmtree(images)
    context.session.set_run(run)
    context.session.selection.set([1, 2])
    settled()
    job = dock.save_sheet(tmp_path / "sheet.png", 40)
    assert job is not None
    with qtbot.waitSignal(job.failed) as failed, qtbot.waitSignal(job.released):
        pass
    assert isinstance(failed.args[0], HistoclustError)
    assert not (tmp_path / "sheet.png").exists()


def test_a_sheet_waits_for_no_other_job(
    dock: GalleryDock, context: Context, run: Run, settled: Callable[[], None], tmp_path: Path
) -> None:
    def endless() -> Job[None]:
        while True:
            yield Progress("Training")

    context.session.set_run(run)
    context.session.selection.set([1, 2])
    settled()
    context.runner.start("Training", endless())
    with pytest.raises(HistoclustError, match="Saving the sheet: Training is still running"):
        dock.save_sheet(tmp_path / "sheet.png", 40)
