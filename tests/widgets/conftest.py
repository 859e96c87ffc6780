"""What every test of a widget must leave behind: nothing."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pytestqt.exceptions import TimeoutError
from qtpy.QtCore import QEvent, QThreadPool
from qtpy.QtWidgets import QApplication

from napari_histoclust.viewer.host import Host


def left_over() -> list[str]:
    """What is still there of ours: widgets, with their timers, and threads."""
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QApplication.processEvents()
    widgets = (f"{type(w).__module__}.{type(w).__name__}" for w in QApplication.allWidgets())
    threads = (thread.name for thread in threading.enumerate())
    return [
        *(name for name in widgets if name.startswith("napari_histoclust")),
        *(name for name in threads if name.startswith("histoclust")),
        *["a job in Qt's pool"] * (QThreadPool.globalInstance().activeThreadCount() > 0),
    ]


@pytest.fixture(autouse=True)
def nothing_is_left(qapp: Any, qtbot: Any) -> Iterator[None]:
    """No widget or thread of ours outlives its test; what hangs in cycles is collected first.

    Python collects on the GUI thread meanwhile, as it does where napari opens one of our docks.
    """
    leave = Host().stay()
    yield
    leave()
    if not left_over():
        return
    gc.collect()
    try:
        qtbot.waitUntil(lambda: not left_over(), timeout=5_000)
    except TimeoutError:
        pytest.fail(f"left behind: {left_over()}")
