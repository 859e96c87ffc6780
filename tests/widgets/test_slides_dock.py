"""Adding, showing, checking and removing slides; opening a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent

from core.alignment.sections import pair
from core.models import write_model
from core.runs import make_run
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.run.reader import open_run
from napari_histoclust.core.slides.stack import open_stack
from napari_histoclust.session import sample
from napari_histoclust.session.jobs import align, open_stacks, slide_paths
from napari_histoclust.widgets.context import Context
from napari_histoclust.widgets.slides.dock import SlidesDock
from napari_histoclust.widgets.slides.region_maps import RegionMap
from stacks import write_stack
from widgets.made import context, notifications

pytestmark = pytest.mark.gui
__all__ = ["context", "notifications"]


@pytest.fixture
def dock(qtbot: QtBot, context: Context) -> SlidesDock:
    dock = SlidesDock(context)
    qtbot.addWidget(dock)
    dock.show()
    return dock


def wait(qtbot: QtBot, context: Context) -> None:
    qtbot.waitUntil(lambda: context.runner.job is None)


def test_slides_are_added_and_listed(
    qtbot: QtBot, context: Context, dock: SlidesDock, tmp_path: Path
) -> None:
    assert dock.add_folder.property("primary")
    assert "no slides yet" in dock.hint.text()
    dock.add_paths([write_stack(tmp_path / "a"), write_stack(tmp_path / "b", stains=("HE", "MT"))])
    wait(qtbot, context)
    assert [stack.name for stack in context.session.stacks] == ["a", "b"]
    assert dock.list.count() == 2
    assert dock.list.item(1).text() == "b\nHE, MT\n256 × 256 px, 0.5 µm per px"
    assert not dock.hint.isVisible()
    assert not dock.add_folder.property("primary")


def test_what_is_there_already_is_not_added_twice(
    qtbot: QtBot, context: Context, dock: SlidesDock, tmp_path: Path
) -> None:
    folder = write_stack(tmp_path / "a")
    for _ in range(2):
        dock.add_paths([folder])
        wait(qtbot, context)
    assert len(context.session.stacks) == 1


def test_a_bad_path_does_not_keep_the_others_out(
    qtbot: QtBot, context: Context, dock: SlidesDock, notifications: list[str], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    dock.add_paths([tmp_path / "empty", write_stack(tmp_path / "a")])
    wait(qtbot, context)
    assert [stack.name for stack in context.session.stacks] == ["a"]
    assert any("holds no images" in text for text in notifications)


def test_a_warning_is_an_icon_with_a_sentence(
    qtbot: QtBot, context: Context, dock: SlidesDock, tmp_path: Path
) -> None:
    folder = write_stack(tmp_path / "a")
    (folder / "a_mask.png").write_bytes((folder / "case7_HE.ome.tif").read_bytes())
    context.session.set_stacks([open_stack(folder)])
    item = dock.list.item(0)
    assert not item.icon().isNull()
    assert "⚠ a_mask.png" in item.toolTip()


def test_the_chosen_one_is_shown_and_removed(
    qtbot: QtBot, context: Context, dock: SlidesDock, tmp_path: Path
) -> None:
    session = context.session
    session.set_stacks([open_stack(write_stack(tmp_path / name)) for name in "ab"])
    dock.list.setCurrentRow(1)
    assert session.slide == 1
    session.show_slide(0)
    assert dock.list.currentRow() == 0
    dock.remove.click()
    assert [stack.name for stack in session.stacks] == ["b"]


def test_the_stains_of_one_slide_chosen_together_are_its_folder(tmp_path: Path) -> None:
    folder, other = write_stack(tmp_path / "a"), write_stack(tmp_path / "b")
    images = sorted(folder.iterdir())
    assert slide_paths([*images, other]) == (folder, other)
    assert slide_paths(images[:1]) == (images[0],)
    assert len(drive(open_stacks(slide_paths(images))).stacks[0].stains) == 5


def test_dropped_folders_are_added(qtbot: QtBot, context: Context, dock: SlidesDock, tmp_path: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(write_stack(tmp_path / "a")))])
    event = QDropEvent(
        QPointF(5, 5),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    dock.dropEvent(event)
    wait(qtbot, context)
    assert len(context.session.stacks) == 1


def test_alignment_is_told_in_a_table_and_survives_the_dock(
    qtbot: QtBot, context: Context, dock: SlidesDock, tmp_path: Path
) -> None:
    context.session.set_stacks([open_stack(write_stack(tmp_path / "a", side_px=512, stains=("HE", "CD31")))])
    dock.check.click()
    wait(qtbot, context)
    table: Any = dock.table._table
    assert table.rowCount() == 1
    assert table.item(0, 0).text().endswith("CD31")
    assert table.item(0, 3).text().endswith("of 64")
    assert dock.table.text()
    (shifts,) = dock.table.maps.maps()
    dock.table.maps.what.setCurrentIndex(1)
    (overlaps,) = dock.table.maps.maps()
    assert overlaps.text_of(4, 4) == "100"
    assert shifts.text_of(0, 0) == overlaps.text_of(0, 0) == ""
    assert "nothing to tell a shift by" in overlaps.sentence_of(0, 0)
    assert "CD31 in the centre" in overlaps.sentence_of(4, 4)
    assert "overlap 1.00" in overlaps.sentence_of(4, 4)
    qtbot.waitUntil(lambda: overlaps.isVisible() and overlaps.height() > 50)
    assert 100 < overlaps.width() < dock.width()
    again = SlidesDock(context)
    qtbot.addWidget(again)
    assert again.table.text() == dock.table.text()


def test_a_map_shows_shifts_in_um_and_far_off_in_red(qtbot: QtBot) -> None:
    (line,) = drive(align(pair((0, 16), um_per_px=0.5), 16))
    widget = RegionMap(line, pair((0, 16), um_per_px=0.5), is_overlap=False)
    qtbot.addWidget(widget)
    widget.resize(240, 240)
    row, col = (int(v) for v in np.argwhere(np.isfinite(line.regions.length_px))[10])
    assert widget.text_of(row, col) == "8"
    assert "16 px (8 µm)" in widget.sentence_of(row, col)
    assert "16 px left" in widget.sentence_of(row, col)
    painted = widget.grab().toImage()
    colour = painted.pixelColor(30 * col + 3, 30 * row + 3)
    assert colour.red() > 200
    assert colour.blue() < 100


def test_a_run_is_opened_with_its_slides_and_its_model(
    qtbot: QtBot, context: Context, dock: SlidesDock, tmp_path: Path
) -> None:
    stains = ("HE", "CD31")
    run = make_run(tmp_path / "run", paths=[write_stack(tmp_path / "s", stains=stains)])
    write_model(run.path / "model", stains)
    dock.add_paths([run.path])
    wait(qtbot, context)
    session = context.session
    assert session.run is not None
    assert (session.run.path, len(session.stacks)) == (run.path, 1)
    assert session.model is not None


def test_a_folder_that_is_no_run_is_refused_in_a_sentence(
    qtbot: QtBot, context: Context, dock: SlidesDock, notifications: list[str], tmp_path: Path
) -> None:
    dock.open_run_from(tmp_path)
    wait(qtbot, context)
    assert any("is no run folder" in text for text in notifications)
    assert context.session.run is None


def test_the_sample_slide_is_written_in_the_background(
    qtbot: QtBot, context: Context, dock: SlidesDock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "user_cache_path", lambda name, appauthor: tmp_path / "cache" / name)
    monkeypatch.setattr(sample, "SIZE_PX", 256)
    dock.sample.click()
    assert dock.sample.text() == "Cancel"
    assert not dock.remove.isEnabled()
    wait(qtbot, context)
    assert len(context.session.stacks[0].stains) == 5


def test_slides_that_were_moved_are_found_again(
    qtbot: QtBot, context: Context, dock: SlidesDock, notifications: list[str], tmp_path: Path
) -> None:
    slides = write_stack(tmp_path / "slides", stains=("HE", "CD31"))
    run = make_run(tmp_path / "run", paths=[slides])
    entry = run.manifest.slides[0].model_copy(update={"shape_px": (256, 256)})
    run.manifest.model_copy(update={"slides": (entry,)}).write(run.path)
    write_model(run.path / "model", ("HE", "CD31"))
    moved = slides.rename(tmp_path / "elsewhere")
    dock.open_run_from(run.path)
    wait(qtbot, context)
    session = context.session
    assert session.run is not None
    assert session.stacks == ()
    assert dock.relink.isVisible()
    assert "are not where they were" in dock.hint.text()
    session.palette.rename(1, "liver")
    session.selection.set(session.run.labels == 2)

    other = write_stack(tmp_path / "other", stains=("HE", "CD31"), seed=3)
    dock.find_in(other)
    wait(qtbot, context)
    assert any("is not what this run was made from" in text for text in notifications)
    assert session.stacks == ()

    dock.find_in(tmp_path)  # the folder around them is not enough: they are called otherwise now
    wait(qtbot, context)
    assert session.stacks == ()

    dock.find_in(moved)
    wait(qtbot, context)
    assert [stack.path for stack in session.stacks] == [moved]
    assert not dock.relink.isVisible()
    assert session.palette.state.names[0] == "liver"
    np.testing.assert_array_equal(session.selection.mask, session.run.labels == 2)
    assert open_run(run.path).open_stack().path == moved  # noted in the run
