"""Labels and controls as all docks make them."""

from __future__ import annotations

from typing import TypeVar

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QLabel, QTableWidgetItem, QWidget

W = TypeVar("W", bound=QWidget)


def tipped(widget: W, hint: str) -> W:
    """Return the widget with a tooltip."""
    widget.setToolTip(hint)
    return widget


def header_item(caption: str, hint: str) -> QTableWidgetItem:
    """Return the head of a table's column."""
    item = QTableWidgetItem(caption)
    item.setToolTip(hint)
    return item


def section(text: str) -> QLabel:
    """Return a heading, with some room above it."""
    label = QLabel(text)
    label.setContentsMargins(0, 6, 0, 0)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    return label


def prose(text: str = "") -> QLabel:
    """Return a label that wraps its lines and whose words can be copied."""
    label = QLabel(text, wordWrap=True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


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
