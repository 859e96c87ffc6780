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

from napari_histoclust.core.validation.meanings import HIGH_IS_BETTER, INDEX_NAMES, MEANINGS, TITLES
from napari_histoclust.widgets._tips import header_item

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
        super().__init__(len(INDEX_NAMES), len(_COLUMNS), parent)
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
        for row, name in enumerate(INDEX_NAMES):
            values = ours.get(name), theirs.get(name)
            texts = (TITLES[name], "↑" if name in HIGH_IS_BETTER else "↓", *map(_figure, values))
            for column, text in enumerate(texts):
                self.setItem(row, column, _item(text, _hint(name), is_figure=column > 0))
            self._embolden(row, name, *values)
        self.resizeRowsToContents()
        height = sum(self.rowHeight(row) for row in range(self.rowCount()))
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + height + 4)

    def _embolden(self, row: int, name: str, ours: float | None, theirs: float | None) -> None:
        if ours is None or theirs is None or ours == theirs:
            return
        column = 2 if (ours > theirs) == (name in HIGH_IS_BETTER) else 3
        item: Any = self.item(row, column)
        font = item.font()
        font.setBold(True)
        item.setFont(font)


def _hint(name: str) -> str:
    way = "The higher the better." if name in HIGH_IS_BETTER else "The lower the better."
    return f"{MEANINGS[name]} {way}"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _item(text: str, hint: str, *, is_figure: bool) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    item.setToolTip(hint)
    side = Qt.AlignmentFlag.AlignRight if is_figure else Qt.AlignmentFlag.AlignLeft
    item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
    return item
