"""The one box for numbers: what is typed stays as it is typed, and is judged when it is used.

Qt's own boxes, and magicgui's, keep a value inside its range at each key: who types 16 where 4 is the
smallest gets a 4 for the 1, and then 46. Here the text is the truth. A number outside is marked, and refused
with a sentence when it is used; it never becomes another one.
"""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QValidator
from qtpy.QtWidgets import QAbstractSpinBox, QStyle, QStyleOptionSpinBox, QWidget

from napari_histoclust.session.forms.number_range import NumberRange
from napari_histoclust.session.forms.numbers import FIGURES, Number, Typed, written

AUTOMATIC = "automatic"

_USUAL = "0.0000000"  # as long as most numbers are
_PASSING = (Qt.FocusReason.PopupFocusReason, Qt.FocusReason.ActiveWindowFocusReason)

# white on dark red is read on napari's dark and light themes
_MARK = 'NumberBox[outside="true"] { background-color: #b3261e; color: white; }'


class NumberBox(QAbstractSpinBox):
    """Takes a whole or a decimal number, or nothing where the range says so, as people write it.

    Parameters
    ----------
    numbers : NumberRange
        What may be used; anything can be typed.
    value : int, float or None
        What it shows first; None: automatic.
    hint : str
        Tooltip; the range is added.

    Signals
    -------
    valueChanged
        The user, or `setValue`, changed the number: at each key that makes another number.
    """

    valueChanged = Signal()  # noqa: N815 - as Qt's own boxes call it

    def __init__(
        self, numbers: NumberRange, value: Number | None, hint: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.numbers = numbers
        self._notified: Typed = value
        self._last = value
        self._letters = FIGURES.union(*(unit + unit.casefold() + unit.upper() for unit in numbers.units))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # not the wheel's
        text = numbers.description()
        self.setToolTip(f"{hint}\n{text[0].upper()}{text[1:]}.".strip())
        line = self.lineEdit()
        line.setPlaceholderText(AUTOMATIC if numbers.is_optional else "")
        line.textChanged.connect(self._on_line_text_changed)
        line.returnPressed.connect(self._settle)
        self.setValue(value)

    def value(self) -> Typed:
        """Return the number that is typed, inside its range or not; the text itself where it is none."""
        text = self.lineEdit().text().strip()
        if self.numbers.is_optional and not text:
            return None
        number = self.numbers.read(text)
        return text if number is None else number

    def is_usable(self) -> bool:
        """Whether what stands in the box is a value of its range."""
        return self.numbers.allows(self.value())

    def checked(self, caption: str) -> Any:
        """Return the number that is typed.

        Raises
        ------
        HistoclustError
            If it may not be used; names the field by its caption.
        """
        return self.numbers.checked(self.value(), caption)

    def set_numbers(self, numbers: NumberRange) -> None:
        """Let other numbers be used; what stands in the box stays, and is judged anew."""
        self.numbers = numbers
        self._mark(not self.is_usable())

    def setValue(self, value: Typed) -> None:  # noqa: N802 - as Qt's own boxes call it
        """Show a number, inside its range or not, or a text that is none; None: automatic."""
        text = value if isinstance(value, str) else "" if value is None else written(value)
        if text != self.lineEdit().text():
            self.lineEdit().setText(text)

    def _settle(self) -> None:
        """Write a number as it is read; what is none stays, is marked, and is refused when it is used."""
        if not isinstance(self.value(), str):
            self.setValue(self.value())
        self._mark(not self.is_usable())

    def _on_line_text_changed(self) -> None:
        value = self.value()
        self._last = self._last if isinstance(value, str) else value
        self._mark(not (self.is_usable() or self._is_under_way()))
        if value != self._notified:
            self._notified = value
            self.valueChanged.emit()

    def _is_under_way(self) -> bool:
        """Whether more keys can make it good: the 1 of a 16 is no fault yet."""
        value = self.value()
        return self.hasFocus() and (
            isinstance(value, str) or (value is not None and 0 <= value <= self.numbers.low)
        )

    def _mark(self, is_outside: bool) -> None:
        if bool(self.property("outside")) != is_outside:
            self.setProperty("outside", is_outside)
            self.setStyleSheet(_MARK if is_outside else "")

    # ---- what Qt asks

    def validate(self, text: str | None, position: int) -> Any:
        """Refuse only what no number is written with."""
        is_foreign = bool(set(text or "") - self._letters)
        return QValidator.State.Invalid if is_foreign else QValidator.State.Acceptable, text, position

    def stepBy(self, steps: int) -> None:  # noqa: N802 - Qt's name
        """Go on from what is typed, or from the last number where it is none."""
        self.setValue(self.numbers.stepped(self._last, steps))
        self.selectAll()

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:  # noqa: N802 - Qt's name
        """Return which of the two arrows would change something."""
        flags, value = QAbstractSpinBox.StepEnabledFlag.StepNone, self._last
        if self.numbers.stepped(value, 1) != value:
            flags |= QAbstractSpinBox.StepEnabledFlag.StepUpEnabled
        if self.numbers.stepped(value, -1) != value:
            flags |= QAbstractSpinBox.StepEnabledFlag.StepDownEnabled
        return flags

    def focusOutEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Settle; not for the menu that pastes, nor for the window that is copied from."""
        super().focusOutEvent(event)
        if event.reason() not in _PASSING:
            self._settle()

    def wheelEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Leave the wheel to what scrolls."""
        event.ignore()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return room for a usual number, the same for all; Qt's own hint is that of an empty box."""
        option, width = QStyleOptionSpinBox(), self.fontMetrics().horizontalAdvance(_USUAL)
        self.initStyleOption(option)
        inside = QSize(width, self.lineEdit().sizeHint().height())
        return self.style().sizeFromContents(QStyle.ContentsType.CT_SpinBox, option, inside, self)
