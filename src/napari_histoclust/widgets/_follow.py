"""Listening to the session without outliving the widget."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari_histoclust.widgets._ends import when_deleted

if TYPE_CHECKING:
    from psygnal import SignalInstance
    from qtpy.QtCore import QObject


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
