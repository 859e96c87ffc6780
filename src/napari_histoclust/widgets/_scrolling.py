"""The wheel over a dock scrolls the dock; it changes no choice that it happens to pass."""

from __future__ import annotations

from typing import TypeVar

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QWidget

W = TypeVar("W", bound=QWidget)


def scrolled_past(box: W) -> W:
    """Return the box, which leaves the wheel to what it lies in, whether it has the focus or not."""
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # not the wheel's
    box.installEventFilter(_WheelGuard(box))
    return box


class _WheelGuard(QObject):
    def eventFilter(self, _watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 - Qt's name
        if event is None or event.type() != QEvent.Type.Wheel:
            return False
        event.ignore()
        return True
