"""Tooltips, given where a widget is made."""

from __future__ import annotations

from typing import TypeVar

from qtpy.QtWidgets import QTableWidgetItem, QWidget

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
