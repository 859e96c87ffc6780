"""The pictures on the buttons and in the table, in the colour of the text, so that they fit every theme."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap

_SIDE = 16.0  # units in which the pictures are drawn
_PX = 64  # drawn large, shown small: sharp on every screen


def icon(name: str, colour: QColor) -> QIcon:
    """Return a picture; it is half as strong on a button that is off."""
    drawn = QIcon()
    faint = QColor(colour)
    faint.setAlphaF(0.3)
    for mode, shade in ((QIcon.Mode.Normal, colour), (QIcon.Mode.Disabled, faint)):
        pixmap = QPixmap(_PX, _PX)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        paint(painter, name, QRectF(0, 0, _PX, _PX), shade)
        painter.end()
        drawn.addPixmap(pixmap, mode)
    return drawn


def paint(painter: QPainter, name: str, place: QRectF, colour: QColor) -> None:
    """Paint a picture into a square."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(place.topLeft())
    painter.scale(place.width() / _SIDE, place.height() / _SIDE)
    painter.setPen(
        QPen(colour, 1.4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    )
    painter.setBrush(Qt.BrushStyle.NoBrush)
    PICTURES[name](painter)
    painter.restore()


def _lines(painter: QPainter, *points: tuple[float, float]) -> None:
    """One stroke through these points."""
    path = QPainterPath(QPointF(*points[0]))
    for point in points[1:]:
        path.lineTo(QPointF(*point))
    painter.drawPath(path)


def _dot(painter: QPainter, x: float, y: float, radius: float) -> None:
    painter.save()
    painter.setBrush(painter.pen().color())
    painter.drawEllipse(QPointF(x, y), radius, radius)
    painter.restore()


def _rename(painter: QPainter) -> None:
    """A pencil."""
    _lines(painter, (2.5, 13.5), (3.5, 10), (11, 2.5), (13.5, 5), (6, 12.5), (2.5, 13.5))
    _lines(painter, (9.3, 4.2), (11.8, 6.7))


def _recolour(painter: QPainter) -> None:
    """A drop."""
    path = QPainterPath(QPointF(8, 1.8))
    path.cubicTo(10, 5, 12.5, 7.5, 12.5, 10)
    path.cubicTo(12.5, 12.8, 10.5, 14.3, 8, 14.3)
    path.cubicTo(5.5, 14.3, 3.5, 12.8, 3.5, 10)
    path.cubicTo(3.5, 7.5, 6, 5, 8, 1.8)
    painter.drawPath(path)
    painter.drawArc(QRectF(5.5, 7, 5, 5), 200 * 16, 70 * 16)


def _merge(painter: QPainter) -> None:
    """Two into one."""
    _lines(painter, (2, 3.5), (5, 3.5), (8.5, 8), (13.5, 8))
    _lines(painter, (2, 12.5), (5, 12.5), (8.5, 8))
    _lines(painter, (11, 5.5), (13.5, 8), (11, 10.5))


def _split(painter: QPainter) -> None:
    """One into two."""
    _lines(painter, (2, 8), (6, 8), (9.5, 3.5), (13.5, 3.5))
    _lines(painter, (6, 8), (9.5, 12.5), (13.5, 12.5))
    _lines(painter, (11.5, 1.5), (13.5, 3.5), (11.5, 5.5))
    _lines(painter, (11.5, 10.5), (13.5, 12.5), (11.5, 14.5))


def _open(painter: QPainter) -> None:
    """An eye."""
    path = QPainterPath(QPointF(1.5, 8))
    path.quadTo(8, -0.5, 14.5, 8)
    path.quadTo(8, 16.5, 1.5, 8)
    painter.drawPath(path)
    _dot(painter, 8, 8, 1.7)


def _closed(painter: QPainter) -> None:
    """An eye with its lid down."""
    path = QPainterPath(QPointF(1.5, 7))
    path.quadTo(8, 14, 14.5, 7)
    painter.drawPath(path)
    for x, y, to_x, to_y in ((3.6, 9, 2.2, 11), (8, 10.6, 8, 13), (12.4, 9, 13.8, 11)):
        _lines(painter, (x, y), (to_x, to_y))


def _only(painter: QPainter) -> None:
    """An eye in a frame."""
    painter.save()
    painter.translate(8, 8)
    painter.scale(0.62, 0.62)
    painter.translate(-8, -8)
    _open(painter)
    painter.restore()
    for x, y, to_x, to_y in ((1.5, 1.5, 1, 1), (14.5, 1.5, -1, 1), (1.5, 14.5, 1, -1), (14.5, 14.5, -1, -1)):
        _lines(painter, (x + 3 * to_x, y), (x, y), (x, y + 3 * to_y))


def _artefact(painter: QPainter) -> None:
    """A flag."""
    _lines(painter, (3.5, 14.5), (3.5, 2), (12.5, 2.8), (10, 5.7), (12.5, 8.6), (3.5, 9.2))


def _carve(painter: QPainter) -> None:
    """A loop with a plus in it."""
    pen = painter.pen()
    dashed = QPen(pen)
    dashed.setDashPattern([2, 2.2])
    painter.setPen(dashed)
    painter.drawEllipse(QRectF(1.5, 1.5, 13, 13))
    painter.setPen(pen)
    _lines(painter, (8, 5), (8, 11))
    _lines(painter, (5, 8), (11, 8))


def _undo(painter: QPainter) -> None:
    _lines(painter, (6.5, 2.5), (3, 6), (6.5, 9.5))
    path = QPainterPath(QPointF(3, 6))
    path.lineTo(9, 6)
    path.cubicTo(15, 6, 15, 13, 9, 13)
    painter.drawPath(path)


def _redo(painter: QPainter) -> None:
    painter.translate(_SIDE, 0)
    painter.scale(-1, 1)
    _undo(painter)


PICTURES: dict[str, Callable[[QPainter], None]] = {
    "rename": _rename,
    "recolour": _recolour,
    "merge": _merge,
    "split": _split,
    "hide": _closed,
    "open": _open,
    "closed": _closed,
    "only": _only,
    "artefact": _artefact,
    "carve": _carve,
    "undo": _undo,
    "redo": _redo,
}
"""How each picture is drawn, by its name."""
