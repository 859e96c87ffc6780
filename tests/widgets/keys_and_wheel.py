"""Typing into the boxes of a form, key by key."""

from __future__ import annotations

from typing import Any

from pytestqt.qtbot import QtBot
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QFocusEvent, QKeySequence, QWheelEvent
from qtpy.QtWidgets import QApplication, QWidget

TAB = Qt.FocusReason.TabFocusReason


def type_over(qtbot: QtBot, box: QWidget, text: str) -> None:
    """Select all and type."""
    qtbot.keySequence(box, QKeySequence(QKeySequence.StandardKey.SelectAll))
    qtbot.keyClicks(box, text)


def paste_over(qtbot: QtBot, box: QWidget, text: str) -> None:
    """Select all and paste."""
    QApplication.clipboard().setText(text)
    qtbot.keySequence(box, QKeySequence(QKeySequence.StandardKey.SelectAll))
    qtbot.keySequence(box, QKeySequence(QKeySequence.StandardKey.Paste))


def leave(box: QWidget, reason: Qt.FocusReason = TAB) -> None:
    """Take the focus away, as Tab does."""
    QApplication.sendEvent(box, QFocusEvent(QEvent.Type.FocusOut, reason))


def takes_the_wheel(widget: Any) -> bool:
    """Whether a widget keeps one notch of the wheel for itself; Qt offers it to the parent if not."""
    place = widget.rect().center()
    wheel = QWheelEvent(
        QPointF(place), QPointF(widget.mapToGlobal(place)), QPoint(0, 120), QPoint(0, 120),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, wheel)
    return bool(wheel.isAccepted())
