"""Dialogs that ask for a number or a new folder, and stay while what is typed cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QWidget,
)

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.session.forms.number_range import NumberRange
from napari_histoclust.session.forms.numbers import Number
from napari_histoclust.session.forms.titles import in_window
from napari_histoclust.widgets._controls import prose, tipped
from napari_histoclust.widgets._number_box import NumberBox

if TYPE_CHECKING:
    from napari_histoclust.core.slides.stack import Stack

_WIDTH_PX, _PATH_PX = 360, 420


class AskingDialog(QDialog):
    """A few words, a form, and OK and Cancel.

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

    def ask(self, caption: str, field: QWidget | QHBoxLayout) -> None:
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


def free_folder(beside: Path, name: str) -> Path:
    """Return `name`, `name-2`, ... beside a path: the first that is not there or empty."""
    parent = beside.resolve().parent
    candidates = (parent / (name if i == 1 else f"{name}-{i}") for i in range(1, 1000))
    return next(path for path in candidates if not path.exists() or _is_empty(path))


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def beside_slides(stacks: tuple[Stack, ...], kind: str) -> Path:
    """Return a free folder named after the first slide, beside it: "case7-run"."""
    return free_folder(stacks[0].path, f"{stacks[0].name}-{kind}")


class NewFolderDialog(AskingDialog):
    """Asks where something shall be written: a line to edit, and a browser for the parent folder.

    A save dialog of the system would do less: it enters a folder that is there, in place of taking it, and
    an interrupted run must be chosen again to be resumed.
    """

    def __init__(self, title: str, words: str, proposed: Path, parent: QWidget | None = None) -> None:
        super().__init__(title, words, parent)
        self._line = QLineEdit(str(proposed), self)
        self._line.setMinimumWidth(_PATH_PX)
        browse = tipped(QPushButton("Browse…", self), "Choose the folder in which it is made.")
        browse.clicked.connect(self._on_browse_clicked)
        row = QHBoxLayout()
        row.addWidget(self._line, 1)
        row.addWidget(browse)
        self.ask("Folder", row)

    def folder(self) -> Path:
        """Return the folder that is typed."""
        return Path(self._line.text().strip()).expanduser()

    def _on_browse_clicked(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self.windowTitle(), str(self.folder().parent))
        if chosen:
            self._line.setText(str(Path(chosen) / self.folder().name))


def ask_new_folder(title: str, words: str, proposed: Path, parent: QWidget | None = None) -> Path | None:
    """Return the folder that the user wants, None if the user thinks better of it."""
    dialog = NewFolderDialog(title, words, proposed, parent)
    is_wanted = dialog.exec() == QDialog.DialogCode.Accepted and bool(dialog.folder().name)
    folder = dialog.folder() if is_wanted else None
    dialog.deleteLater()
    return folder
