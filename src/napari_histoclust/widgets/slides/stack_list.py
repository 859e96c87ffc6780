"""The list of slides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem, QSizePolicy, QStyle, QWidget
from superqt.utils import signals_blocked

from napari_histoclust.session.forms.numbers import format_scale, format_size

if TYPE_CHECKING:
    from napari_histoclust.core.slides.stack import Stack

_ROWS_SEEN = 4


class StackList(QListWidget):
    """Slides with stains, size, scale and warnings.

    Signals
    -------
    chosen : int
        The user wants to see this slide.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setWordWrap(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAcceptDrops(False)  # the dock takes what is dropped
        self.currentRowChanged.connect(self._on_self_row_changed)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return the size at which all slides are seen, or four of them."""
        rows = min(self.count(), _ROWS_SEEN)
        return QSize(280, sum(self.sizeHintForRow(row) for row in range(rows)) + 2 * self.frameWidth() + 4)

    def show_stacks(self, stacks: Sequence[Stack], shown: int) -> None:
        """List other slides."""
        with signals_blocked(self):
            self.clear()
            for stack in stacks:
                self.addItem(self._item(stack))
            self.setCurrentRow(shown if stacks else -1)
        self.updateGeometry()

    def show_row(self, shown: int) -> None:
        """Mark the slide that is shown."""
        with signals_blocked(self):
            self.setCurrentRow(shown)

    def _item(self, stack: Stack) -> QListWidgetItem:
        item = QListWidgetItem("\n".join(_lines(stack)))
        item.setToolTip(_tooltip(stack))
        if stack.warnings:
            item.setIcon(self.style().standardIcon(QStyle.StandardPixmap.SP_MessageBoxWarning))
        return item

    def _on_self_row_changed(self, row: int) -> None:
        if row >= 0:
            self.chosen.emit(row)


def _lines(stack: Stack) -> tuple[str, ...]:
    height, width = stack.shapes[0]
    return (
        stack.name,
        f"{', '.join(stack.stains)}",
        f"{width:,} × {height:,} px, {format_scale(stack.um_per_px)}",
    )


def _tooltip(stack: Stack) -> str:
    """All there is to know, the warnings last."""
    return "\n".join(
        (
            str(stack.path),
            f"Stains: {', '.join(stack.stains)}; {stack.reference} is the reference.",
            format_size(stack.shapes[0], stack.um_per_px),
            *(f"⚠ {warning}" for warning in stack.warnings),
        )
    )
