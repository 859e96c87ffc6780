"""Whatever the plugin changes in napari's window and in Python is given back."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from napari.components import ViewerModel
from napari.layers import Image
from napari.settings import get_settings
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QObject, Qt, QTimer
from qtpy.QtGui import QMovie
from qtpy.QtWidgets import QApplication, QLabel, QMainWindow, QMessageBox, QToolButton

from core.models import write_model
from core.runs import STAINS, make_run
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.run.run import Run
from napari_histoclust.viewer.host import Host
from napari_histoclust.viewer.scene import Scene
from napari_histoclust.widgets._lifetime import when_deleted
from napari_histoclust.widgets.context import context_of
from napari_histoclust.widgets.open import open_in_napari
from napari_histoclust.widgets.workspace import close_workspace, open_workspace
from viewer.pyramids import plain, write_stack
from widgets.deletion import delete

pytestmark = pytest.mark.gui

Viewers = Callable[..., Any]
CORNERS = (Qt.Corner.BottomLeftCorner, Qt.Corner.BottomRightCorner)


@pytest.fixture(autouse=True)
def settings_file(tmp_path: Path) -> Iterator[Path]:
    """napari's settings, kept in a file of the test's own."""
    settings, path = get_settings(), tmp_path / "settings.yaml"
    before = settings.config_path, settings.appearance.update_status_based_on_layer
    settings.config_path = path
    settings.appearance.update_status_based_on_layer = True
    settings.save()
    yield path
    settings.appearance.update_status_based_on_layer = before[1]
    settings.config_path = before[0]


@pytest.fixture(autouse=True)
def python_collects_again(qtbot: QtBot) -> Iterator[None]:
    """Each test begins and ends with Python's own collecting."""
    assert gc.isenabled()
    yield
    QApplication.processEvents()
    gc.collect()
    qtbot.waitUntil(gc.isenabled)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    stack = write_stack(tmp_path / "block", {stain: plain(400, 500) for stain in STAINS})
    made = make_run(tmp_path / "run", paths=[stack], embedding=True)
    write_model(made.path / "model", STAINS)
    return made


def reads_out() -> bool:
    return bool(get_settings().appearance.update_status_based_on_layer)


def window_of(viewer: Any) -> QMainWindow:
    return next(
        window
        for window in QApplication.topLevelWidgets()
        if isinstance(window, QMainWindow) and getattr(window, "_qt_viewer", None) is not None
        if window._qt_viewer.viewer is getattr(viewer, "__wrapped__", viewer)
    )


def wheel(window: QMainWindow) -> QMovie:
    """The one beside napari's button."""
    button = window.findChild(QToolButton, "QtActivityButton")
    (movie,) = [label.movie() for label in button.parent().findChildren(QLabel) if label.movie() is not None]
    return movie


def state_of(viewer: Any, settings_file: Path) -> dict[str, Any]:
    """All that the plugin may change, as it is now."""
    window = window_of(viewer)
    bound = {name: set(getattr(viewer, name)) for name in ("keymap", "class_keymap")}
    return bound | {
        "collector": (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()),
        "wheel": wheel(window).speed(),
        "read-out": (reads_out(), appearance(settings_file)),  # napari notes where docks are beside it
        "double click": [getattr(c, "__name__", c) for c in viewer.mouse_double_click_callbacks],
        "drag": list(viewer.mouse_drag_callbacks),
        "corners": [window.corner(corner) for corner in CORNERS],
        "title": (viewer.title, window.windowTitle()),
        "scale bar": viewer.canvas.overlays.scale_bar.visible,
        "filters": len([child for child in window.children() if type(child).__module__ == Host.__module__]),
    }


def close(viewer: Any, qtbot: QtBot) -> None:
    """Close the workspace and wait until Qt has deleted it, and Python collects again."""
    context_of(viewer).session.mark_saved()
    close_workspace(viewer)
    qtbot.waitUntil(gc.isenabled)


class TestTheWorkspace:
    def test_gives_everything_back(
        self, run: Run, make_napari_viewer_proxy: Viewers, qtbot: QtBot, settings_file: Path
    ) -> None:
        viewer = make_napari_viewer_proxy()
        before = state_of(viewer, settings_file)
        for _ in range(2):  # two workspaces one after the other
            open_in_napari(run.path, viewer=viewer)
            during = state_of(viewer, settings_file)
            same = {name for name in before if during[name] == before[name]}
            assert same == {"wheel", "read-out", "class_keymap"}  # a job's, or nobody's
            close(viewer, qtbot)
            assert state_of(viewer, settings_file) == before

    def test_closed_while_a_heavy_job_runs(
        self, make_napari_viewer_proxy: Viewers, qtbot: QtBot, settings_file: Path
    ) -> None:
        viewer = make_napari_viewer_proxy()
        before = state_of(viewer, settings_file)
        open_workspace(viewer)
        runner, goes_on = context_of(viewer).runner, threading.Event()
        running = runner.start("Train", one_long_call(goes_on), is_heavy=True)
        assert not reads_out()
        assert wheel(window_of(viewer)).speed() == 10
        assert appearance(settings_file) == before["read-out"][1]
        close_workspace(viewer)
        running.cancel()
        qtbot.waitUntil(lambda: running.has_ended)
        during = state_of(viewer, settings_file)
        assert {name for name in before if during[name] != before[name]} == {"collector"}
        goes_on.set()  # the thread was inside one long call until now
        qtbot.waitUntil(gc.isenabled)
        assert state_of(viewer, settings_file) == before

    def test_two_windows_at_once(
        self, make_napari_viewer_proxy: Viewers, qtbot: QtBot, settings_file: Path
    ) -> None:
        viewers = [make_napari_viewer_proxy() for _ in range(2)]
        before = [state_of(viewer, settings_file) for viewer in viewers]
        for viewer in viewers:
            open_workspace(viewer)
        close_workspace(viewers[0])
        QApplication.processEvents()
        assert not gc.isenabled()  # the other one still needs it
        close(viewers[1], qtbot)
        assert [state_of(viewer, settings_file) for viewer in viewers] == before

    def test_what_others_have_changed_meanwhile_is_theirs(
        self, run: Run, make_napari_viewer_proxy: Viewers, qtbot: QtBot
    ) -> None:
        viewer = open_in_napari(run.path, viewer=make_napari_viewer_proxy())
        window = window_of(viewer)
        viewer.title, viewer.canvas.overlays.scale_bar.visible = "mine", False
        window.setCorner(CORNERS[0], Qt.DockWidgetArea.BottomDockWidgetArea)
        close(viewer, qtbot)
        assert (viewer.title, viewer.canvas.overlays.scale_bar.visible) == ("mine", False)
        assert window.corner(CORNERS[0]) == Qt.DockWidgetArea.BottomDockWidgetArea

    def test_napari_s_zoom_comes_back_where_it_was(
        self, make_napari_viewer_proxy: Viewers, qtbot: QtBot
    ) -> None:
        viewer = make_napari_viewer_proxy()
        viewer.mouse_double_click_callbacks.append(somebody_elses)
        before = list(viewer.mouse_double_click_callbacks)
        assert [callback.__name__ for callback in before] == ["double_click_to_zoom", "somebody_elses"]
        open_workspace(viewer)
        names = [callback.__name__ for callback in viewer.mouse_double_click_callbacks]
        assert names == ["somebody_elses", "_on_viewer_double_click"]
        close(viewer, qtbot)
        assert list(viewer.mouse_double_click_callbacks) == before

    @pytest.mark.parametrize("is_open", [True, False])
    def test_closing_the_window_is_asked_about_only_while_it_is_open(
        self, run: Run, make_napari_viewer_proxy: Viewers, qtbot: QtBot, is_open: bool
    ) -> None:
        viewer = open_in_napari(run.path, viewer=make_napari_viewer_proxy())
        context, asked = context_of(viewer), []
        if not is_open:
            close(viewer, qtbot)
        context.session.palette.rename(1, "liver")

        def answer() -> None:
            for box in QApplication.topLevelWidgets():
                if isinstance(box, QMessageBox) and box.isVisible():
                    asked.append(box.text())
                    box.button(QMessageBox.StandardButton.Cancel).click()

        timer = QTimer(interval=20)
        timer.timeout.connect(answer)
        timer.start()
        if is_open:
            assert not window_of(viewer).close()
        else:
            viewer.close()
        timer.stop()
        assert bool(asked) is is_open
        context.session.mark_saved()


def somebody_elses(viewer: Any, event: Any) -> None:
    """What another plugin does at a double click."""


def one_long_call(goes_on: threading.Event) -> Job[None]:
    yield Progress("Training")
    goes_on.wait(60)
    yield Progress("Training")


class TestTheReadOut:
    def test_off_and_on_again(self, settings_file: Path) -> None:
        before = settings_file.read_bytes()
        end = Host().begin_job(is_heavy=True)
        assert not reads_out()
        end()
        assert reads_out()
        assert settings_file.read_bytes() == before

    def test_stays_on_for_a_light_job(self) -> None:
        end = Host().begin_job()
        assert reads_out()
        end()

    def test_what_the_user_has_off_stays_off(self) -> None:
        get_settings().appearance.update_status_based_on_layer = False
        Host().begin_job(is_heavy=True)()
        assert not reads_out()

    def test_a_second_end_leaves_the_user_the_word(self) -> None:
        end = Host().begin_job(is_heavy=True)
        end()
        get_settings().appearance.update_status_based_on_layer = False
        end()
        assert not reads_out()

    def test_a_crash_does_not_make_it_lasting(self, settings_file: Path) -> None:
        """What napari reads at its next start, if the job never ends."""
        end = Host().begin_job(is_heavy=True)
        assert "update_status_based_on_layer" not in appearance(settings_file)
        end()

    def test_nor_does_another_setting_that_the_user_changes_meanwhile(self, settings_file: Path) -> None:
        end, settings = Host().begin_job(is_heavy=True), get_settings()
        before = settings.appearance.font_size
        settings.appearance.font_size = before + 3
        end()
        assert appearance(settings_file) == {"font_size": before + 3}
        settings.appearance.font_size = before


def appearance(file: Path) -> dict[str, Any]:
    return dict((yaml.safe_load(file.read_text()) or {}).get("appearance", {}))


class Cycle:
    """Something that hangs in a cycle and tells in which thread it goes."""

    def __init__(self, gone_in: list[int]) -> None:
        self.me = self
        self._gone_in = gone_in

    def __del__(self) -> None:
        self._gone_in.append(threading.get_ident())


def allocate(gone_in: list[int], count: int) -> None:
    for _ in range(count):
        Cycle(gone_in)


class TestTheCollector:
    def test_what_a_thread_leaves_goes_on_the_gui_thread(self, qtbot: QtBot) -> None:
        leave, gone_in = Host().stay(), list[int]()
        thread = threading.Thread(target=allocate, args=(gone_in, 20_000))
        thread.start()
        thread.join()
        assert gone_in == []
        qtbot.waitUntil(lambda: len(gone_in) == 20_000)
        assert set(gone_in) == {threading.get_ident()}
        leave()

    def test_python_gets_its_way_back_with_the_last_guest(self, qtbot: QtBot) -> None:
        leave, leave_too = Host().stay(), Host().stay()
        assert not gc.isenabled()
        leave()
        leave()  # once is enough
        QApplication.processEvents()
        assert not gc.isenabled()
        leave_too()
        assert not gc.isenabled()  # not before the event loop is reached
        qtbot.waitUntil(gc.isenabled)

    def test_python_does_not_collect_while_qt_deletes(self, qtbot: QtBot) -> None:
        owner = QObject()
        when_deleted(owner, Host().stay())
        sibling = QObject(owner)  # Qt deletes it after the owner has said that it goes
        collecting: list[bool] = []
        sibling.destroyed.connect(lambda: collecting.append(gc.isenabled()))
        delete(qtbot, owner)
        assert collecting == [False]
        qtbot.waitUntil(gc.isenabled)

    def test_who_has_switched_it_off_keeps_it_off(self, qtbot: QtBot) -> None:
        gc.disable()
        try:
            Host().stay()()
            QApplication.processEvents()
            assert not gc.isenabled()
        finally:
            gc.enable()

    def test_a_reader_that_winds_up_is_waited_for(self, qtbot: QtBot) -> None:
        leave, may_end = Host().stay(), threading.Event()
        thread = threading.Thread(target=may_end.wait, name="histoclust-reader_0")
        thread.start()
        leave()
        started = time.monotonic()
        qtbot.waitUntil(lambda: time.monotonic() - started > 0.5)
        assert not gc.isenabled()
        may_end.set()
        qtbot.waitUntil(gc.isenabled)

    def test_old_objects_wait_until_the_job_has_ended(
        self, make_napari_viewer_proxy: Viewers, qtbot: QtBot
    ) -> None:
        viewer = make_napari_viewer_proxy()
        open_workspace(viewer)
        runner, goes_on, gone_in = context_of(viewer).runner, threading.Event(), list[int]()
        cycle = Cycle(gone_in)
        gc.collect()  # it is old now
        del cycle
        runner.start("Train", one_long_call(goes_on))
        for _ in range(30):
            gc.collect(1)
        started = time.monotonic()
        qtbot.waitUntil(lambda: time.monotonic() - started > 0.5)
        assert gone_in == []
        goes_on.set()
        qtbot.waitUntil(lambda: bool(gone_in))
        close(viewer, qtbot)

    def test_layers_go_without_a_look_at_old_objects(self) -> None:
        before = gc.get_freeze_count()
        with Host.old_objects_frozen():
            assert gc.get_freeze_count() > before
        assert gc.get_freeze_count() == before == 0

    def test_what_somebody_else_has_frozen_stays_frozen(self) -> None:
        gc.freeze()
        try:
            before = gc.get_freeze_count()
            with Host.old_objects_frozen():
                pass
            assert gc.get_freeze_count() == before
        finally:
            gc.unfreeze()


def test_other_movies_of_the_window_keep_their_speed(make_napari_viewer_proxy: Viewers, qtbot: QtBot) -> None:
    window = window_of(make_napari_viewer_proxy())
    label = QLabel(window)
    label.setMovie(QMovie(label))
    end = Host().begin_job()
    assert wheel(window).speed() == 10
    assert label.movie().speed() == 100
    end()
    assert wheel(window).speed() == 100


def test_a_wheel_that_somebody_has_set_meanwhile_stays(make_napari_viewer_proxy: Viewers) -> None:
    movie = wheel(window_of(make_napari_viewer_proxy()))
    end = Host().begin_job()
    movie.setSpeed(50)
    end()
    assert movie.speed() == 50


def test_our_layers_keys_and_locks_are_given_back(
    run: Run, make_napari_viewer_proxy: Viewers, qtbot: QtBot
) -> None:
    viewer = open_in_napari(run.path, viewer=make_napari_viewer_proxy())
    layers = [layer for layer in viewer.layers if layer in context_of(viewer).scene.layers]
    assert layers
    assert all(layer.locked and layer.keymap for layer in layers)
    close(viewer, qtbot)
    assert not any(layer.locked or layer.keymap for layer in layers)


def test_without_a_window_nothing_is_changed() -> None:
    """A scene without a window, as scripts have it."""
    viewer = ViewerModel()
    host = Host(viewer)
    host.close()
    scene = Scene(viewer, context_of(viewer).session)
    viewer.add_layer(Image(np.zeros((4, 4))))
    assert scene.layers == ()
    assert [c.__name__ for c in viewer.mouse_double_click_callbacks] == ["double_click_to_zoom"]
