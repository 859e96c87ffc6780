"""Asking for a new folder, with a sensible one proposed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_histoclust.widgets._tips import tipped

if TYPE_CHECKING:
    from napari_histoclust.core.slides.stack import Stack


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


class NewFolderDialog(QDialog):
    """Asks where something shall be written: a line to edit, and a browser for the place.

    A save dialog of the system would do less: it enters a folder that is there, in place of taking it, and
    an interrupted run must be chosen again to be gone on with.

    Parameters
    ----------
    title, what : str
        "Map the slides", "The run folder: labels, model and tables are written there."
    proposed : Path
    parent : QWidget, optional
    """

    def __init__(self, title: str, what: str, proposed: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self._line = QLineEdit(str(proposed), self)
        self._line.setMinimumWidth(420)
        browse = tipped(QPushButton("Browse…", self), "Choose the folder in which it is made.")
        browse.clicked.connect(self._on_browse_clicked)
        row = QHBoxLayout()
        row.addWidget(self._line, 1)
        row.addWidget(browse)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel, self
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(QLabel(what, self, wordWrap=True))
        column.addLayout(row)
        column.addWidget(buttons)

    def folder(self) -> Path:
        """Return the folder that is typed."""
        return Path(self._line.text().strip()).expanduser()

    def _on_browse_clicked(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self.windowTitle(), str(self.folder().parent))
        if chosen:
            self._line.setText(str(Path(chosen) / self.folder().name))


def ask_new_folder(title: str, what: str, proposed: Path, parent: QWidget | None = None) -> Path | None:
    """Return the folder that the user wants, None if the user thinks better of it."""
    dialog = NewFolderDialog(title, what, proposed, parent)
    is_wanted = dialog.exec() == QDialog.DialogCode.Accepted and bool(dialog.folder().name)
    folder = dialog.folder() if is_wanted else None
    dialog.deleteLater()
    return folder
