"""What the plugin changes in napari's window and in Python's process, why, and how it is given back.

| change | while | why, and what was measured |
|---|---|---|
| Python collects cycles on the GUI thread only | a dock is there | Objects of Qt in a cycle are deleted in the thread that collects them; 2 of 11 walks through the window ended in a crash of the collector. |
| old objects frozen | our layers are removed | napari collects once for each layer that goes: 0.5 s each once torch is loaded, 4 s for a slide. |
| napari's busy wheel at 10 % of its speed | a job runs | Each of its 33 pictures a second has the whole window drawn again; without a graphics card that took a third of two cores, and a training beside it was four times as slow. |
| `update_status_based_on_layer` off | a heavy job runs | napari reads out what is under the mouse in a thread that shares the interpreter with the job: 38 training steps a second fell to 13-20 while the mouse moved, to 30-37 without it. |
| zoom by double click rests | the workspace is open | A double click chooses a cluster; napari calls all its callbacks and has no way to consume the click. |
| keys, locks and help of our layers, clicks (`viewer/gestures.py`, `viewer/keys.py`) | the workspace is open | napari's keys edit layers, which are results here. |
| bottom corners belong to the side docks | the workspace is open | The gallery below the canvas leaves the tabs their height. |
| the window's close is asked about | the workspace is open | Unsaved names and merges. |
| window title, scale bar | the workspace is open | Which run this is, and its scale. |

What somebody else has changed meanwhile is theirs and stays.
"""  # noqa: E501

from __future__ import annotations

import gc
import threading
import weakref
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from napari.settings import get_settings
from qtpy.compat import isalive
from qtpy.QtCore import QCoreApplication, QEvent, QObject, Qt, QThreadPool, QTimer
from qtpy.QtGui import QMovie
from qtpy.QtWidgets import QApplication, QLabel, QToolButton

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from napari import Viewer

    from napari_histoclust.viewer.gestures import Gestures

_LOOK_MS = 200
_OLD_AFTER = 20  # young collections before the old objects are looked at too, which takes 0.1 s and more
_WHEEL_PERCENT = 10
_READERS = "histoclust-reader"  # threads of widgets/_reading.py
_CORNERS = {
    Qt.Corner.BottomLeftCorner: Qt.DockWidgetArea.LeftDockWidgetArea,
    Qt.Corner.BottomRightCorner: Qt.DockWidgetArea.RightDockWidgetArea,
}


class Host:
    """napari's window as the plugin's host: each method makes one change of the table above.

    Parameters
    ----------
    viewer : napari.Viewer, optional
        Held weakly. Without one only what concerns the process is changed.
    """

    def __init__(self, viewer: Viewer | None = None) -> None:
        self._find_viewer: Callable[[], Any] = (lambda: None) if viewer is None else weakref.ref(viewer)
        self._undo = ExitStack()

    def stay(self) -> Callable[[], None]:
        """Collect on the GUI thread only, until the function that is returned is called."""
        return _COLLECTOR.hold()

    def begin_job(self, is_heavy: bool = False) -> Callable[[], None]:
        """Slow the wheel; return what gives back all that a job changes.

        Parameters
        ----------
        is_heavy : bool
            Whether it needs the whole processor: then the read-out under the mouse is off meanwhile.
        """
        undo = ExitStack()
        for movie in filter(None, map(_wheel, QApplication.topLevelWidgets())):
            _slow(undo, movie)
        if is_heavy:
            _switch_read_out_off(undo)
        return undo.close

    def open_workspace(self, window: Any, gestures: Gestures, may_close: Callable[[Any], bool]) -> None:
        """Take corners, clicks and keys; ask `may_close` when the window is closed. `close` gives back.

        Parameters
        ----------
        window : QMainWindow
        gestures : Gestures
        may_close : callable
            Takes the window and returns whether it may be closed.
        """
        for corner, area in _CORNERS.items():
            before = window.corner(corner)
            window.setCorner(corner, area)
            self._undo.callback(_give_corner, weakref.ref(window), corner, area, before)
        self._rest_double_click()
        gestures.connect()
        self._undo.callback(gestures.disconnect)
        guard = _ClosingFilter(window, may_close)
        self._undo.callback(guard.end)

    def entitle(self, title: str) -> None:
        """Show a title and the scale bar."""
        viewer = self._find_viewer()
        if viewer is not None:
            self._set(viewer, "title", title)
            self._set(viewer.canvas.overlays.scale_bar, "visible", True)

    def close(self) -> None:
        """Give back what the workspace has taken; a second time does nothing."""
        self._undo.close()

    @staticmethod
    @contextmanager
    def old_objects_frozen() -> Iterator[None]:
        """Keep what is there out of garbage collections; the next ordinary one finds the same garbage."""
        is_mine = gc.get_freeze_count() == 0
        if is_mine:
            gc.freeze()
        try:
            yield
        finally:
            if is_mine:
                gc.unfreeze()

    def _rest_double_click(self) -> None:
        viewer = self._find_viewer()
        callbacks = [] if viewer is None else viewer.mouse_double_click_callbacks
        for i, callback in reversed(list(enumerate(callbacks))):
            if getattr(callback, "__name__", "") == "double_click_to_zoom":
                callbacks.remove(callback)
                self._undo.callback(_insert, callbacks, i, callback)

    def _set(self, owner: Any, name: str, value: object) -> None:
        before = getattr(owner, name)
        setattr(owner, name, value)
        self._undo.callback(_set_back, weakref.ref(owner), name, value, before)


class _Collector:
    """Python's collecting of cycles, for the whole process; several windows may hold it at once."""

    def __init__(self) -> None:
        self._holders: set[object] = set()
        self._is_mine = False
        self._timer: QTimer | None = None

    def hold(self) -> Callable[[], None]:
        """Take it over; where somebody has switched it off, nothing changes."""
        if gc.isenabled():
            gc.disable()
            self._is_mine = True
        if self._timer is None or not _is_there(self._timer):
            self._timer = QTimer(QCoreApplication.instance(), interval=_LOOK_MS)
            self._timer.timeout.connect(self.collect)
        self._timer.start()
        holder = object()
        self._holders.add(holder)
        return partial(self._release, holder)

    def collect(self) -> None:
        """Collect what is young, if Python would; what is old only when no job is running."""
        young, _, old = gc.get_count()
        if not self._is_mine:
            return
        if old >= _OLD_AFTER and not QThreadPool.globalInstance().activeThreadCount():
            gc.collect()
        elif young > gc.get_threshold()[0]:
            gc.collect(1)

    def _release(self, holder: object) -> None:
        """Let go, and collect only once Qt is done deleting.

        This may be called inside Qt's deleting, which holds a lock while it asks Python whether
        `disconnectNotify` is overridden. Collecting then and there deletes other objects of Qt, and one that
        shares the lock waits for ever: napari hung while it closed.
        """
        if holder in self._holders:
            self._holders.remove(holder)
            QTimer.singleShot(0, self._give_back)

    def _give_back(self) -> None:
        """Let Python collect in any thread, once no thread of ours is left and no object of Qt for it."""
        if self._holders or not self._is_mine:
            return
        if _is_working():
            QTimer.singleShot(_LOOK_MS, self._give_back)
            return
        if self._timer is not None and _is_there(self._timer):
            self._timer.stop()
        gc.collect()
        gc.enable()
        self._is_mine = False


_COLLECTOR = _Collector()


def _is_there(thing: object) -> bool:
    """Whether Qt has not deleted it."""
    return bool(isalive(thing))  # type: ignore[no-untyped-call]


def _is_working() -> bool:
    """Whether a job or a reader that has been dropped is still winding up."""
    readers = any(thread.name.startswith(_READERS) for thread in threading.enumerate())
    return readers or QThreadPool.globalInstance().activeThreadCount() > 0


class _ClosingFilter(QObject):
    """Swallows the closing of a window where it may not be closed."""

    def __init__(self, window: QObject, may_close: Callable[[Any], bool]) -> None:
        super().__init__(window)
        self._may_close = may_close
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Ask, and swallow the event where the answer is no."""
        is_closing = event is not None and event.type() == QEvent.Type.Close and watched is self.parent()
        if is_closing and event is not None and not self._may_close(watched):
            event.ignore()
            return True
        return False

    def end(self) -> None:
        """Ask no longer."""
        window = self.parent() if _is_there(self) else None
        if window is not None:
            window.removeEventFilter(self)
            self.deleteLater()


def _wheel(window: Any) -> QMovie | None:
    """Return the movie beside napari's button "activity"; other movies of the window are not ours."""
    button = window.findChild(QToolButton, "QtActivityButton")
    labels = [] if button is None else button.parent().findChildren(QLabel)
    return next((label.movie() for label in labels if label.movie() is not None), None)


def _slow(undo: ExitStack, movie: QMovie) -> None:
    before = movie.speed()
    movie.setSpeed(_WHEEL_PERCENT)
    undo.callback(_set_speed_back, movie, before)


def _set_speed_back(movie: QMovie, before: int) -> None:
    if _is_there(movie) and movie.speed() == _WHEEL_PERCENT:
        movie.setSpeed(before)


def _switch_read_out_off(undo: ExitStack) -> None:
    """Switch it off in memory only: in the file of settings a crash would make it lasting."""
    settings = get_settings()
    if settings.appearance.update_status_based_on_layer:
        before = _written(settings.config_path)
        _set_read_out(False)
        undo.callback(_switch_read_out_on, before)


def _switch_read_out_on(before: bytes) -> None:
    settings = get_settings()
    _set_read_out(True)
    if _written(settings.config_path) != before:  # with another setting of the user's: ours with it
        settings.save()


def _set_read_out(is_on: bool) -> None:
    settings = get_settings()
    path, settings.config_path = settings.config_path, None
    try:
        settings.appearance.update_status_based_on_layer = is_on
    finally:
        settings.config_path = path


def _written(path: Path | None) -> bytes:
    return path.read_bytes() if path is not None and path.is_file() else b""


def _give_corner(find: weakref.ref[Any], corner: Any, area: Any, before: Any) -> None:
    window = find()
    if window is not None and _is_there(window) and window.corner(corner) == area:
        window.setCorner(corner, before)


def _insert(callbacks: list[Any], i: int, callback: Any) -> None:
    if callback not in callbacks:
        callbacks.insert(i, callback)


def _set_back(find: weakref.ref[Any], name: str, value: object, before: object) -> None:
    owner = find()
    if owner is not None and getattr(owner, name) == value:
        setattr(owner, name, before)
