"""The bar above the canvas: which stain, how much of the clusters over it, and coloured by what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QWidget,
)
from superqt import QElidingLabel
from superqt.utils import signals_blocked

from napari_histoclust.session.dock_states import BarState, resolve_bar
from napari_histoclust.session.session import CLUSTER
from napari_histoclust.session.shown import ShowsState
from napari_histoclust.viewer.keys import STAIN_KEYS
from napari_histoclust.widgets._controls import scrolled_past, tipped
from napari_histoclust.widgets._lifetime import follow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_histoclust.widgets.context import Context

_WHOLE = 100
_PADDING_PX = 8  # of a label in napari's themes, both sides


class ViewBar(ShowsState, QWidget):
    """Stain buttons, blending, overlay and colouring, for the slide that is shown.

    Signals
    -------
    region_wanted
        The user wants to draw a region on the tissue.
    """

    region_wanted = Signal()

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._buttons = StainButtons(self)
        self._blend_with = tipped(scrolled_past(QComboBox(self)), "A second stain to lay over the first.")
        self.share = _slider(self, 0, "How much of the second stain is seen over the first.")
        self.opacity = _slider(self, 50, "How strongly the colours of the patches cover the tissue.")
        self.colour_by = tipped(scrolled_past(QComboBox(self)), "What the map and the plot are coloured by.")
        self._region = tipped(
            QPushButton("Draw region", self),
            "Draw an outline on the tissue to choose the patches inside. Shift adds, Alt removes.",
        )
        self._whole = tipped(QPushButton("Whole slide", self), "Fit the slide into the window.")
        self.status = QElidingLabel(self)
        self.status.setEllipsesWidth(_PADDING_PX)
        self._arrange()
        self._listen()
        self._on_stains_changed()
        self._refresh()

    def _arrange(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 2, 6, 2)
        for widget in (
            self._buttons,
            QLabel("Blend with", self),
            self._blend_with,
            self.share,
            QLabel("Overlay", self),
            self.opacity,
            QLabel("Colour by", self),
            self.colour_by,
            self._region,
            self._whole,
        ):
            row.addWidget(widget)
        row.addWidget(self.status, 1)
        self.status.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.status.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        for box in (self._blend_with, self.colour_by):  # their entries come with the slide
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def _listen(self) -> None:
        session, scene = self._context.session, self._context.scene
        self._buttons.chosen.connect(scene.stains.show)
        self._blend_with.activated.connect(self._on_blend_changed)
        self.share.valueChanged.connect(self._on_blend_changed)
        self.opacity.valueChanged.connect(self._on_opacity_changed)
        self.colour_by.activated.connect(self._on_colour_by_activated)
        self._region.clicked.connect(self.region_wanted)
        self._whole.clicked.connect(scene.fit)
        follow(self, scene.stains.changed, self._on_stains_changed)
        follow(self, session.changed, self._on_session_changed)

    def _on_blend_changed(self) -> None:
        stains = self._context.scene.stains
        other = self._blend_with.currentData() or ""
        stains.blend(stains.shown, other, self.share.value() / _WHOLE)

    def _on_opacity_changed(self, value: int) -> None:
        patches = self._context.scene.patches
        if patches is not None:
            patches.clusters.opacity = value / _WHOLE

    def _on_colour_by_activated(self) -> None:
        self._context.session.set_colour_by(self.colour_by.currentData())

    def _on_stains_changed(self) -> None:
        stains = self._context.scene.stains
        self._buttons.show_stains(stains.names, stains.shown)
        others = [name for name in stains.names if name != stains.shown]
        with signals_blocked(self._blend_with), signals_blocked(self.share):
            _fill(
                self._blend_with,
                {name: name for name in others},
                stains.blended or self._blend_with.currentData(),
            )
            self.share.setValue(round(stains.share * _WHOLE))
        self.share.setEnabled(bool(others))
        self._blend_with.setEnabled(bool(others))

    def _resolve(self) -> BarState:
        return resolve_bar(self._context.session)

    def _show_colour_bys(self, captions: Mapping[str, str]) -> None:
        for widget in (self.opacity, self.colour_by, self._region):
            widget.setEnabled(bool(captions))
        _fill(self.colour_by, captions, CLUSTER)
        self._show_colour_by(self._state.colour_by)

    def _show_map(self, _: object) -> None:
        patches = self._context.scene.patches
        if patches is not None:
            with signals_blocked(self.opacity):
                self.opacity.setValue(round(patches.clusters.opacity * _WHOLE))

    def _show_colour_by(self, name: str) -> None:
        self.colour_by.setCurrentIndex(self.colour_by.findData(name))

    def _show_status(self, status: str) -> None:
        self.status.setText(status)
        self.status.setToolTip(status)


class StainButtons(QWidget):
    """One button a stain, one of them pressed.

    Signals
    -------
    chosen : str
        The user pressed the button of this stain.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._group = QButtonGroup(self)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(1)
        self._names: tuple[str, ...] = ()
        self._group.idClicked.connect(self._on_group_clicked)

    def show_stains(self, names: tuple[str, ...], shown: str) -> None:
        """Show a button for each stain and press that of the one that is seen."""
        if names != self._names:
            self._rebuild(names)
        if shown in names:
            self._group.button(names.index(shown)).setChecked(True)

    def _rebuild(self, names: tuple[str, ...]) -> None:
        self._names = names
        for button in self._group.buttons():
            self._group.removeButton(button)
            self._row.removeWidget(button)
            button.deleteLater()
        for number, name in enumerate(names):
            key = f" (key {STAIN_KEYS[number]})" if number < len(STAIN_KEYS) else ""
            button = tipped(QPushButton(name, self), f"See {name} in the same place{key}.")
            button.setCheckable(True)
            self._group.addButton(button, number)
            self._row.addWidget(button)

    def _on_group_clicked(self, number: int) -> None:
        self.chosen.emit(self._names[number])


def _slider(parent: QWidget, value: int, hint: str) -> QSlider:
    slider = tipped(QSlider(Qt.Orientation.Horizontal, parent), hint)
    slider.setRange(0, _WHOLE)
    slider.setValue(value)
    slider.setFixedWidth(90)
    return slider


def _fill(box: QComboBox, choices: Mapping[str, str], chosen: str | None) -> None:
    """Offer other choices (value -> caption) and keep the chosen one if it is among them."""
    box.clear()
    for value, caption in choices.items():
        box.addItem(caption, value)
    box.setCurrentIndex(max(0, box.findData(chosen)) if choices else -1)
