"""The buttons over the plot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Signal
from qtpy.QtGui import QPalette
from qtpy.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from napari_histoclust.session.plot.gestures import Combine, Tool
from napari_histoclust.widgets._icons import icon

if TYPE_CHECKING:
    from qtpy.QtCore import QEvent

    from napari_histoclust.session import Selection

_ICON_PX, _BUTTON_PX = 16, 26
_TIPS = {
    "lasso": "Lasso: draw a loop around points to select their patches.\n"
    "Shift adds, Alt removes. A click selects one patch, a double click its whole cluster.",
    "rectangle": "Rectangle: drag a box around points to select their patches.\nShift adds, Alt removes.",
    "click": "Click: select one patch, a double click its whole cluster; a drag moves the plot.",
    "replace": "A new choice takes the place of the selection",
    "add": "A new choice is added to the selection (or hold Shift)",
    "remove": "A new choice is taken out of the selection (or hold Alt)",
    "clear": "Select nothing (Esc)",
    "back": "Back to the selection before (Ctrl+Z)",
    "forward": "Forward again (Ctrl+Y)",
    "fit": "Show all points (F). Zoom with the mouse wheel, move with the middle or right button\n"
    "or with the space bar held down.",
    "names": "Write the names of the clusters into the plot",
}


class ScatterToolbar(QWidget):
    """Tools, what they do to the selection, and the way through its history.

    Signals
    -------
    tool_chosen : Tool
    combine_chosen : Combine
    cleared, went_back, went_forward, fitted
    names_toggled : bool
    """

    tool_chosen = Signal(object)
    combine_chosen = Signal(object)
    cleared = Signal()
    went_back = Signal()
    went_forward = Signal()
    fitted = Signal()
    names_toggled = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.buttons: dict[str, QPushButton] = {}
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(2)
        self._tools = self._add_choice([tool.value for tool in Tool])
        self._tools.idClicked.connect(self._on_tools_clicked)
        self._combines = self._add_choice([combine.value for combine in Combine])
        self._combines.idClicked.connect(self._on_combines_clicked)
        self._add_button("clear").clicked.connect(self.cleared)
        self._add_button("back").clicked.connect(self.went_back)
        self._add_button("forward").clicked.connect(self.went_forward)
        self._row.addStretch()
        names = self._add_button("names")
        names.setCheckable(True)
        names.toggled.connect(self.names_toggled)
        self._add_button("fit").clicked.connect(self.fitted)
        self._draw_icons()

    def show_history(self, selection: Selection) -> None:
        """Offer what there is to clear and where one can go."""
        self.buttons["clear"].setEnabled(bool(selection.mask.any()))
        self.buttons["back"].setEnabled(selection.can_go_back)
        self.buttons["forward"].setEnabled(selection.can_go_forward)

    def _add_choice(self, names: list[str]) -> QButtonGroup:
        """One of these buttons is down; the first at the start."""
        group = QButtonGroup(self)
        for number, name in enumerate(names):
            button = self._add_button(name)
            button.setCheckable(True)
            group.addButton(button, number)
        group.button(0).setChecked(True)
        line = QFrame()
        line.setFrameShape(QFrame.Shape.VLine)
        line.setFixedWidth(6)
        self._row.addWidget(line)
        return group

    def _add_button(self, name: str) -> QPushButton:
        button = QPushButton()
        button.setIconSize(QSize(_ICON_PX, _ICON_PX))
        button.setFixedSize(_BUTTON_PX, _BUTTON_PX)
        button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        button.setToolTip(_TIPS[name])
        button.setAccessibleName(name.capitalize())
        self.buttons[name] = button
        self._row.addWidget(button)
        return button

    def _draw_icons(self) -> None:
        colour = self.palette().color(QPalette.ColorRole.WindowText)
        for name, button in self.buttons.items():
            button.setIcon(icon(name, colour))

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Follow the theme."""
        if event.type() in (event.Type.PaletteChange, event.Type.StyleChange):
            self._draw_icons()
        super().changeEvent(event)

    def _on_tools_clicked(self, number: int) -> None:
        self.tool_chosen.emit(list(Tool)[number])

    def _on_combines_clicked(self, number: int) -> None:
        self.combine_chosen.emit(list(Combine)[number])
