"""Forms made from the settings' own declarations: no name, range or help text is written a second time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QIcon, QPixmap
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_histoclust.core.config import PRESET_HELP, PRESETS, FitSettings, Preset
from napari_histoclust.core.settings import Settings, checked
from napari_histoclust.session.forms.number_range import ranges_of
from napari_histoclust.session.forms.titles import title_of
from napari_histoclust.widgets._controls import tipped
from napari_histoclust.widgets._editors import Editor, editor_of

S = TypeVar("S", bound=Settings)

_ON_THE_SLIDE = ("patch_px", "stride_px")
"""Lengths in px of the slide; the network's own px have no physical size."""

_UNITS = {"_px": " (px)", "_deg": " (°)"}


def settings_of(cls: type[S], typed: Mapping[str, Any]) -> S:
    """Return the settings that are typed into a form.

    Raises
    ------
    HistoclustError
        If a value is out of its range; names the field by its caption.
    """
    for name, numbers in ranges_of(cls).items():
        numbers.checked(typed[name], title_of(name, cls))
    return checked(cls, typed)


class SettingsForm(QWidget, Generic[S]):
    """Edits one set of settings.

    Parameters
    ----------
    settings : Settings
        What it shows first; their class decides the fields.
    visible : sequence of str
        Fields that are seen at once, in this order; the others lie folded below.
    more : str
        Caption of the folded part.

    Signals
    -------
    valueChanged
        The user, or `set_value`, changed something.
    """

    valueChanged = Signal()  # noqa: N815 - as Qt's own editors call it

    def __init__(
        self, settings: S, visible: Sequence[str], more: str = "More settings", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._class = type(settings)
        declared = self._class.model_json_schema()["properties"]
        self.editors: dict[str, Editor] = {name: editor_of(name, declared[name]) for name in declared}
        self._sizes = {name: QLabel() for name in _ON_THE_SLIDE if name in declared}
        self._um_per_px: float | None = None
        self.rows = QFormLayout()
        self.more = _fold(more)
        self._arrange(visible)
        self.set_value(settings)
        for editor in self.editors.values():
            editor.changed.connect(self._on_editor_changed)

    def value(self) -> S:
        """Return the settings as they are typed.

        Raises
        ------
        HistoclustError
            If a value is out of its range.
        """
        return settings_of(self._class, self.typed())

    def set_value(self, settings: S) -> None:
        """Show other settings."""
        self.set_typed(settings.model_dump())

    def typed(self) -> dict[str, Any]:
        """Return name and value of each field, out of its range or not: what `settings_of` judges."""
        return {name: editor.value for name, editor in self.editors.items()}

    def set_typed(self, typed: Mapping[str, Any]) -> None:
        """Show what was typed before."""
        for name, editor in self.editors.items():
            editor.value = typed[name]
        self._show_sizes()

    def set_um_per_px(self, um_per_px: float | None) -> None:
        """Say how large a px of the slide is, so that lengths are shown in um too; None where unknown."""
        self._um_per_px = um_per_px
        self._show_sizes()

    def _arrange(self, visible: Sequence[str]) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self.rows)
        self._fill(self.rows, visible)
        folded = QWidget()
        self._fill(QFormLayout(folded), [name for name in self.editors if name not in visible])
        self.more.addWidget(folded)
        column.addWidget(self.more)

    def _fill(self, rows: QFormLayout, names: Sequence[str]) -> None:
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        for name in names:
            caption = QLabel(f"{title_of(name, self._class)}{_unit(name)}")
            caption.setToolTip(self.editors[name].native.toolTip())
            caption.setBuddy(self.editors[name].native)
            rows.addRow(caption, self._with_size(name))

    def _with_size(self, name: str) -> QWidget | QHBoxLayout:
        native = self.editors[name].native
        if name not in self._sizes:
            return native
        row = QHBoxLayout()
        row.addWidget(native, 1)
        row.addWidget(self._sizes[name])
        return row

    def _show_sizes(self) -> None:
        for name, label in self._sizes.items():
            px = self.editors[name].value
            known = isinstance(px, int) and self._um_per_px is not None
            label.setText(f"= {px * self._um_per_px:.4g} µm" if known else "")
            label.setVisible(known)

    def _on_editor_changed(self, *_: object) -> None:
        self._show_sizes()
        self.valueChanged.emit()


def _fold(caption: str) -> QCollapsible:
    """Return a part that lies folded; superqt's own icons keep the colour of the theme they were born in."""
    blank = QPixmap(1, 1)
    blank.fill(Qt.GlobalColor.transparent)
    fold = QCollapsible(caption, expandedIcon=QIcon(blank), collapsedIcon=QIcon(blank))
    fold.setDuration(0)
    layout = fold.layout()
    if layout is not None:
        layout.setContentsMargins(0, 0, 0, 0)
    fold.toggleButton().setStyleSheet("text-align: left; border: none; background: transparent;")
    show = partial(_show_fold, fold.toggleButton(), caption)
    fold.toggled.connect(show)
    show(False)
    return fold


def _show_fold(button: QPushButton, caption: str, is_open: bool) -> None:
    button.setText(f"{'▾' if is_open else '▸'} {caption}")


def _unit(name: str) -> str:
    return next((unit for end, unit in _UNITS.items() if name.endswith(end)), "")


class FitForm(QWidget):
    """Edits the settings of a training, with the preset that they start from.

    Signals
    -------
    valueChanged
        The user, or `set_value`, changed something.
    """

    valueChanged = Signal()  # noqa: N815 - as Qt's own editors call it

    def __init__(self, preset: Preset = "robust", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._former: Preset = preset
        self._preset = editor_of("preset", {"enum": list(PRESETS), "description": PRESET_HELP})
        self._preset.value = preset
        self.form = SettingsForm(
            PRESETS[preset].settings, ("clusters", "patch_px", "patches", "epochs", "encoder")
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self.form.rows.insertRow(0, tipped(QLabel("Preset"), PRESET_HELP), self._preset.native)
        column.addWidget(self.form)
        self._preset.changed.connect(self._on_preset_changed)
        self.form.valueChanged.connect(self.valueChanged)

    def preset(self) -> Preset:
        """Return the preset that the values came from."""
        chosen: Preset = self._preset.value
        return chosen

    def value(self) -> FitSettings:
        """Return the settings as they are typed.

        Raises
        ------
        HistoclustError
            If a value is out of its range.
        """
        return self.form.value()

    def set_value(self, preset: Preset, settings: FitSettings) -> None:
        """Show other settings, and the preset that they came from."""
        self.set_typed(preset, settings.model_dump())

    def set_typed(self, preset: Preset, typed: Mapping[str, Any]) -> None:
        """Show what was typed before, and the preset that it came from."""
        self._former = preset
        self._preset.value = preset
        self.form.set_typed(typed)

    def _on_preset_changed(self, preset: Preset) -> None:
        """Fill in what the presets differ in; on the rest, such as the clusters, the user has the word."""
        before, after = PRESETS[self._former].settings, PRESETS[preset].settings
        self._former = preset
        for name, editor in self.form.editors.items():
            if getattr(before, name) != getattr(after, name):
                editor.value = getattr(after, name)
