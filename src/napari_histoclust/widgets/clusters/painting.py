"""How the places of the table are painted, in the colours of the theme."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPalette, QPen
from qtpy.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from napari_histoclust.session.cluster_table import COLOUR, SELECTED, SHOWN
from napari_histoclust.widgets._icons import paint
from napari_histoclust.widgets.clusters.model import ROW_ROLE, Place

if TYPE_CHECKING:
    from napari_histoclust.session.cluster_table import Row

_FADED = 0.45  # opacity of what is hidden
_BAR_PX = 3


class RowDelegate(QStyledItemDelegate):
    """Fades hidden clusters, draws the eye, the colour, and a bar for the share that is selected."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: Place) -> None:  # noqa: N802 - Qt's name
        """Fade what is hidden."""
        super().initStyleOption(option, index)
        if index.data(ROW_ROLE).is_hidden:
            for role in (QPalette.ColorRole.Text, QPalette.ColorRole.HighlightedText):
                option.palette.setColor(role, _faded(option.palette.color(role)))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Place) -> None:
        """Paint a place."""
        super().paint(painter, option, index)
        row: Row = index.data(ROW_ROLE)
        if index.column() == SHOWN:
            _paint_eye(painter, option, row)
        elif index.column() == COLOUR:
            _paint_colour(painter, _square(option, 7), row)
        elif index.column() == SELECTED and row.selected:
            _paint_bar(painter, option, row.selected / row.summary.patches)


def _faded(colour: QColor) -> QColor:
    colour.setAlphaF(_FADED)
    return colour


def _square(option: QStyleOptionViewItem, margin_px: int) -> QRectF:
    side = min(option.rect.width(), option.rect.height()) - margin_px
    place = QRectF(0, 0, side, side)
    place.moveCenter(QRectF(option.rect).center())
    return place


def _paint_eye(painter: QPainter, option: QStyleOptionViewItem, row: Row) -> None:
    place = _square(option, 4)
    colour = option.palette.color(QPalette.ColorRole.Text)
    if row.is_hidden:
        paint(painter, "closed", place, _faded(colour))
    else:
        paint(painter, "open", place, colour)


def _paint_colour(painter: QPainter, place: QRectF, row: Row) -> None:
    """Filled, or only its outline where the cluster is hidden."""
    colour = QColor(row.summary.cluster.colour)
    if row.is_hidden:
        painter.save()
        painter.setPen(QPen(colour, 1.5))
        painter.drawRect(place.adjusted(1, 1, -1, -1))
        painter.restore()
    else:
        painter.fillRect(place, colour)


def _paint_bar(painter: QPainter, option: QStyleOptionViewItem, share: float) -> None:
    """Along the lower edge; never so short that it is not seen."""
    place = QRectF(option.rect).adjusted(3, 0, -3, -1)
    place.setTop(place.bottom() - _BAR_PX)
    painter.save()
    painter.setPen(Qt.PenStyle.NoPen)
    track = QColor(option.palette.color(QPalette.ColorRole.Text))
    track.setAlphaF(0.15)
    painter.fillRect(place, track)
    place.setWidth(max(2.0, place.width() * share))
    painter.fillRect(place, option.palette.color(QPalette.ColorRole.Text))
    painter.restore()
