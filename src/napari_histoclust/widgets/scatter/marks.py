"""What is drawn over the points: names of clusters, the ring about the focus, a lasso in the making."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QColor, QFontMetricsF, QPainterPath, QPalette, QPen, QPolygonF

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QPainter

    from napari_histoclust.session.plot.camera import Camera

_RING_PX = 8.0
_HALO_PX = 3.0


class Name(NamedTuple):
    """A text in the middle of a place of the plane."""

    x: float
    y: float
    text: str


def draw_names(painter: QPainter, camera: Camera, names: Sequence[Name], palette: QPalette) -> None:
    """Write names with a halo, so that they can be read on points of any colour."""
    metrics = QFontMetricsF(painter.font())
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.WindingFill)
    for name in names:
        column, row = camera.to_canvas(name.x, name.y)
        left = column - metrics.horizontalAdvance(name.text) / 2
        path.addText(QPointF(left, row + metrics.capHeight() / 2), painter.font(), name.text)
    painter.strokePath(path, _pen(_ground(palette), _HALO_PX))
    painter.fillPath(path, _ink(palette))


def draw_ring(
    painter: QPainter, camera: Camera, place: tuple[float, float] | None, palette: QPalette
) -> None:
    """Draw a ring about a place of the plane."""
    if place is None:
        return
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (_pen(_ground(palette), 4), _pen(_ink(palette), 2)):
        painter.setPen(pen)
        painter.drawEllipse(QPointF(*camera.to_canvas(*place)), _RING_PX, _RING_PX)


def draw_outline(painter: QPainter, corners: NDArray[np.float64], palette: QPalette) -> None:
    """Draw a lasso or a rectangle that is being made."""
    polygon = QPolygonF([QPointF(column, row) for column, row in corners])
    fill = _ink(palette)
    fill.setAlphaF(0.08)
    painter.setBrush(fill)
    painter.setPen(_pen(_ground(palette), 3))
    painter.drawPolygon(polygon, Qt.FillRule.WindingFill)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(_pen(_ink(palette), 1))
    painter.drawPolygon(polygon)


def _ink(palette: QPalette) -> QColor:
    return QColor(palette.color(QPalette.ColorRole.WindowText))


def _ground(palette: QPalette) -> QColor:
    return QColor(palette.color(QPalette.ColorRole.Window))


def _pen(colour: QColor, width: float) -> QPen:
    return QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
