"""Small maps of how each stain lies on the reference, region by region."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QHelpEvent, QLinearGradient, QPainter, QPaintEvent, QPalette, qGray
from qtpy.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from napari_histoclust.core.alignment.shift_map import heat_colour, overlap_heat, shift_heat
from napari_histoclust.core.alignment.verdict import direction, length_in_words, place_of
from napari_histoclust.widgets._controls import scrolled_past, tipped

if TYPE_CHECKING:
    from napari_histoclust.core.alignment import StainAlignment
    from napari_histoclust.core.slides.stack import Stack

_ACROSS = 2
_CELL_PX, _LEAST_TEXT_PX = 22, 7
_DARK, _LIGHT = QColor("#1a1a1a"), QColor("#ffffff")
_STEPS = 16
_GREY = 135  # of 255: on what is lighter dark text is read better


class RegionMap(QWidget):
    """One stain: a cell a region, its shift or overlap as colour and number, a dot where nothing is known.

    Parameters
    ----------
    line : StainAlignment
    stack : Stack
        For the shape of the slide and its scale.
    is_overlap : bool
        Whether overlaps are shown in place of shifts.
    """

    def __init__(
        self, line: StainAlignment, stack: Stack, is_overlap: bool, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._line, self._um_per_px = line, stack.um_per_px
        self._is_overlap = is_overlap
        self._aspect = stack.shapes[0][0] / stack.shapes[0][1]
        self._heat = overlap_heat(line) if is_overlap else shift_heat(line)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setMinimumWidth(100)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return a size at which numbers can be read."""
        width = _CELL_PX * self._heat.shape[1]
        return QSize(width, self.heightForWidth(width))

    def heightForWidth(self, width: int) -> int:  # noqa: N802 - Qt's name
        """Return the height that keeps the shape of the slide, but not that of a needle."""
        return round(width * min(max(self._aspect, 0.25), 2.0))

    def text_of(self, row: int, col: int) -> str:
        """Return the number in a cell, empty where nothing is known."""
        if math.isnan(self._heat[row, col]):
            return ""
        if self._is_overlap:
            return f"{100 * self._line.regions.outline_dice[row, col]:.0f}"
        return f"{self._line.regions.length_px[row, col] * (self._um_per_px or 1.0):.0f}"

    def sentence_of(self, row: int, col: int) -> str:
        """Return what is known of a cell."""
        regions = self._line.regions
        parts = [f"{self._line.stain} {place_of(row, col, regions.shape)}"]
        if math.isnan(regions.length_px[row, col]):
            parts.append("nothing to tell a shift by")
        else:
            y, x = (float(v) for v in regions.shift_px[row, col])
            length = length_in_words(math.hypot(y, x), self._um_per_px)
            parts.append(f"off by {length}, would lie best {direction((y, x))}")
        if not math.isnan(regions.outline_dice[row, col]):
            parts.append(f"overlap {regions.outline_dice[row, col]:.2f}")
        return ": ".join((parts[0], "; ".join(parts[1:])))

    def event(self, event: QEvent) -> bool:
        """Tell what is known of the cell under the mouse."""
        if isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.sentence_of(*self._cell_at(QPointF(event.pos()))), self)
            return True
        return bool(super().event(event))

    def _cell_at(self, place: QPointF) -> tuple[int, int]:
        rows, cols = self._heat.shape
        row, col = place.y() * rows / self.height(), place.x() * cols / self.width()
        return min(rows - 1, max(0, int(row))), min(cols - 1, max(0, int(col)))

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Paint the cells."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rows, cols = self._heat.shape
        high, wide = self.height() / rows, self.width() / cols
        self._set_font(painter, wide, high)
        for row in range(rows):
            for col in range(cols):
                self._paint_cell(painter, row, col, QRectF(col * wide, row * high, wide - 1, high - 1))

    def _set_font(self, painter: QPainter, wide: float, high: float) -> None:
        font = painter.font()
        font.setPixelSize(max(_LEAST_TEXT_PX, min(11, int(min(0.5 * wide, 0.7 * high)))))
        painter.setFont(font)

    def _paint_cell(self, painter: QPainter, row: int, col: int, place: QRectF) -> None:
        heat = self._heat[row, col]
        if math.isnan(heat):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(_muted(self.palette()))
            painter.drawEllipse(place.center(), 1.2, 1.2)
            return
        colour = QColor(*heat_colour(float(heat)))
        painter.fillRect(place, colour)
        painter.setPen(_DARK if qGray(colour.rgb()) > _GREY else _LIGHT)
        text = self.text_of(row, col)
        if painter.fontMetrics().horizontalAdvance(text) < place.width():
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)


def _muted(palette: QPalette) -> QColor:
    colour = palette.color(QPalette.ColorRole.WindowText)
    colour.setAlphaF(0.45)
    return colour


class RegionScale(QWidget):
    """The colours from well to far off, with three numbers below them."""

    def __init__(self, captions: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._captions = captions
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return room for the colours and a line of text."""
        return QSize(200, 10 + self.fontMetrics().height())

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Paint colours and captions."""
        painter = QPainter(self)
        gradient = QLinearGradient(0, 0, self.width(), 0)
        for step in range(_STEPS + 1):
            gradient.setColorAt(step / _STEPS, QColor(*heat_colour(step / _STEPS)))
        painter.fillRect(QRectF(0, 0, self.width(), 7), gradient)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        below = QRectF(0, 9, self.width(), self.height() - 9)
        sides = (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignRight)
        for side, caption in zip(sides, self._captions, strict=True):
            painter.drawText(below, side | Qt.AlignmentFlag.AlignTop, caption)


class RegionMaps(QWidget):
    """A map a stain, two in a row, and what is shown in them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stack: Stack | None = None
        self._lines: tuple[StainAlignment, ...] = ()
        self.what = tipped(scrolled_past(QComboBox()), "What the maps show of each region of the slide.")
        self.what.addItems(["Shift", "Overlap"])
        self.what.currentIndexChanged.connect(self._on_what_changed)
        head = QHBoxLayout()
        head.addWidget(QLabel("By region:"))
        head.addWidget(self.what)
        head.addStretch(1)
        self._body = QWidget()
        self._below = QVBoxLayout(self)
        self._below.setContentsMargins(0, 0, 0, 0)
        self._below.addLayout(head)
        self._below.addWidget(self._body)

    def show_lines(self, stack: Stack, lines: tuple[StainAlignment, ...]) -> None:
        """Show other maps."""
        self._stack, self._lines = stack, lines
        self.setVisible(bool(lines))
        self._rebuild()

    def maps(self) -> list[RegionMap]:
        """Return the maps that are shown."""
        return list(self._body.findChildren(RegionMap))

    def _on_what_changed(self, _: int) -> None:
        self._rebuild()

    def _rebuild(self) -> None:
        if self._stack is None:
            return
        is_overlap = self.what.currentIndex() == 1
        body = QWidget()
        grid = QGridLayout(body)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        for number, line in enumerate(self._lines):
            row, col = 1 + 2 * (number // _ACROSS), number % _ACROSS
            grid.addWidget(QLabel(line.stain), row, col)
            grid.addWidget(RegionMap(line, self._stack, is_overlap), row + 1, col, Qt.AlignmentFlag.AlignTop)
            grid.setColumnStretch(col, 1)
        if self._lines:
            captions = _captions(self._lines[0], self._stack.um_per_px, is_overlap)
            grid.addWidget(RegionScale(captions), 0, 0, 1, _ACROSS)
        self._below.replaceWidget(self._body, body)
        self._body.deleteLater()
        self._body = body


def _captions(line: StainAlignment, um_per_px: float | None, is_overlap: bool) -> tuple[str, str, str]:
    """Text below the left end, the middle and the right end of the colours."""
    if is_overlap:
        return "overlap 100 %", "60 %", "20 % or less"
    unit, limit = ("px" if um_per_px is None else "µm"), line.tolerated_px * (um_per_px or 1.0)
    return f"0 {unit}", f"no matter up to {limit:.0f}", f"{2 * limit:.0f} or more"
