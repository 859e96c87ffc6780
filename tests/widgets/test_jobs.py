"""Jobs in a real background thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from napari.utils.notifications import NotificationSeverity, notification_manager
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QThread

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.widgets._jobs import _ANSWER_MS, JobRunner, RunningJob

pytestmark = pytest.mark.gui


@pytest.fixture
def runner(qtbot: QtBot) -> Iterator[JobRunner]:
    """A runner whose thread is free again when the test ends."""
    runner = JobRunner()
    yield runner
    runner.cancel()
    qtbot.waitUntil(lambda: runner.job is None)


@pytest.fixture
def notifications() -> Iterator[list[tuple[str, str]]]:
    """Severity and text of what the user is told."""
    heard: list[tuple[str, str]] = []

    def hear(notification: object) -> None:
        heard.append((str(notification.severity), notification.message))  # type: ignore[attr-defined]

    notification_manager.notification_ready.connect(hear)
    yield heard
    notification_manager.notification_ready.disconnect(hear)


def collect(job: RunningJob) -> list[tuple[object, ...]]:
    """List of what the job tells, in order."""
    told: list[tuple[object, ...]] = []
    job.finished.connect(lambda result: told.append(("finished", result)))
    job.failed.connect(lambda error: told.append(("failed", error)))
    job.cancelled.connect(lambda: told.append(("cancelled",)))
    job.ended.connect(lambda: told.append(("ended",)))
    job.released.connect(lambda: told.append(("released",)))
    return told


def count(n: int) -> Job[int]:
    for i in range(n):
        yield Progress("Counting", i + 1, n)
    return n


def steps(n: int) -> Job[None]:
    """Each with a text of its own, so that none is left out."""
    for i in range(n):
        yield Progress(f"Step {i + 1}", i + 1, n)


def until_closed(closed_in: list[threading.Thread]) -> Job[None]:
    """Never end by itself; note the thread in which it is closed."""
    try:
        while True:
            yield Progress("Waiting")
    finally:
        closed_in.append(threading.current_thread())


def one_long_call(may_return: threading.Event) -> Job[str]:
    """Yield once and then be deaf, like UMAP."""
    yield Progress("Embedding")
    assert may_return.wait(30)
    yield Progress("Embedding", 1, 1)
    return "late"


def test_work_is_elsewhere_and_signals_come_on_the_gui_thread(qtbot: QtBot, runner: JobRunner) -> None:
    worked_in: list[threading.Thread] = []
    heard_in: list[object] = []

    def job() -> Job[str]:
        worked_in.append(threading.current_thread())
        yield Progress("Working", 1, 2)
        return "done"

    running = runner.start("Work", job())
    told = collect(running)
    for signal in (running.progressed, running.finished, running.ended):
        signal.connect(lambda *_: heard_in.append(QThread.currentThread()))
    with qtbot.waitSignal(running.released):
        pass
    assert told == [("finished", "done"), ("ended",), ("released",)]
    assert worked_in[0] is not threading.main_thread()
    assert len(heard_in) == 3
    assert set(heard_in) == {runner.thread()}


def test_one_after_the_other(qtbot: QtBot, runner: JobRunner) -> None:
    for n in (3, 5):
        running = runner.start("Count", count(n))
        assert runner.job is running
        with qtbot.waitSignal(running.finished) as finished, qtbot.waitSignal(runner.released):
            pass
        assert finished.args == [n]
        assert runner.job is None


def test_a_second_job_is_refused_in_a_sentence(qtbot: QtBot, runner: JobRunner) -> None:
    refused = count(3)
    running = runner.start("Training", until_closed([]))
    with pytest.raises(HistoclustError, match="Mapping: Training is still running, wait for it or cancel it"):
        runner.start("Mapping", refused)
    assert next(refused, "closed") == "closed"
    assert runner.job is running


def test_cancel_closes_the_job_in_its_own_thread_first(qtbot: QtBot, runner: JobRunner) -> None:
    closed_in: list[threading.Thread] = []
    running = runner.start("Train", until_closed(closed_in))
    told = collect(running)
    closed_at_end: list[bool] = []
    running.ended.connect(lambda: closed_at_end.append(bool(closed_in)))
    with qtbot.waitSignal(running.progressed):
        pass
    with qtbot.waitSignal(running.released):
        runner.cancel()
    assert told == [("cancelled",), ("ended",), ("released",)]
    assert closed_at_end == [True]
    assert closed_in[0] is not threading.main_thread()


def test_cancel_answers_even_in_one_long_call(qtbot: QtBot, runner: JobRunner) -> None:
    may_return = threading.Event()
    running = runner.start("UMAP", one_long_call(may_return))
    told = collect(running)
    with qtbot.waitSignal(running.progressed):
        pass
    with qtbot.waitSignal(running.cancelled):
        running.cancel()
    assert not may_return.is_set()
    assert _ANSWER_MS < 1000  # the window promises a second
    with pytest.raises(HistoclustError, match="Train: the cancelled UMAP is still winding up"):
        runner.start("Train", count(2))
    with qtbot.waitSignal(runner.released):
        may_return.set()
    assert told == [("cancelled",), ("ended",), ("released",)]


def test_a_result_that_beats_the_cancel_is_dropped(qtbot: QtBot, runner: JobRunner) -> None:
    """The job has returned, but the GUI thread has not heard of it when the user clicks Cancel."""
    returned = threading.Event()

    def job() -> Job[str]:
        yield Progress("Working")
        returned.set()
        return "result"

    running = runner.start("Work", job())
    told = collect(running)
    assert returned.wait(30) or running.has_ended
    running.cancel()
    with qtbot.waitSignal(running.released):
        pass
    assert told == [("cancelled",), ("ended",), ("released",)]


def test_a_mendable_error_is_told_as_its_sentence(
    qtbot: QtBot, runner: JobRunner, notifications: list[tuple[str, str]]
) -> None:
    def job() -> Job[None]:
        yield Progress("Reading")
        raise HistoclustError("a.tif: is cut off, copy it again.")

    running = runner.start("Read", job())
    told = collect(running)
    with qtbot.waitSignal(running.released):
        pass
    assert [what for what, *_ in told] == ["failed", "ended", "released"]
    assert notifications == [(str(NotificationSeverity.ERROR), "a.tif: is cut off, copy it again.")]


def test_any_other_error_goes_to_napari_whole(
    qtbot: QtBot, runner: JobRunner, notifications: list[tuple[str, str]]
) -> None:
    fault = ZeroDivisionError("a bug")

    def job() -> Job[None]:
        yield Progress("Reading")
        raise fault

    running = runner.start("Read", job())
    with qtbot.waitSignal(running.failed) as failed, qtbot.waitSignal(running.released):
        pass
    assert failed.args == [fault]
    assert notification_manager.records[-1].exception is fault
    assert "a bug" in notifications[0][1]


def test_a_flood_of_progress_is_thinned_but_its_last_word_arrives(qtbot: QtBot, runner: JobRunner) -> None:
    heard: list[Progress] = []
    running = runner.start("Count", count(20_000))
    running.progressed.connect(lambda progress, remaining: heard.append(progress))
    begin = time.monotonic()
    with qtbot.waitSignal(running.released):
        pass
    assert heard[-1].done == 20_000
    assert len(heard) <= 3 + (time.monotonic() - begin) / 0.5


def test_every_new_text_arrives(qtbot: QtBot, runner: JobRunner) -> None:
    def job() -> Job[None]:
        for text in "abcdefgh":
            yield Progress(text)

    heard: list[str] = []
    running = runner.start("Spell", job())
    running.progressed.connect(lambda progress, remaining: heard.append(progress.text))
    with qtbot.waitSignal(running.released):
        pass
    assert heard == list("abcdefgh")


def test_deleting_the_runner_stops_its_job(qtbot: QtBot) -> None:
    closed_in: list[threading.Thread] = []
    runner = JobRunner()
    running = runner.start("Train", until_closed(closed_in))
    with qtbot.waitSignal(running.progressed):
        pass
    runner.deleteLater()
    qtbot.waitUntil(lambda: bool(closed_in))
    assert closed_in[0] is not threading.main_thread()


def test_a_warning_in_the_job_is_logged(
    qtbot: QtBot, runner: JobRunner, caplog: pytest.LogCaptureFixture
) -> None:
    def job() -> Job[None]:
        import warnings

        warnings.warn("thin ice", stacklevel=1)
        yield Progress("Walking")

    running = runner.start("Walk", job())
    with qtbot.waitSignal(running.released):
        pass
    assert "Walk: thin ice" in caplog.text


def test_closing_napari_stops_the_job(
    qtbot: QtBot, runner: JobRunner, make_napari_viewer_proxy: Callable[..., Any]
) -> None:
    closed_in: list[threading.Thread] = []
    viewer = make_napari_viewer_proxy()
    running = runner.start("Train", until_closed(closed_in))
    told = collect(running)
    with qtbot.waitSignal(running.progressed):
        pass
    with qtbot.waitSignal(running.released):
        viewer.close()
    assert told == [("cancelled",), ("ended",), ("released",)]
    assert closed_in[0] is not threading.main_thread()


def test_progress_keeps_its_order_in_a_window(
    qtbot: QtBot, runner: JobRunner, make_napari_viewer_proxy: Callable[..., Any]
) -> None:
    """The activity dock runs the event loop each time it moves, so that later progress overtakes."""
    viewer = make_napari_viewer_proxy(show=True)
    assert viewer is not None
    heard: list[int] = []
    running = runner.start("Spell", steps(50))
    running.progressed.connect(lambda progress, remaining: heard.append(progress.done))
    with qtbot.waitSignal(running.released):
        pass
    assert heard == list(range(1, 51))
