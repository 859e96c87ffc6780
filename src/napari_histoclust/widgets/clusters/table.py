"""The table itself: sorting, choosing rows, the eye, typing names."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from qtpy.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from qtpy.QtGui import QFontMetrics, QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from napari_histoclust.session.cluster_table import COLOUR, NAME, SHOWN
from napari_histoclust.widgets.clusters.model import SORT_ROLE, ClusterModel, Place
from napari_histoclust.widgets.clusters.painting import RowDelegate

_SQUARE_PX, _NAME_PX, _PADDING_PX = 24, 96, 14


class ClusterTable(QTableView):
    """Shows a `ClusterModel`.

    Signals
    -------
    rows_chosen
        The user has chosen other rows; `choose` says nothing.
    eye_clicked : int
        The eye of a cluster was clicked.
    """

    rows_chosen = Signal()
    eye_clicked = Signal(int)

    def __init__(self, model: ClusterModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._clusters = model
        self._is_silent = False
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSortRole(SORT_ROLE)
        self._sorted.setSourceModel(model)
        self.setModel(self._sorted)
        self.setItemDelegate(RowDelegate(self))
        self._set_habits()
        self._sorted.modelReset.connect(self._on_sorted_reset)
        self.clicked.connect(self._on_self_clicked)

    def _set_habits(self) -> None:
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)  # Tab leaves the table
        self.setSortingEnabled(True)
        self.sortByColumn(COLOUR, Qt.SortOrder.AscendingOrder)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(QFontMetrics(self.font()).height() + 9)
        self.horizontalHeader().setMinimumSectionSize(_SQUARE_PX)
        self.horizontalHeader().setHighlightSections(False)

    def chosen(self) -> tuple[int, ...]:
        """Return the ids of the chosen clusters, in rising order."""
        rows = self.selectionModel().selectedRows()
        return tuple(sorted(self._id_at(index) for index in rows))

    def choose(self, clusters: Collection[int]) -> None:
        """Choose these rows and no others, without notifying."""
        wanted = QItemSelection()
        for cluster in clusters:
            place = self._sorted.mapFromSource(self._clusters.place(cluster, COLOUR))
            wanted.select(place, place)
        flags = QItemSelectionModel.SelectionFlag
        self._is_silent = True
        self.selectionModel().select(wanted, flags.ClearAndSelect | flags.Rows)
        self._is_silent = False

    def edit_name(self, cluster: int) -> None:
        """Let the name of a cluster be typed."""
        place = self._sorted.mapFromSource(self._clusters.place(cluster, NAME))
        self.scrollTo(place)
        self.selectionModel().setCurrentIndex(place, QItemSelectionModel.SelectionFlag.NoUpdate)
        self.edit(place)

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:  # noqa: N802
        """Tell of a choice that was not made by `choose`."""
        super().selectionChanged(selected, deselected)
        if not self._is_silent:
            self.rows_chosen.emit()

    def selectionCommand(self, index: Place, event: QEvent | None = None) -> Any:  # noqa: N802 - Qt's name
        """Leave the choice of rows alone where the eye is clicked."""
        if index.column() == SHOWN and _is_of_mouse(event):
            return QItemSelectionModel.SelectionFlag.NoUpdate
        return super().selectionCommand(index, event)

    def _id_at(self, index: QModelIndex) -> int:
        return self._clusters.rows[self._sorted.mapToSource(index).row()].id

    def _on_self_clicked(self, index: QModelIndex) -> None:
        if index.column() == SHOWN:
            self.eye_clicked.emit(self._id_at(index))

    def _on_sorted_reset(self) -> None:
        """Give each column its width; measured by hand, as Qt would measure every place of it."""
        header, metrics = self.horizontalHeader(), QFontMetrics(self.font())
        for number, column in enumerate(self._clusters.columns):
            if number in (SHOWN, COLOUR):
                header.setSectionResizeMode(number, QHeaderView.ResizeMode.Fixed)
                header.resizeSection(number, _SQUARE_PX)
            elif number != NAME:
                texts = (column.title, column.widest)
                needed = max(metrics.horizontalAdvance(text) for text in texts)
                header.resizeSection(number, needed + _PADDING_PX)
        self._fill()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Give the names what the numbers leave."""
        super().resizeEvent(event)
        self._fill()

    def _fill(self) -> None:
        header = self.horizontalHeader()
        if self._clusters.columns:
            others = header.length() - header.sectionSize(NAME)
            header.resizeSection(NAME, max(_NAME_PX, self.viewport().width() - others))


def _is_of_mouse(event: QEvent | None) -> bool:
    kinds = QEvent.Type
    mouse = (kinds.MouseButtonPress, kinds.MouseButtonRelease, kinds.MouseMove, kinds.MouseButtonDblClick)
    return event is not None and event.type() in mouse
