"""The pictures on the buttons, drawn in the colour of the text, so that they fit every theme."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

_SIDE = 16.0  # units in which the pictures are drawn
_PX = 64  # drawn large, shown small: sharp on every screen


def icon(name: str, colour: QColor) -> QIcon:
    """Return a picture: lasso, rectangle, click, replace, add, remove, clear, back, forward, fit or names."""
    pixmap = QPixmap(_PX, _PX)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(_PX / _SIDE, _PX / _SIDE)
    painter.setPen(QPen(colour, 1.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    _PICTURES[name](painter)
    painter.end()
    return QIcon(pixmap)


def _lasso(painter: QPainter) -> None:
    path = QPainterPath(QPointF(5, 10.5))
    path.cubicTo(-1, 8, 3, 2, 9, 2)
    path.cubicTo(16, 2, 16, 9.5, 9, 10.5)
    path.cubicTo(6, 11, 3.5, 10.5, 4.5, 12)
    path.cubicTo(5, 13, 4, 14.5, 2.5, 14)
    painter.drawPath(path)


def _rectangle(painter: QPainter) -> None:
    _dash(painter)
    painter.drawRect(QRectF(2, 3, 12, 10))


def _click(painter: QPainter) -> None:
    corners = [(4, 1.5), (4, 12.5), (7, 9.8), (9, 14), (11, 13), (9, 9), (13, 9)]
    painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in corners]))


def _replace(painter: QPainter) -> None:
    _dash(painter)
    painter.drawEllipse(QRectF(2, 2, 12, 12))


def _add(painter: QPainter) -> None:
    _line(painter, (8, 3), (8, 13))
    _remove(painter)


def _remove(painter: QPainter) -> None:
    _line(painter, (3, 8), (13, 8))


def _clear(painter: QPainter) -> None:
    _line(painter, (4, 4), (12, 12))
    _line(painter, (4, 12), (12, 4))


def _back(painter: QPainter) -> None:
    _line(painter, (3, 6), (6.5, 2.5))
    _line(painter, (3, 6), (6.5, 9.5))
    path = QPainterPath(QPointF(3, 6))
    path.lineTo(9, 6)
    path.cubicTo(15, 6, 15, 13, 9, 13)
    painter.drawPath(path)


def _forward(painter: QPainter) -> None:
    painter.translate(_SIDE, 0)
    painter.scale(-1, 1)
    _back(painter)


def _fit(painter: QPainter) -> None:
    for x, y, to_x, to_y in ((2, 2, 1, 1), (14, 2, -1, 1), (2, 14, 1, -1), (14, 14, -1, -1)):
        _line(painter, (x, y), (x + 4 * to_x, y))
        _line(painter, (x, y), (x, y + 4 * to_y))
    painter.drawPoint(QPointF(8, 8))


def _names(painter: QPainter) -> None:
    _line(painter, (3, 3), (13, 3))
    _line(painter, (8, 3), (8, 13.5))


def _dash(painter: QPainter) -> None:
    pen = painter.pen()
    pen.setDashPattern([2, 2])
    painter.setPen(pen)


def _line(painter: QPainter, start: tuple[float, float], end: tuple[float, float]) -> None:
    painter.drawLine(QPointF(*start), QPointF(*end))


_PICTURES: dict[str, Callable[[QPainter], None]] = {
    "lasso": _lasso,
    "rectangle": _rectangle,
    "click": _click,
    "replace": _replace,
    "add": _add,
    "remove": _remove,
    "clear": _clear,
    "back": _back,
    "forward": _forward,
    "fit": _fit,
    "names": _names,
}
