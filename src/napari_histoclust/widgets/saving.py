"""Saving what a person has made of a run, and asking before it is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QMessageBox, QWidget

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.run.edits import save_edits
from napari_histoclust.session.view_state import save_view
from napari_histoclust.viewer.notices import show_failure

if TYPE_CHECKING:
    from napari_histoclust.widgets.context import Context


def save(context: Context) -> bool:
    """Write names, merges, splits, view and selection into the run's folder; return whether it went well."""
    session, run = context.session, context.session.run
    if run is None:
        return False
    try:
        save_edits(run.path, session.palette.state)
        save_view(run.path, context.scene.view(), session.selection.mask)
    except HistoclustError as error:
        show_failure(error)
        return False
    session.mark_saved()
    return True


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
