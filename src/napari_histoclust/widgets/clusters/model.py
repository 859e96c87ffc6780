"""The rows of the table as Qt asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from qtpy.QtGui import QFont

from napari_histoclust.session.cluster_table import COLOUR, DASH, NAME, PATCHES, SHOWN, Column

if TYPE_CHECKING:
    from napari_histoclust.session.cluster_table import Row

Place = QModelIndex | QPersistentModelIndex
"""What Qt calls a model's methods with."""

SORT_ROLE = Qt.ItemDataRole.UserRole
ROW_ROLE = Qt.ItemDataRole.UserRole + 1

_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class ClusterModel(QAbstractTableModel):
    """Shows rows that it is given; a name typed into it is passed on.

    Signals
    -------
    renamed : int, str
        Id of a cluster and the name that was typed.
    """

    renamed = Signal(int, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: tuple[Row, ...] = ()
        self.columns: tuple[Column, ...] = ()

    def show(self, rows: Sequence[Row], columns: tuple[Column, ...]) -> None:
        """Show other rows; the same clusters keep their places, so that a choice of rows lives on."""
        before = self.rows
        if columns is self.columns and [row.id for row in rows] == [row.id for row in before]:
            self.rows = tuple(rows)
            for number in (i for i, row in enumerate(rows) if row != before[i]):
                self.dataChanged.emit(self.index(number, 0), self.index(number, len(columns) - 1))
            return
        self.beginResetModel()
        self.rows, self.columns = tuple(rows), columns
        self.endResetModel()

    def place(self, cluster: int, column: int) -> QModelIndex:
        """Return where a cluster stands."""
        return self.index([row.id for row in self.rows].index(cluster), column)

    def rowCount(self, parent: Place | None = None) -> int:  # noqa: N802 - Qt's names, here and below
        """Return the number of clusters."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Place | None = None) -> int:  # noqa: N802
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else len(self.columns)

    def flags(self, index: Place) -> Qt.ItemFlag:
        """Only names can be edited."""
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == NAME else flags

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return title and hint of a column."""
        if orientation != Qt.Orientation.Horizontal or section >= len(self.columns):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.columns[section].title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _LEFT if section <= NAME else _RIGHT
        return self.columns[section].hint if role == Qt.ItemDataRole.ToolTipRole else None

    def data(self, index: Place, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a place shows."""
        answer = _ANSWERS.get(role)
        return None if answer is None else answer(self.rows[index.row()], self.columns, index.column())

    def setData(  # noqa: N802
        self, index: Place, value: Any, role: int = Qt.ItemDataRole.EditRole
    ) -> bool:
        """Pass a typed name on; the session says whether it is taken."""
        if role != Qt.ItemDataRole.EditRole or index.column() != NAME:
            return False
        self.renamed.emit(self.rows[index.row()].id, str(value))
        return True


def _text(row: Row, columns: Sequence[Column], number: int) -> str:
    if number == NAME:
        return row.summary.cluster.name
    value = columns[number].value(row)
    return DASH if value is None else columns[number].text(value)  # type: ignore[arg-type]


def _sort_value(row: Row, columns: Sequence[Column], number: int) -> float | str:
    """What is missing stands below everything."""
    value = columns[number].value(row)
    return -1.0 if value is None else value


def _hint(row: Row, columns: Sequence[Column], number: int) -> str:
    if number in (SHOWN, COLOUR, NAME):
        return _sentence(row)
    if number == PATCHES:
        return f"{row.summary.share:.1%} of all patches"
    return columns[number].hint_for(row)


def _sentence(row: Row) -> str:
    """All that the marks of a row mean, in words."""
    marks = [
        *(["hidden"] if row.is_hidden else []),
        *(["marked as artefact"] if row.summary.cluster.artefact else []),
    ]
    return ", ".join([f"Cluster {row.id}: {row.summary.cluster.name}", *marks])


def _alignment(_: Row, __: Sequence[Column], number: int) -> Qt.AlignmentFlag:
    return _LEFT if number <= NAME else _RIGHT


def _font(row: Row, _: Sequence[Column], number: int) -> QFont | None:
    if number != NAME or not row.summary.cluster.artefact:
        return None
    font = QFont()
    font.setStrikeOut(True)
    return font


def _row(row: Row, _: Sequence[Column], __: int) -> Row:
    return row


def _accessible(row: Row, columns: Sequence[Column], number: int) -> str:
    return _sentence(row) if number <= NAME else _text(row, columns, number)


_ANSWERS = {
    Qt.ItemDataRole.DisplayRole: _text,
    Qt.ItemDataRole.EditRole: _text,
    Qt.ItemDataRole.ToolTipRole: _hint,
    Qt.ItemDataRole.TextAlignmentRole: _alignment,
    Qt.ItemDataRole.FontRole: _font,
    Qt.ItemDataRole.AccessibleTextRole: _accessible,
    SORT_ROLE: _sort_value,
    ROW_ROLE: _row,
}
