"""Small reading in a real background thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QThread

from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.widgets._reading import BackgroundReader
from widgets.deletion import delete

pytestmark = pytest.mark.gui


def reader_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("histoclust-reader")]


@pytest.fixture
def reader(qtbot: QtBot) -> Iterator[BackgroundReader]:
    reader = BackgroundReader()
    yield reader
    reader.close()
    qtbot.waitUntil(lambda: not reader_threads())


class Gate:
    """A job that waits in the thread until it may go on, and notes what happens to it."""

    def __init__(self) -> None:
        self.begun, self.may_go_on, self.closed = (threading.Event() for _ in range(3))

    def job(self) -> Job[str]:
        try:
            self.begun.set()
            assert self.may_go_on.wait(30)
            yield Progress("Reading")
            return "read"
        finally:
            self.closed.set()


def value(result: object, asked: list[object]) -> Job[object]:
    asked.append(result)
    yield Progress("Reading")
    return result


def arrivals(reader: BackgroundReader) -> list[tuple[object, object]]:
    heard: list[tuple[object, object]] = []
    reader.arrived.connect(lambda name, result: heard.append((name, result)))
    return heard


def test_results_come_in_order_on_the_gui_thread(qtbot: QtBot, reader: BackgroundReader) -> None:
    heard, asked, threads = arrivals(reader), [], []
    reader.arrived.connect(lambda *_: threads.append(QThread.currentThread()))
    reader.ask((name, partial(value, name * 2, asked)) for name in "cab")
    assert reader.waiting == ("c", "a", "b")
    qtbot.waitUntil(lambda: not reader.waiting)
    assert heard == [("c", "cc"), ("a", "aa"), ("b", "bb")]
    assert set(threads) == {reader.thread()}


def test_asking_anew_drops_what_has_not_begun(qtbot: QtBot, reader: BackgroundReader) -> None:
    gate, heard, asked = Gate(), arrivals(reader), []
    reader.ask([("gate", gate.job), ("old", partial(value, 1, asked)), ("kept", partial(value, 2, asked))])
    assert gate.begun.wait(30)
    reader.ask([("new", partial(value, 3, asked)), ("kept", partial(value, 4, asked))])
    gate.may_go_on.set()
    qtbot.waitUntil(lambda: not reader.waiting)
    assert heard == [("new", 3), ("kept", 4)]
    assert asked == [3, 4]
    assert gate.closed.is_set()


def test_what_has_begun_and_is_still_wanted_goes_on(qtbot: QtBot, reader: BackgroundReader) -> None:
    gate, heard, again = Gate(), arrivals(reader), Gate()
    reader.ask([("gate", gate.job)])
    assert gate.begun.wait(30)
    reader.ask([("gate", again.job)])
    gate.may_go_on.set()
    qtbot.waitUntil(lambda: bool(heard))
    assert heard == [("gate", "read")]
    assert not again.begun.is_set()


def test_an_error_is_told_and_the_rest_still_comes(qtbot: QtBot, reader: BackgroundReader) -> None:
    fault, told = ZeroDivisionError("a bug"), []
    heard = arrivals(reader)
    reader.failed.connect(lambda name, error: told.append((name, error)))

    def broken() -> Job[None]:
        yield Progress("Reading")
        raise fault

    reader.ask([("broken", broken), ("whole", partial(value, 1, []))])
    qtbot.waitUntil(lambda: not reader.waiting)
    assert told == [("broken", fault)]
    assert heard == [("whole", 1)]


def test_a_view_may_ask_again_while_it_is_told(qtbot: QtBot, reader: BackgroundReader) -> None:
    heard, asked = arrivals(reader), []
    reader.arrived.connect(
        lambda name, _: reader.ask([("later", partial(value, 9, asked))]) if name == "a" else None
    )
    reader.ask([("a", partial(value, 1, asked)), ("b", partial(value, 2, asked))])
    qtbot.waitUntil(lambda: ("later", 9) in heard)
    assert heard == [("a", 1), ("later", 9)]


def test_deleting_the_reader_ends_its_thread(qtbot: QtBot) -> None:
    gate, asked = Gate(), []
    reader = BackgroundReader()
    reader.ask([("gate", gate.job), ("next", partial(value, 1, asked))])
    assert gate.begun.wait(30)
    delete(qtbot, reader)
    gate.may_go_on.set()
    qtbot.waitUntil(lambda: not reader_threads())
    assert gate.closed.is_set()
    assert not asked


def test_a_closed_reader_takes_nothing_up(qtbot: QtBot, reader: BackgroundReader) -> None:
    asked: list[object] = []
    reader.close()
    reader.ask([("a", partial(value, 1, asked))])
    assert not reader.waiting


def test_an_idle_reader_has_no_timer_running(qtbot: QtBot, reader: BackgroundReader) -> None:
    reader.ask([("a", partial(value, 1, []))])
    qtbot.waitUntil(lambda: not reader.waiting)
    assert not reader._timer.isActive()
    reader.ask(())
    assert not reader._timer.isActive()
