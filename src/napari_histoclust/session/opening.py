"""A run folder opened again with all that belongs to it: images, model, edits, and the view."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.session.forms.titles import in_window

if TYPE_CHECKING:
    from napari_histoclust.core.model.bundle import Model
    from napari_histoclust.core.run.edits import ClusterEdits
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.core.slides.stack import Stack
    from napari_histoclust.session.session import Session
    from napari_histoclust.session.view_state import ViewState


@dataclass(frozen=True, eq=False)
class OpenedRun:
    """What lay in a run folder.

    Attributes
    ----------
    run : Run
    stacks : tuple of Stack
        The slides in the order of the run; none if any of them has moved.
    model : Model
    edits : ClusterEdits or None
        As they were saved.
    view : ViewState or None
        What was seen when it was saved.
    warnings : tuple of str
        What could not be had, one sentence each.
    version : str
        See `edits_version`.
    """

    run: Run
    stacks: tuple[Stack, ...]
    model: Model
    edits: ClusterEdits | None
    view: ViewState | None
    warnings: tuple[str, ...]
    version: str = ""


def open_run_folder(path: Path, slides: str | Path | None = None) -> Job[OpenedRun]:
    """Open a run folder and the images that it was made from; see `open_run`.

    Raises
    ------
    HistoclustError
        If it is no finished run or damaged. Images that have moved, or are others, are a warning.
    """
    from napari_histoclust.core.run.edits import edits_version, load_edits
    from napari_histoclust.core.run.reader import open_run
    from napari_histoclust.session.view_state import load_view

    yield Progress("Opening the run")
    run = open_run(path, slides)
    version = edits_version(run.path)  # before they are read: another window may save between
    edits, view = load_edits(run), load_view(run)
    yield Progress("Opening the images")
    stacks, warnings = _stacks(run)
    yield Progress("Loading the model")
    return OpenedRun(run, stacks, run.model(), edits, view, warnings, version)


def _stacks(run: Run) -> tuple[tuple[Stack, ...], tuple[str, ...]]:
    try:
        return tuple(run.open_stack(slide) for slide in range(len(run.slides))), ()
    except HistoclustError as error:
        return (), (in_window(error),)


def show_opened(session: Session, opened: OpenedRun) -> None:
    """Make the session what it was when the run was saved; the view itself is left to the scene."""
    session.load(opened.run, opened.stacks, opened.model)
    if opened.edits is not None:
        session.load_edits(opened.edits)
    session.saved_version = opened.version
