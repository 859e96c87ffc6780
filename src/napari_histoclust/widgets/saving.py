"""Saving what a person has made of a run, and asking before it is lost."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QApplication, QMessageBox, QWidget

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.run.edits import OthersEditsError, edits_version, load_edits, save_edits
from napari_histoclust.session import Palette
from napari_histoclust.session.forms.titles import in_window
from napari_histoclust.session.jobs import copy_with_edits
from napari_histoclust.session.view_state import save_view
from napari_histoclust.viewer.notices import sentences_shown, show_failure, tell
from napari_histoclust.widgets._dialogs import ask_new_folder, free_folder

if TYPE_CHECKING:
    from napari_histoclust.widgets.context import Context


TAKE_OVER, SAVE_COPY = "Take theirs over", "Save a copy…"


def save(context: Context) -> bool:
    """Write names, merges, splits, view and selection into the run's folder; return whether it went well."""
    session, run = context.session, context.session.run
    if run is None:
        return False
    try:
        session.saved_version = save_edits(run.path, session.palette.state, session.saved_version)
        save_view(run.path, context.scene.view(), session.selection.mask)
    except OthersEditsError as error:
        _settle(context, in_window(error))
        return False
    except HistoclustError as error:
        show_failure(error)
        return False
    session.mark_saved()
    return True


def _settle(context: Context, sentence: str) -> None:
    """Ask what shall become of two people's edits of one run."""
    question = QMessageBox(QApplication.activeWindow())
    question.setIcon(QMessageBox.Icon.Warning)
    question.setText("Nothing was saved.")
    question.setInformativeText(sentence)
    take_over = question.addButton(TAKE_OVER, QMessageBox.ButtonRole.DestructiveRole)
    copy = question.addButton(SAVE_COPY, QMessageBox.ButtonRole.AcceptRole)
    question.setDefaultButton(question.addButton(QMessageBox.StandardButton.Cancel))
    question.exec()
    answer = question.clickedButton()
    question.deleteLater()
    with sentences_shown():
        if answer is take_over:
            _take_over(context)
        elif answer is copy:
            _save_copy(context)


def _take_over(context: Context) -> None:
    """Show what is saved in place of one's own."""
    session, run = context.session, context.session.run
    if run is None:
        return
    version = edits_version(run.path)
    edits = load_edits(run)
    session.load_edits(edits or Palette(run.clusters, run.labels).state)
    session.saved_version = version


def _save_copy(context: Context) -> None:
    """Copy the run and save one's own edits in the copy."""
    session, run = context.session, context.session.run
    if run is None:
        return
    words = "The run is copied there with your names, colours and merges."
    proposed = free_folder(run.path, f"{run.path.name}-copy")
    folder = ask_new_folder(SAVE_COPY.rstrip("…"), words, proposed, QApplication.activeWindow())
    if folder is not None:
        job = copy_with_edits(run.path, folder, session.palette.state)
        context.runner.start("Copying", job).finished.connect(partial(_on_copied, context))


def _on_copied(context: Context, folder: Path) -> None:
    context.session.mark_saved()
    tell(f"Saved in {folder}.")


def may_leave(context: Context, parent: QWidget | None = None) -> bool:
    """Ask what shall become of unsaved changes; return whether the run may be left."""
    if not context.session.has_unsaved_edits:
        return True
    buttons = QMessageBox.StandardButton
    question = QMessageBox(parent)
    question.setIcon(QMessageBox.Icon.Question)
    question.setText("Names, colours or merges of this run have not been saved.")
    question.setInformativeText("Save them into the run folder?")
    question.setStandardButtons(buttons.Save | buttons.Discard | buttons.Cancel)
    question.setDefaultButton(buttons.Save)
    answer = question.exec()
    return answer == buttons.Discard or (answer == buttons.Save and save(context))
