"""One editor for one setting, made from the setting's own declaration: its type, range and choices.

Whole numbers, choices and ticks are magicgui's. Its decimal box rounds to the step's digits, and a learning
rate of 0.00003 must survive; and none of its boxes knows "automatic": those two are our own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

from magicgui.widgets import CheckBox, ComboBox, SpinBox
from psygnal import Signal, SignalInstance
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QValidator
from qtpy.QtWidgets import QAbstractSpinBox, QDoubleSpinBox, QSizePolicy, QSpinBox, QWidget

AUTOMATIC = "automatic"

_UNBOUNDED = 10**9
_DIGITS = 30  # of the box's own rounding, so many that it never rounds
_OPEN_END = 1e-9  # from the end of a range that does not belong to it


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
    editor = _editor(declared)
    native = editor.native
    native.setObjectName(name)
    native.setToolTip(declared.get("description", ""))
    native.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    native.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    native.installEventFilter(_WheelGuard(native))
    return editor


def _editor(declared: Mapping[str, Any]) -> Editor:
    if "enum" in declared:
        return ComboBox(choices=declared["enum"])
    if "anyOf" in declared:
        return _or_automatic(_first_type(declared["anyOf"]))
    if declared["type"] == "boolean":
        return CheckBox()
    return _whole(declared) if declared["type"] == "integer" else _Decimal(declared)


def _or_automatic(declared: Mapping[str, Any]) -> Editor:
    """Offer "automatic" beside the values; names of which there is no list yet are given one later."""
    if declared["type"] == "string":
        return ComboBox(choices=[(AUTOMATIC, None), *((text, text) for text in declared.get("enum", ()))])
    return _WholeOrAutomatic(declared)


def _first_type(choices: list[dict[str, Any]]) -> dict[str, Any]:
    return next(choice for choice in choices if choice.get("type") != "null")


def _whole(declared: Mapping[str, Any]) -> Editor:
    low, high = _whole_range(declared)
    return SpinBox(min=low, max=high, step=declared.get("multipleOf", 1))


def _whole_range(declared: Mapping[str, Any]) -> tuple[int, int]:
    low = declared.get("minimum", declared.get("exclusiveMinimum", -_UNBOUNDED - 1) + 1)
    high = declared.get("maximum", declared.get("exclusiveMaximum", _UNBOUNDED + 1) - 1)
    return int(low), int(high)


class _Boxed:
    """A spin box of Qt with magicgui's manners."""

    changed = Signal(object)

    def __init__(self, box: Any) -> None:
        self._box = box
        self._box.valueChanged.connect(self._on_box_changed)

    @property
    def native(self) -> QWidget:
        box: QWidget = self._box
        return box

    def _on_box_changed(self) -> None:
        self.changed.emit(self.value)

    @property
    def value(self) -> Any:
        return self._box.value()

    @value.setter
    def value(self, value: Any) -> None:
        self._box.setValue(value)


class _Decimal(_Boxed):
    def __init__(self, declared: Mapping[str, Any]) -> None:
        super().__init__(_PlainDoubleSpinBox(declared))


class _WholeOrAutomatic(_Boxed):
    """A whole number, or nothing: the step below the smallest one."""

    def __init__(self, declared: Mapping[str, Any]) -> None:
        box = QSpinBox()
        low, high = _whole_range(declared)
        box.setRange(low - 1, high)
        box.setSpecialValueText(AUTOMATIC)
        super().__init__(box)

    @property
    def value(self) -> int | None:
        number = int(self._box.value())
        return None if number == self._box.minimum() else number

    @value.setter
    def value(self, value: int | None) -> None:
        self._box.setValue(self._box.minimum() if value is None else value)


class _PlainDoubleSpinBox(QDoubleSpinBox):
    """Shows a number as it is written, not with a fixed count of digits, and never rounds it."""

    def __init__(self, declared: Mapping[str, Any]) -> None:
        super().__init__()
        self.setDecimals(_DIGITS)
        low = declared.get("minimum", declared.get("exclusiveMinimum", -math.inf) + _OPEN_END)
        high = declared.get("maximum", declared.get("exclusiveMaximum", math.inf) - _OPEN_END)
        self.setRange(max(low, -_UNBOUNDED), min(high, _UNBOUNDED))
        self.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)

    def textFromValue(self, value: float) -> str:  # noqa: N802 - Qt's name
        return f"{value:.15g}" if float(f"{value:.15g}") == value else repr(value)

    def valueFromText(self, text: str) -> float:  # noqa: N802 - Qt's name
        return _number(text) or 0.0

    def validate(self, text: str | None, position: int) -> Any:
        number = _number(text or "")
        is_inside = number is not None and self.minimum() <= number <= self.maximum()
        state = QValidator.State.Acceptable if is_inside else QValidator.State.Intermediate
        return state, text, position

    def stepBy(self, steps: int) -> None:  # noqa: N802 - Qt's name
        """Step in the second digit, as the digits of the box itself are too many for Qt to find it."""
        size = abs(self.value()) or 0.1
        step = 10.0 ** (math.floor(math.log10(size)) - 1)
        self.setValue(float(f"{self.value() + steps * step:.6g}"))


def _number(text: str) -> float | None:
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return None


class _WheelGuard(QObject):
    """Leaves the wheel to the scrolling of the form, unless the editor has been clicked."""

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 - Qt's name
        if event is None or event.type() != QEvent.Type.Wheel or not isinstance(watched, QWidget):
            return False
        if watched.hasFocus():
            return False
        event.ignore()
        return True
