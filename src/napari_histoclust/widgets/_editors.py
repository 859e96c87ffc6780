"""One editor for one setting, made from the setting's own declaration: its type, range and choices.

Choices and ticks are magicgui's. Numbers are our own (`_number_box`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from magicgui.widgets import CheckBox, ComboBox
from psygnal import Signal, SignalInstance
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_histoclust.session.forms.number_range import NumberRange, range_of
from napari_histoclust.session.forms.numbers import Typed
from napari_histoclust.widgets._controls import scrolled_past
from napari_histoclust.widgets._name_box import NameEditor
from napari_histoclust.widgets._number_box import AUTOMATIC, NumberBox


class Editor(Protocol):
    """What magicgui's value widgets are."""

    value: Any

    @property
    def native(self) -> QWidget: ...

    @property
    def changed(self) -> SignalInstance: ...


def editor_of(name: str, declared: Mapping[str, Any]) -> Editor:
    """Return an editor for the setting `name`.

    Parameters
    ----------
    name : str
        Becomes the object's name.
    declared : Mapping
        The setting's part of the JSON schema of its model.
    """
    hint, numbers = declared.get("description", ""), range_of(name, declared)
    editor: Editor = _choice(declared, hint) if numbers is None else _NumberEditor(numbers, hint)
    native = editor.native
    native.setObjectName(name)
    native.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return editor


def _choice(declared: Mapping[str, Any], hint: str) -> Editor:
    """Return a tick, a list, or a box for a name; an optional name without a list yet gets one later."""
    if declared.get("type") == "boolean":
        tick: Editor = CheckBox()
        tick.native.setToolTip(hint)
        return tick
    if "examples" in declared:
        return NameEditor(declared["examples"], hint)
    box: Editor = ComboBox(choices=_entries(declared))
    scrolled_past(box.native).setToolTip(hint)
    return box


def _entries(declared: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """Return caption and value of each choice, "automatic" first where nothing may be chosen."""
    nothing: list[tuple[str, str | None]] = [(AUTOMATIC, None)] if "anyOf" in declared else []
    names = (name for part in declared.get("anyOf", [declared]) for name in part.get("enum", ()))
    return [*nothing, *((name, name) for name in names)]


class _NumberEditor:
    """A box of numbers with magicgui's manners."""

    changed = Signal(object)

    def __init__(self, numbers: NumberRange, hint: str) -> None:
        self._box = NumberBox(numbers, None, hint)
        self._box.valueChanged.connect(self._on_box_value_changed)

    @property
    def native(self) -> QWidget:
        return self._box

    def _on_box_value_changed(self) -> None:
        self.changed.emit(self.value)

    @property
    def value(self) -> Typed:
        return self._box.value()

    @value.setter
    def value(self, value: Typed) -> None:
        self._box.setValue(value)
