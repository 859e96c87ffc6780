"""What is to happen when Qt deletes an object, and listening to the session no longer than that."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject

if TYPE_CHECKING:
    from psygnal import SignalInstance


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


def follow(owner: QObject, signal: SignalInstance, slot: Callable[..., Any]) -> None:
    """Call `slot` on each `signal` until `owner` is destroyed.

    A method connected by itself is still called when Qt has deleted the widget but Python has not; it raises,
    and no other view hears of that change. `owner.destroyed.connect(owner.method)` does not help: Qt never
    calls a method of the object that is going.

    Parameters
    ----------
    owner : QObject
        Whose life counts.
    signal : psygnal.SignalInstance
        What to listen to.
    slot : bound method
        Kept weakly. A function or lambda would live as long as the signal and is refused.

    Raises
    ------
    TypeError
        If `slot` is no bound method.
    """
    method = weakref.WeakMethod(slot)
    signal.connect(slot)
    when_deleted(owner, _forget, signal, method)


def _forget(signal: SignalInstance, method: weakref.WeakMethod[Callable[..., Any]]) -> None:
    slot = method()
    if slot is not None:
        signal.disconnect(slot)
