"""What is to happen when Qt deletes something."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qtpy.QtCore import QObject


def when_deleted(owner: QObject, act: Callable[..., object], *given: object) -> None:
    """Call `act(*given)` once, when Qt deletes `owner` or Python collects it, whichever is first.

    A finalizer is kept by its class, which a connection alone does not do: where Python collects the owner in
    another thread, PyQt leaves the deleting to the owner's own, and calls what Python has emptied meanwhile;
    the process ends there. PySide calls nothing at all when Python collects.

    Parameters
    ----------
    owner : QObject
    act : callable
        No method of `owner`: Qt never calls one of the object that is going.
    *given
        None of them may hold `owner`, which would then never be collected.
    """
    end = weakref.finalize(owner, act, *given)
    end.atexit = False
    owner.destroyed.connect(end)
