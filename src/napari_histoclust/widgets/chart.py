"""A small line chart in the colours of the window, quick enough to follow a training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPalette, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

COLOURS = ("#4f8fdc", "#e0705a", "#3fae74", "#9a9a9a", "#c9963c")
"""Told apart by colour-blind eyes, and read on a dark and on a light ground."""

_LINE_PX, _MARK_PX = 1.6, 2.4
_MARKS_UP_TO = 30  # points, beyond which marks would only blur the line
_FAINT, _BAND = 70, 45  # opacity of 255
_SHADE, _SHADE_OPACITY = "#e8b400", 40


@dataclass(frozen=True, eq=False)
class Line:
    """One line of a chart.

    Parameters
    ----------
    name : str
        What the legend says.
    x, y : (n,) float64
        Points with a y that is not finite are left out.
    spread : (n,) float64, optional
        Half height of the band around the line; NaN for none.
    colour : str
        "#rrggbb".
    is_dashed : bool
    """

    name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    spread: NDArray[np.float64] | None = None
    colour: str = COLOURS[0]
    is_dashed: bool = False

    def known(self) -> Line:
        """Return the line without the points that have no value."""
        rows = np.isfinite(self.y) & np.isfinite(self.x)
        spread = np.zeros(len(self.y)) if self.spread is None else np.nan_to_num(self.spread)
        return Line(self.name, self.x[rows], self.y[rows], spread[rows], self.colour, self.is_dashed)


def round_steps(low: float, high: float, at_most: int = 4) -> list[float]:
    """Return the multiples of 1, 2 or 5 times a power of ten from low to high, at most so many."""
    width = high - low
    if not width > 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(width / at_most))
    step = next(s * power for s in (1, 2, 5, 10, 20) if math.floor(width / (s * power)) + 1 <= at_most)
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


class Chart(QWidget):
    """Lines over a common axis, with a title and a legend.

    Parameters
    ----------
    title, x_title : str
    rows : int
        Height in lines of text.
    """

    def __init__(
        self, title: str = "", x_title: str = "", rows: int = 8, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._rows = rows
        self._title, self._x_title = title, x_title
        self.lines: tuple[Line, ...] = ()
        self._range: tuple[float, float] | None = None
        self.shaded: tuple[float, float] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_lines(
        self,
        lines: Sequence[Line],
        title: str | None = None,
        x_range: tuple[float, float] | None = None,
        shaded: tuple[float, float] | None = None,
    ) -> None:
        """Draw other lines; the x axis covers them, or `x_range` where it is given; part of it is shaded."""
        self._title = self._title if title is None else title
        self.lines, self._range = tuple(line.known() for line in lines), x_range
        self.shaded = shaded
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return the usual size: as wide as it may be."""
        return QSize(160, self._rows * self.fontMetrics().height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return the smallest size."""
        return QSize(110, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Paint everything anew; 300 points take well under a millisecond."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        _Painting(painter, self.palette().color(QPalette.ColorRole.WindowText), QRectF(self.rect())).draw(
            self._title, self._x_title, [line for line in self.lines if len(line.x)], self._range, self.shaded
        )
        painter.end()


class _Painting:
    """One painting of a chart."""

    def __init__(self, painter: QPainter, ink: QColor, area: QRectF) -> None:
        self._painter, self._ink, self._area = painter, ink, area
        self._faint = QColor(ink)
        self._faint.setAlpha(_FAINT)
        self._height = painter.fontMetrics().height()
        self._small = painter.font()
        self._small.setPointSizeF(max(6.0, self._small.pointSizeF() * 0.85))

    def draw(
        self,
        title: str,
        x_title: str,
        lines: list[Line],
        x_range: tuple[float, float] | None,
        shaded: tuple[float, float] | None,
    ) -> None:
        self._text(self._area, title, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self._painter.setFont(self._small)
        if not lines:
            return
        x = x_range or _ends([line.x for line in lines])
        y = _widened(_ends([line.y - s for line in lines for s in (line.spread, -line.spread)]))  # type: ignore[operator]
        self._lay_out(round_steps(*y), x, y)
        if shaded is not None:
            self._shade(max(shaded[0], x[0]), min(shaded[1], x[1]))
        self._axes(x, y, x_title)
        for line in lines:
            self._line(line)
        self._legend([line for line in lines if line.name])

    def _lay_out(self, steps: list[float], x: tuple[float, float], y: tuple[float, float]) -> None:
        metrics = self._painter.fontMetrics()
        self._steps = steps
        left = max(metrics.horizontalAdvance(_short(step)) for step in steps) + 6
        self._plot = self._area.adjusted(left, self._height + 4, -4, -metrics.height() - 4)
        self._x, self._y = x, y

    def _at(self, x: float, y: float) -> QPointF:
        across = (x - self._x[0]) / ((self._x[1] - self._x[0]) or 1)
        up = (y - self._y[0]) / ((self._y[1] - self._y[0]) or 1)
        return QPointF(
            self._plot.left() + across * self._plot.width(), self._plot.bottom() - up * self._plot.height()
        )

    def _axes(self, x: tuple[float, float], y: tuple[float, float], x_title: str) -> None:
        for step in self._steps:
            place = self._at(x[0], step)
            self._painter.setPen(QPen(self._faint, 0.6))
            self._painter.drawLine(place, QPointF(self._plot.right(), place.y()))
            label = QRectF(0, place.y() - 10, self._plot.left() - 4, 20)
            self._text(label, _short(step), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        below = QRectF(self._plot.left(), self._plot.bottom() + 2, self._plot.width(), 20)
        self._text(below, _short(x[0]), Qt.AlignmentFlag.AlignLeft)
        self._text(below, x_title, Qt.AlignmentFlag.AlignHCenter)
        self._text(below, _short(x[1]), Qt.AlignmentFlag.AlignRight)

    def _shade(self, first: float, last: float) -> None:
        """Lay a shade behind a part of the x axis."""
        left, right = self._at(first, self._y[1]), self._at(last, self._y[0])
        colour = QColor(_SHADE)
        colour.setAlpha(_SHADE_OPACITY)
        self._painter.fillRect(QRectF(left, right), colour)

    def _line(self, line: Line) -> None:
        colour = QColor(line.colour)
        if line.spread is not None and line.spread.any():
            self._band(line, colour)
        places = [self._at(x, y) for x, y in zip(line.x.tolist(), line.y.tolist(), strict=True)]
        style = Qt.PenStyle.DashLine if line.is_dashed else Qt.PenStyle.SolidLine
        self._painter.setPen(QPen(colour, _LINE_PX, style))
        self._painter.setBrush(Qt.BrushStyle.NoBrush)
        self._painter.drawPolyline(places)
        if len(places) <= _MARKS_UP_TO:
            self._painter.setPen(Qt.PenStyle.NoPen)
            self._painter.setBrush(colour)
            for place in places:
                self._painter.drawEllipse(place, _MARK_PX, _MARK_PX)

    def _band(self, line: Line, colour: QColor) -> None:
        assert line.spread is not None
        above = zip(line.x, line.y + line.spread, strict=True)
        below = zip(line.x[::-1], (line.y - line.spread)[::-1], strict=True)
        path = QPainterPath()
        for i, (x, y) in enumerate([*above, *below]):
            path.moveTo(self._at(x, y)) if i == 0 else path.lineTo(self._at(x, y))
        colour = QColor(colour)
        colour.setAlpha(_BAND)
        self._painter.fillPath(path, colour)

    def _legend(self, lines: list[Line]) -> None:
        metrics = self._painter.fontMetrics()
        right = self._area.right() - 4
        for line in reversed(lines):
            width = metrics.horizontalAdvance(line.name)
            right -= width
            self._painter.setPen(QPen(QColor(line.colour)))
            self._painter.drawText(QPointF(right, self._area.top() + metrics.ascent() + 1), line.name)
            right -= 10

    def _text(self, area: QRectF, text: str, where: Qt.AlignmentFlag) -> None:
        self._painter.setPen(self._ink)
        self._painter.drawText(area, where, text)


def _ends(values: list[NDArray[np.float64]]) -> tuple[float, float]:
    return min(float(v.min()) for v in values), max(float(v.max()) for v in values)


def _widened(ends: tuple[float, float]) -> tuple[float, float]:
    margin = 0.06 * (ends[1] - ends[0]) or abs(ends[0]) * 0.1 or 1.0
    return ends[0] - margin, ends[1] + margin


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
