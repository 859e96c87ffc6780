"""The one box for names: some are offered, others can be typed."""

from __future__ import annotations

from collections.abc import Sequence

from psygnal import Signal
from qtpy.QtWidgets import QComboBox, QWidget

from napari_histoclust.widgets._controls import scrolled_past

_FEWEST_LETTERS = 10  # a path is long, and the dock stays as narrow as it was


class NameEditor:
    """A box of names with magicgui's manners; what is typed is judged when it is used.

    Parameters
    ----------
    names : sequence of str
        What is offered.
    hint : str
        Tooltip.
    """

    changed = Signal(object)

    def __init__(self, names: Sequence[str], hint: str) -> None:
        self._box = scrolled_past(QComboBox())
        self._box.setEditable(True)
        self._box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self._box.setCompleter(None)  # type: ignore[arg-type]  # who types a path gets no name in its place
        self._box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._box.setMinimumContentsLength(_FEWEST_LETTERS)
        self._box.addItems(list(names))
        self._box.setToolTip(hint)
        self._box.currentTextChanged.connect(self._on_box_text_changed)

    @property
    def native(self) -> QWidget:
        """The box itself."""
        return self._box

    @property
    def value(self) -> str:
        """What stands in it, without spaces around."""
        return self._box.currentText().strip()

    @value.setter
    def value(self, value: str) -> None:
        self._box.setCurrentText(value)

    def _on_box_text_changed(self) -> None:
        self.changed.emit(self.value)
