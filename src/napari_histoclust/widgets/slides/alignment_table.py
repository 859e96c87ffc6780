"""How the stains of a slide lie on one another, as a table and as maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_histoclust.core.alignment.verdict import length_in_words
from napari_histoclust.widgets._controls import header_item
from napari_histoclust.widgets.slides.region_maps import RegionMaps

if TYPE_CHECKING:
    from napari_histoclust.core.alignment import StainAlignment
    from napari_histoclust.core.slides.stack import Stack

_COLUMNS = {
    "Stain": "Compared with the reference stain.",
    "Overlap": "How much of the tissue is tissue in both stains: 1 is all, below 0.6 is worth a look.",
    "Shift": "How far the stain would have to be moved to lie best on the reference; a dash where the two "
    "look too unlike to tell.",
    "Regions": "How many regions of the slide tell a shift; the others hold too little tissue or are too "
    "unlike.",
}


class AlignmentTable(QWidget):
    """Overlap and shift of each stain, sentences where something seems wrong, maps. Hidden where unknown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table = QTableWidget(0, len(_COLUMNS), self)
        for column, (caption, hint) in enumerate(_COLUMNS.items()):
            self._table.setHorizontalHeaderItem(column, header_item(caption, hint))
        self._table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self._table.verticalHeader().hide()
        self._table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self._table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._words = QLabel(self, wordWrap=True)
        self.maps = RegionMaps(self)
        below = QVBoxLayout(self)
        below.setContentsMargins(0, 0, 0, 0)
        below.addWidget(self._table)
        below.addWidget(self._words)
        below.addWidget(self.maps)

    def text(self) -> str:
        """Return the sentences below the table."""
        return str(self._words.text())

    def show_alignment(self, alignment: tuple[Stack, tuple[StainAlignment, ...]] | None) -> None:
        """Show how the stains of a slide lie on one another; None where it was not checked."""
        self.setVisible(alignment is not None)
        if alignment is None:
            return
        stack, lines = alignment
        self._table.setRowCount(len(lines))
        for row, line in enumerate(lines):
            for column, text in enumerate(_cells(line, stack.um_per_px)):
                item = QTableWidgetItem(text)
                item.setToolTip(line.warning)
                self._table.setItem(row, column, item)
        self._table.setVisible(bool(lines))
        self._fit_height()
        self._words.setText(_verdict(stack, lines))
        self.maps.show_lines(stack, lines)

    def _fit_height(self) -> None:
        rows = sum(self._table.rowHeight(row) for row in range(self._table.rowCount()))
        self._table.setFixedHeight(self._table.horizontalHeader().sizeHint().height() + rows + 4)


def _cells(line: StainAlignment, um_per_px: float | None) -> tuple[str, ...]:
    sign = "⚠ " if line.warnings else ""
    told = np.isfinite(line.regions.length_px)
    regions = f"{np.count_nonzero(told)} of {told.size}"
    return f"{sign}{line.stain}", f"{line.outline_dice:.2f}", _shift(line, um_per_px), regions


def _shift(line: StainAlignment, um_per_px: float | None) -> str:
    return "–" if line.shift_px is None else length_in_words(float(np.hypot(*line.shift_px)), um_per_px)


def _verdict(stack: Stack, lines: tuple[StainAlignment, ...]) -> str:
    if not lines:
        return "There is only one stain, so that there is nothing to compare."
    warnings = [f"⚠ {sentence}" for line in lines for sentence in line.warnings]
    return (
        "\n".join(warnings)
        or f"All stains lie on {stack.reference}, as far as their outlines and edges tell."
    )
