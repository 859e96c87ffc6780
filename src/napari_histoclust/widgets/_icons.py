"""The pictures of `icons/`, in the colour of the text, so that they fit every theme."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from qtpy.QtCore import QByteArray, QRectF, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap
from qtpy.QtSvg import QSvgRenderer

_FOLDER = Path(__file__).parent / "icons"
_PX = 64  # drawn large, shown small: sharp on every screen
_DISABLED = 0.3
_SAME = {"back": "undo", "forward": "redo", "hide": "closed"}


def icon(name: str, colour: QColor) -> QIcon:
    """Return a picture by the name of its file; it is fainter on a button that is off."""
    drawn = QIcon()
    faint = QColor(colour)
    faint.setAlphaF(_DISABLED)
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
    painter.setOpacity(colour.alphaF())
    svg = _read(_SAME.get(name, name)).replace("currentColor", colour.name())
    QSvgRenderer(QByteArray(svg.encode())).render(painter, place)
    painter.restore()


@cache
def _read(name: str) -> str:
    return (_FOLDER / f"{name}.svg").read_text(encoding="utf-8")
