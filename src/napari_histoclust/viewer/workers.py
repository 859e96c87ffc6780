"""Background workers that napari knows of."""

from __future__ import annotations

from typing import Any

from napari.qt import threading
from napari.qt.threading import WorkerBase, WorkerBaseSignals

__all__ = ["WorkerBase", "WorkerBaseSignals", "create_worker"]


def create_worker(worker_class: type, task: object) -> Any:
    """Make a worker that napari knows of: it asks before closing while the worker runs, then stops it.

    Parameters
    ----------
    worker_class : type
        A superqt WorkerBase that takes `task`.
    task : object
        What to do; its `str` stands in napari's question.
    """
    return threading.create_worker(task, _worker_class=worker_class, _ignore_errors=True, _start_thread=False)
