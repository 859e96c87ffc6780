"""What the plot is coloured by, and what the colours mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QColor, QLinearGradient, QPainter, QPalette
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_histoclust.session.colouring import captions
from napari_histoclust.widgets._controls import scrolled_past

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from qtpy.QtGui import QPaintEvent

    from napari_histoclust.session import Session
    from napari_histoclust.session.colouring import Colouring

_BAR_PX = 10
_GAP_PX = 4
_SWATCH_PX = 10


class ScaleLegend(QWidget):
    """A bar of colours with the values at its ends, or a few named colours."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colours: list[QColor] = []
        self._texts: tuple[str, ...] = ()
        self._is_scale = False
        self.hide()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(self.fontMetrics().height() + _BAR_PX // 2)

    @property
    def texts(self) -> tuple[str, ...]:
        """What is written: both ends of a scale, or the names."""
        return self._texts

    def show_scale(self, table: NDArray[np.float32], limits: tuple[float, float]) -> None:
        """Show the colours 1 and up of a table as a scale."""
        self._show([QColor.fromRgbF(*map(float, rgba)) for rgba in table[1:]], _written(limits), True)

    def show_names(self, table: NDArray[np.float32], names: tuple[str, ...]) -> None:
        """Show the colours 1 and up of a table with a name each."""
        self._show([QColor.fromRgbF(*map(float, rgba)) for rgba in table[1:]], names, False)

    def clear(self) -> None:
        """Show nothing."""
        self._show([], (), False)

    def _show(self, colours: list[QColor], texts: tuple[str, ...], is_scale: bool) -> None:
        self._colours, self._texts, self._is_scale = colours, texts, is_scale
        self.setToolTip("\n".join(texts) if not is_scale else "")
        self.setVisible(bool(texts))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw the bar or the names."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        if self._is_scale:
            self._draw_scale(painter)
        else:
            self._draw_names(painter)
        painter.end()

    def _draw_scale(self, painter: QPainter) -> None:
        low, high = self._texts
        metrics, middle = self.fontMetrics(), Qt.AlignmentFlag.AlignVCenter
        left = metrics.horizontalAdvance(low) + _GAP_PX
        right = self.width() - metrics.horizontalAdvance(high) - _GAP_PX
        painter.drawText(self.rect(), middle | Qt.AlignmentFlag.AlignLeft, low)
        painter.drawText(self.rect(), middle | Qt.AlignmentFlag.AlignRight, high)
        gradient = QLinearGradient(left, 0, right, 0)
        for number, shade in enumerate(self._colours):
            gradient.setColorAt(number / max(1, len(self._colours) - 1), shade)
        top = (self.height() - _BAR_PX) / 2
        painter.fillRect(QRectF(left, top, max(0, right - left), _BAR_PX), gradient)

    def _draw_names(self, painter: QPainter) -> None:
        """Side by side, each shortened to its share of the width."""
        share = self.width() / max(1, len(self._texts))
        for number, (shade, text) in enumerate(zip(self._colours, self._texts, strict=True)):
            left = number * share
            painter.fillRect(QRectF(left, (self.height() - _SWATCH_PX) / 2, _SWATCH_PX, _SWATCH_PX), shade)
            room = share - _SWATCH_PX - 2 * _GAP_PX
            shown = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, int(room))
            place = QRectF(left + _SWATCH_PX + _GAP_PX, 0, room, self.height())
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, shown)


class ColourBar(QWidget):
    """Chooses what the plot and the map are coloured by, with the legend below."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.combo = scrolled_past(QComboBox())
        self.combo.setToolTip("What the points, and the patches on the tissue, are coloured by")
        self.combo.setAccessibleName("Colour by")
        self.combo.activated.connect(self._on_combo_activated)
        self.legend = ScaleLegend()
        row = QHBoxLayout()
        row.addWidget(QLabel("Colour by"))
        row.addWidget(self.combo, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row)
        column.addWidget(self.legend)

    def offer(self) -> None:
        """List what the run can be coloured by."""
        self.combo.clear()
        for name, caption in captions(self._session.run).items():
            self.combo.addItem(caption, name)
        self.combo.setEnabled(self._session.run is not None)

    def show_colouring(self, colouring: Colouring) -> None:
        """Show what is chosen and what its colours mean."""
        self.combo.setCurrentIndex(self.combo.findData(self._session.colour_by))
        if colouring.limits is not None:
            self.legend.show_scale(colouring.table, colouring.limits)
        elif colouring.names:
            self.legend.show_names(colouring.table, colouring.names)
        else:
            self.legend.clear()

    def _on_combo_activated(self, index: int) -> None:
        self._session.set_colour_by(self.combo.itemData(index))


def _written(limits: tuple[float, float]) -> tuple[str, str]:
    low, high = (f"{value:.2f}" for value in limits)
    return low, high
