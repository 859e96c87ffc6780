"""Dialogs that stay, with a sentence, while what is typed in them cannot be used."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QWidget

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.session.forms.number_range import NumberRange
from napari_histoclust.session.forms.numbers import Number
from napari_histoclust.session.forms.titles import in_window
from napari_histoclust.widgets._dock import prose
from napari_histoclust.widgets._number_box import NumberBox

_WIDTH_PX = 360


class AskingDialog(QDialog):
    """A few words, a form, and OK and Cancel.

    Parameters
    ----------
    title, words : str
    parent : QWidget, optional

    Attributes
    ----------
    complaint : QLabel
        Says why OK was not taken; hidden before.
    """

    def __init__(self, title: str, words: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setMinimumWidth(_WIDTH_PX)
        self.complaint = prose()
        self.complaint.hide()
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel, self
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self._form = QFormLayout(self)
        self._form.addRow(prose(words))
        self._form.addRow(self.complaint)
        self._form.addRow(buttons)

    def ask(self, caption: str, field: QWidget) -> None:
        """Put a field below those that are there."""
        self._form.insertRow(self._form.rowCount() - 2, caption, field)

    def check(self) -> None:
        """Raise HistoclustError if something typed cannot be used."""

    def accept(self) -> None:
        """Close, unless something typed cannot be used."""
        try:
            self.check()
        except HistoclustError as error:
            self.complaint.setText(in_window(error))
            self.complaint.show()
            self.adjustSize()
        else:
            super().accept()


class NumberDialog(AskingDialog):
    """Asks for one number.

    Parameters
    ----------
    title, words, caption : str
    numbers : NumberRange
    value : int, float or None
        What is proposed.
    parent : QWidget, optional
    """

    def __init__(
        self,
        title: str,
        words: str,
        caption: str,
        numbers: NumberRange,
        value: Number | None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(title, words, parent)
        self._caption = caption
        self.box = NumberBox(numbers, value)
        self.ask(caption, self.box)
        self.box.selectAll()

    def check(self) -> None:
        """Raise HistoclustError if the number is out of its range."""
        self.number()

    def number(self) -> Any:
        """Return the number that is typed."""
        return self.box.checked(self._caption)


def ask_number(
    title: str, words: str, caption: str, numbers: NumberRange, value: Number, parent: QWidget | None = None
) -> Any:
    """Return the number that the user wants, None if the user thinks better of it."""
    dialog = NumberDialog(title, words, caption, numbers, value, parent)
    is_wanted = dialog.exec() == QDialog.DialogCode.Accepted
    number = dialog.number() if is_wanted else None
    dialog.deleteLater()
    return number
