"""Jobs in the background. The only file, besides _reading.py for small reading, that starts a thread.

superqt's GeneratorWorker runs a cancelled generator's `finally` late and on the GUI thread; this worker calls
`drive`, which closes the job in the worker thread, before anybody is told that it has ended.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_histoclust.core.errors import Cancelled, HistoclustError
from napari_histoclust.core.jobs import Job, Progress, drive
from napari_histoclust.session.remaining_time import RemainingTime
from napari_histoclust.viewer.host import Host
from napari_histoclust.viewer.notices import ActivityBar, show_failure
from napari_histoclust.viewer.workers import WorkerBase, WorkerBaseSignals, create_worker
from napari_histoclust.widgets._lifetime import when_deleted

_LOG = logging.getLogger(__name__)
# A job that yields thousands of times a second must not flood the GUI thread, and each report has the whole
# window drawn again: without a graphics card twenty a second took a sixth of two cores from the job itself.
_REPORT_S = 0.5
_ANSWER_MS = 800  # after this a cancelled job counts as gone, though it may be inside one long call


@dataclass(frozen=True, eq=False)
class _Task:
    title: str
    job: Job[Any]

    def __str__(self) -> str:
        return self.title


class _Signals(WorkerBaseSignals):
    progressed = Signal(object)
    failed = Signal(object)
    aborted = Signal()


class _Worker(WorkerBase[Any]):
    """Drives one job in a thread of Qt's pool. Its signals are emitted there and arrive on the GUI thread."""

    def __init__(self, task: _Task) -> None:
        super().__init__(SignalsClass=_Signals)
        self._task = task
        self._reported_s = 0.0
        self._text = ""

    def work(self) -> Any:
        try:
            return drive(self._task.job, self._report, lambda: self.abort_requested)
        except Cancelled:
            self.aborted.emit()
        except Exception as error:  # noqa: BLE001  # not lost: `failed` carries it to the GUI thread
            # Raised from here it would come as `errored`, at which napari 0.9.2 calls a slot of its own with
            # one argument too many.
            self.failed.emit(error)
        return None

    def _report(self, progress: Progress) -> None:
        """Pass on a new text and the last unit always, the rest as often as anybody can look."""
        now = time.monotonic()
        ended = progress.done >= progress.total > 0
        if ended or progress.text != self._text or now - self._reported_s >= _REPORT_S:
            self._reported_s, self._text = now, progress.text
            self.progressed.emit(progress)


class RunningJob(QObject):
    """One job in the background; `JobRunner.start` makes it. All its signals come on the GUI thread.

    Signals
    -------
    progressed : Progress, float or None
        How far, and the seconds that the present phase will still take.
    finished : object
        What the job returned.
    failed : Exception
        What it raised; the user has been told already.
    cancelled
        It was stopped, by `cancel` or by napari's closing; a result that comes all the same is dropped.
    ended
        Follows each of these three.
    released
        The thread is free. It may come later than `cancelled`.
    """

    progressed = Signal(object, object)
    finished = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    ended = Signal()
    released = Signal()

    def __init__(self, title: str, job: Job[Any], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.title = title
        self.has_ended = False
        self.is_cancelling = False
        self._remaining = RemainingTime()
        self._bar = ActivityBar(title)
        self._patience = QTimer(self, interval=_ANSWER_MS, singleShot=True)
        self._patience.timeout.connect(self._on_patience_timeout)
        self._worker = create_worker(_Worker, _Task(title, job))
        self._worker.progressed.connect(self._on_worker_progressed)
        self._worker.returned.connect(self._on_worker_returned)
        self._worker.failed.connect(self._on_worker_failed)
        self._worker.warned.connect(self._on_worker_warned)
        self._worker.finished.connect(self._on_worker_finished)
        self.destroyed.connect(self._worker.quit)  # the dock was closed

    def start(self) -> None:
        """Begin."""
        self._worker.start()

    def cancel(self) -> None:
        """Stop the job at its next yield. `cancelled` follows within a second, even if that takes longer."""
        if not (self.has_ended or self.is_cancelling):
            self.is_cancelling = True
            self._worker.quit()
            self._patience.start()

    def _end(self, signal: Any, *values: object) -> None:
        if self.has_ended:
            return
        self.has_ended = True
        self._patience.stop()
        self._bar.close()
        signal.emit(*values)
        self.ended.emit()

    def _on_patience_timeout(self) -> None:
        self._end(self.cancelled)

    def _on_worker_progressed(self, progress: Progress) -> None:
        if not (self.has_ended or self.is_cancelling):
            self.progressed.emit(progress, self._remaining.estimate_s(progress))
            self._bar.show(progress)  # last: it lets later signals in

    def _on_worker_returned(self, result: object) -> None:
        if self.is_cancelling:
            self._end(self.cancelled)
        else:
            self._end(self.finished, result)

    def _on_worker_failed(self, error: Exception) -> None:
        if self.has_ended:
            _LOG.error("%s failed after it was cancelled", self.title, exc_info=error)
        else:
            show_failure(error)
            self._end(self.failed, error)

    def _on_worker_warned(self, warning: tuple[Any, ...]) -> None:
        _LOG.warning("%s: %s", self.title, warning[0])

    def _on_worker_finished(self) -> None:
        """Tell that the thread is free; a worker that ends with neither result nor error was stopped."""
        self._end(self.cancelled)
        self.released.emit()


class JobRunner(QObject):
    """Runs one heavy job at a time; the window has one of these.

    Parameters
    ----------
    host : Host, optional
        The window, which is changed while a job runs.
    parent : QObject, optional

    Signals
    -------
    started : RunningJob
        A job has begun.
    released
        Another one may begin.
    """

    started = Signal(object)
    released = Signal()

    def __init__(self, host: Host | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.host = host or Host()
        self._job: RunningJob | None = None

    @property
    def job(self) -> RunningJob | None:
        """The job that holds the thread, even if it has been cancelled; None if another one may begin."""
        return self._job

    def start(self, title: str, job: Job[Any], *, is_heavy: bool = False) -> RunningJob:
        """Begin `job` in the background; connect to what is returned before going back to the event loop.

        Parameters
        ----------
        title : str
            What it does, in the user's words ("Training").
        job : Job
            Generator that has not been started; it is closed if it is refused.
        is_heavy : bool
            Whether it needs the whole processor.

        Raises
        ------
        HistoclustError
            If another job holds the thread.
        """
        if self._job is not None:
            job.close()
            raise HistoclustError(_refusal(title, self._job))
        self._job = RunningJob(title, job, self)
        self._job.released.connect(self._on_job_released)
        end = self.host.begin_job(is_heavy)
        self._job.ended.connect(end)
        when_deleted(self._job, end)  # with its window
        self._job.start()
        self.started.emit(self._job)
        return self._job

    def cancel(self) -> None:
        """Cancel the present job, if there is one."""
        if self._job is not None:
            self._job.cancel()

    def _on_job_released(self) -> None:
        job, self._job = self._job, None
        if job is not None:
            job.setParent(None)  # from here on it lives as long as somebody holds it
        self.released.emit()


def _refusal(title: str, running: RunningJob) -> str:
    if running.has_ended or running.is_cancelling:
        return f"{title}: the cancelled {running.title} is still winding up, try again in a moment."
    return f"{title}: {running.title} is still running, wait for it or cancel it first."
