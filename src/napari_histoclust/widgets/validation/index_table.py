"""The indices of a clustering beside those of k-means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from napari_histoclust.core.validation.measures import INDICES, Index
from napari_histoclust.widgets._controls import header_item

if TYPE_CHECKING:
    from napari_histoclust.session.dock_states import Document

_COLUMNS = {
    "Index": "Point at one to read what it means.",
    "Better": "Which way is better: up or down.",
    "Clusters": "Of the clusters as the model gave them, before merges and splits; the better one is bold.",
    "k-means": "Of k-means with as many clusters, on the same features.",
}


class IndexTable(QTableWidget):
    """One row an index: which way is better, ours, and k-means."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(len(INDICES), len(_COLUMNS), parent)
        for column, (caption, hint) in enumerate(_COLUMNS.items()):
            self.setHorizontalHeaderItem(column, header_item(caption, hint))
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().hide()
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def show_document(self, document: Document) -> None:
        """Show what validation.json holds."""
        ours, theirs = document["indices"], document.get("kmeans", {}).get("indices", {})
        for row, index in enumerate(INDICES.values()):
            values = ours.get(index.name), theirs.get(index.name)
            texts = (index.title, "↑" if index.better == "high" else "↓", *map(_figure, values))
            hint = f"{index.meaning} The {index.better}er the better."
            for column, text in enumerate(texts):
                self.setItem(row, column, _item(text, hint, is_figure=column > 0))
            self._embolden(row, index, *values)
        self.resizeRowsToContents()
        height = sum(self.rowHeight(row) for row in range(self.rowCount()))
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + height + 4)

    def _embolden(self, row: int, index: Index, ours: float | None, theirs: float | None) -> None:
        if ours is None or theirs is None or ours == theirs:
            return
        column = 2 if index.is_better(ours, theirs) else 3
        item: Any = self.item(row, column)
        font = item.font()
        font.setBold(True)
        item.setFont(font)


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _item(text: str, hint: str, *, is_figure: bool) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    item.setToolTip(hint)
    side = Qt.AlignmentFlag.AlignRight if is_figure else Qt.AlignmentFlag.AlignLeft
    item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
    return item
