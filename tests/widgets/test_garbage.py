"""Qt's objects in cycles go on the GUI thread, whoever is allocating."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QApplication

from napari_histoclust.widgets._garbage import GuiThreadGarbage
from widgets.deletion import delete

pytestmark = pytest.mark.gui


class Cycle:
    """Something that hangs in a cycle and tells in which thread it goes."""

    def __init__(self, gone_in: list[int]) -> None:
        self.me = self
        self._gone_in = gone_in

    def __del__(self) -> None:
        self._gone_in.append(threading.get_ident())


@pytest.fixture
def garbage(qtbot: QtBot) -> Iterator[QObject]:
    owner = QObject()
    garbage = GuiThreadGarbage(owner)
    yield garbage
    delete(qtbot, owner)
    qtbot.waitUntil(gc.isenabled)


def allocate(gone_in: list[int], count: int) -> None:
    for _ in range(count):
        Cycle(gone_in)


@pytest.mark.usefixtures("garbage")
def test_what_a_thread_leaves_goes_on_the_gui_thread(qtbot: QtBot) -> None:
    gone_in: list[int] = []
    thread = threading.Thread(target=allocate, args=(gone_in, 20_000))
    thread.start()
    thread.join()
    assert gone_in == []
    qtbot.waitUntil(lambda: len(gone_in) == 20_000)
    assert set(gone_in) == {threading.get_ident()}


def test_python_gets_its_way_back_with_the_last_of_them(qtbot: QtBot) -> None:
    assert gc.isenabled()
    owners = [QObject(), QObject()]
    for owner in owners:
        GuiThreadGarbage(owner)
    assert not gc.isenabled()
    delete(qtbot, owners[0])
    QApplication.processEvents()
    assert not gc.isenabled()
    delete(qtbot, owners[1])
    qtbot.waitUntil(gc.isenabled)


def test_python_does_not_collect_while_qt_deletes(qtbot: QtBot) -> None:
    owner = QObject()
    GuiThreadGarbage(owner)
    sibling = QObject(owner)  # Qt deletes it after the one before it
    collecting: list[bool] = []
    sibling.destroyed.connect(lambda: collecting.append(gc.isenabled()))
    delete(qtbot, owner)
    assert collecting == [False]
    qtbot.waitUntil(gc.isenabled)


def test_old_objects_wait_until_the_job_has_ended(qtbot: QtBot, garbage: GuiThreadGarbage) -> None:
    gone_in: list[int] = []
    cycle = Cycle(gone_in)
    gc.collect()  # it is old now
    del cycle
    garbage.is_busy = True
    for _ in range(30):
        gc.collect(1)
    garbage.collect()
    assert gone_in == []
    garbage.is_busy = False
    garbage.collect()
    assert len(gone_in) == 1
