"""The line above the columns: what is shown, in which order and how large, and the button that saves it."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QBoxLayout, QComboBox, QHBoxLayout, QPushButton, QSlider, QWidget
from superqt import QElidingLabel
from superqt.utils import signals_blocked

from napari_histoclust.session.gallery.arrangement import NAMES, TIPS, Order
from napari_histoclust.widgets._controls import scrolled_past
from napari_histoclust.widgets.gallery.view import SIDES

_ONE_LINE_PX = 700


class GalleryBar(QWidget):
    """Title and controls, one above the other where there is little width.

    Signals
    -------
    order_chosen : Order
    side_chosen : int
    save_clicked
    """

    order_chosen = Signal(object)
    side_chosen = Signal(int)
    save_clicked = Signal()

    def __init__(self, order: Order, side: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = QElidingLabel()
        self.title.setElideMode(Qt.TextElideMode.ElideRight)
        self.order = _order_box(order)
        self.side = _side_slider(side)
        self.save = QPushButton("Save sheet…")
        self.save.setToolTip("Save the first of these patches, in every stain, as a picture for print")
        self.order.currentIndexChanged.connect(self._on_order_changed)
        self.side.valueChanged.connect(self.side_chosen)
        self.save.clicked.connect(self.save_clicked)
        self._lay_out()

    def show_title(self, title: str, order_matters: bool, has_patches: bool) -> None:
        """Say what is shown; without patches there is nothing to sort or save."""
        self.title.setText(title if has_patches else "")
        self.title.setToolTip(title if has_patches else "")
        self.title.setVisible(has_patches)
        self.order.setEnabled(order_matters)
        self.save.setEnabled(has_patches)

    def choose_side(self, side: int) -> None:
        """Move the slider; `side_chosen` follows."""
        self.side.setValue(side)

    def set_side(self, side: int) -> None:
        """Show a size, without telling."""
        with signals_blocked(self.side):
            self.side.setValue(side)

    def resizeEvent(self, event: Any) -> None:  # noqa: N802
        """One line where there is room for it, else two."""
        super().resizeEvent(event)
        is_wide = self.width() >= _ONE_LINE_PX
        self._box.setDirection(
            QBoxLayout.Direction.LeftToRight if is_wide else QBoxLayout.Direction.TopToBottom
        )

    def _lay_out(self) -> None:
        controls = QHBoxLayout()
        for widget, stretch in ((self.order, 0), (self.side, 1), (self.save, 0)):
            controls.addWidget(widget, stretch)
        self._box = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(4)
        self._box.addWidget(self.title, 1)
        self._box.addLayout(controls)

    def _on_order_changed(self, index: int) -> None:
        self.order_chosen.emit(list(Order)[index])


def _order_box(order: Order) -> QComboBox:
    box = scrolled_past(QComboBox())
    box.setAccessibleName("Order")
    box.setToolTip("Which of the chosen patches come first")
    for index, one in enumerate(Order):
        box.addItem(NAMES[one])
        box.setItemData(index, TIPS[one], Qt.ItemDataRole.ToolTipRole)
    box.setCurrentIndex(list(Order).index(order))
    return box


def _side_slider(side: int) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setAccessibleName("Size")
    slider.setRange(*SIDES)
    slider.setSingleStep(8)
    slider.setPageStep(16)
    slider.setValue(side)
    slider.setMinimumWidth(70)
    slider.setMaximumWidth(160)
    slider.setToolTip("Size of the patches (Ctrl and the mouse wheel over them does the same)")
    return slider
