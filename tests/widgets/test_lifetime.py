"""What is to happen when Qt deletes something happens, whoever collects its Python side."""

from __future__ import annotations

import gc
import threading

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QObject, QTimer

from napari_histoclust.widgets._lifetime import when_deleted
from widgets.deletion import delete

pytestmark = pytest.mark.gui


class Owner(QObject):
    """Hangs in a cycle with a child that has a timer, as docks and their readers do."""

    def __init__(self) -> None:
        super().__init__()
        self.child = QObject(self)
        self.timer = QTimer(self.child)
        self.itself = self


def test_it_happens_once(qtbot: QtBot) -> None:
    happened: list[str] = []
    owner = Owner()
    when_deleted(owner, happened.append, "owner")
    when_deleted(owner.child, happened.append, "child")
    delete(qtbot, owner)
    assert happened == ["owner", "child"]
    del owner
    gc.collect()
    assert happened == ["owner", "child"]


def test_it_happens_where_another_thread_collects(qtbot: QtBot) -> None:
    happened: list[str] = []
    for _ in range(20):
        owner = Owner()
        when_deleted(owner.child, happened.append, "gone")
    del owner
    thread = threading.Thread(target=gc.collect)
    thread.start()
    thread.join()
    delete(qtbot, QObject())  # after all that PyQt has left to this thread
    assert happened == ["gone"] * 20
