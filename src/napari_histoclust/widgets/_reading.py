"""Small reading in the background: thumbnails, orders of patches. Like _jobs.py, it may start threads.

The thread touches nothing of Qt. Its results wait in futures, and a timer of the GUI thread collects them, so
that a reader can be deleted at any moment, and results come at most once a frame.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QCoreApplication, QObject, QTimer, Signal

from napari_histoclust.core.errors import Cancelled
from napari_histoclust.core.jobs import Job, drive
from napari_histoclust.widgets._lifetime import when_deleted

_FRAME_MS = 15


@dataclass(eq=False)
class _Task:
    """A job that was asked for, and whether it still is."""

    make: Callable[[], Job[Any]]
    dropped: bool = False
    future: Future[Any] | None = None

    def run(self) -> Any:
        return drive(self.make(), None, lambda: self.dropped)

    def drop(self) -> None:
        self.dropped = True
        if self.future is not None:
            self.future.cancel()


class BackgroundReader(QObject):
    """Runs small jobs one after another in a thread of its own: those asked for last, and no others.

    napari does not ask about them before it closes; they end at their next yield.

    Signals
    -------
    arrived : Hashable, object
        What was asked for under this name. On the GUI thread, like the next.
    failed : Hashable, Exception
        What came instead.
    """

    arrived = Signal(object, object)
    failed = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="histoclust-reader")
        self._tasks: dict[Hashable, _Task] = {}
        self._is_closed = False
        self._timer = QTimer(self, interval=_FRAME_MS)
        self._timer.timeout.connect(self._on_timer_timeout)
        when_deleted(self, _end, self._thread, self._tasks)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.close)

    @property
    def waiting(self) -> tuple[Hashable, ...]:
        """Names of what was asked for and has not arrived."""
        return tuple(self._tasks)

    def ask(self, wanted: Iterable[tuple[Hashable, Callable[[], Job[Any]]]]) -> None:
        """Ask for these, in this order, and for nothing else.

        What was asked for before under the same name and has begun goes on; the rest is dropped.

        Parameters
        ----------
        wanted : (name, make) pairs
            `make` is called in the thread and returns a job, cancelled at its next yield once it is dropped.
        """
        if self._is_closed:
            return
        before = dict(self._tasks)
        self._tasks.clear()
        for name, make in wanted:
            begun = before.get(name)
            if begun is not None and begun.future is not None and not begun.future.cancel():
                self._tasks[name] = before.pop(name)
            else:
                task = self._tasks[name] = _Task(make)
                task.future = self._thread.submit(task.run)
        for task in before.values():
            task.drop()
        if self._tasks:
            self._timer.start()

    def close(self) -> None:
        """Drop everything; what is asked for from here on never comes."""
        self._is_closed = True
        self._timer.stop()
        _end(self._thread, self._tasks)

    def _on_timer_timeout(self) -> None:
        for name, task in list(self._tasks.items()):
            if task.future is not None and task.future.done() and self._tasks.get(name) is task:
                del self._tasks[name]
                self._deliver(name, task.future)
        if not self._tasks:
            self._timer.stop()

    def _deliver(self, name: Hashable, future: Future[Any]) -> None:
        error = future.exception()
        if error is None:
            self.arrived.emit(name, future.result())
        elif not isinstance(error, Cancelled):
            self.failed.emit(name, error)


def _end(thread: ThreadPoolExecutor, tasks: dict[Hashable, _Task]) -> None:
    for task in tasks.values():
        task.drop()
    tasks.clear()
    thread.shutdown(wait=False, cancel_futures=True)
