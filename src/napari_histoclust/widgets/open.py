"""`napari-histoclust open`: a window on a run or a stack, with all docks around it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import drive
from napari_histoclust.session.opening import OpenedRun, open_run_folder, show_opened
from napari_histoclust.session.view_state import load_selection
from napari_histoclust.viewer.notices import warn
from napari_histoclust.viewer.reading import run_folder
from napari_histoclust.viewer.window import new_viewer, run_window
from napari_histoclust.widgets.context import Context, context_of
from napari_histoclust.widgets.workspace import open_workspace

if TYPE_CHECKING:
    from napari_histoclust.core.slides.stack import Stack
    from napari_histoclust.viewer.scene import Viewer


def open_in_napari(
    path: str | Path,
    slide: int | None = None,
    viewer: Viewer | None = None,
    slides: str | Path | None = None,
) -> Viewer:
    """Show a run or a stack in the workspace; a run as it was saved.

    Parameters
    ----------
    path : str or Path
        A run folder, or anything that `open_stack` takes.
    slide : int, optional
        Which slide of a run over several, 0 the first; the one that was seen last if not given.
    viewer : napari.Viewer, optional
        Window to add to; a new one if not given.
    slides : str or Path, optional
        Where the images of a run that was moved lie now; see `open_run`.

    Raises
    ------
    HistoclustError
        If the path cannot be opened; no window is made then.
    """
    path = Path(path)
    if not path.exists():
        raise HistoclustError(f"{path}: no such file or folder.")
    opened = _opened(path, slide, slides)
    viewer = new_viewer() if viewer is None else viewer
    context = context_of(viewer)
    workspace = open_workspace(viewer)
    if isinstance(opened, OpenedRun):
        show_run(context, opened, slide)
    else:
        context.session.set_stacks([opened])
    if not (isinstance(opened, OpenedRun) and opened.view is not None):
        workspace.fit_later()
    context.host.entitle(f"{(run_folder(path) or path).resolve().name} - napari-histoclust")
    return viewer


def _opened(path: Path, slide: int | None, slides: str | Path | None) -> OpenedRun | Stack:
    folder = run_folder(path)
    if folder is None:
        from napari_histoclust.core.slides.stack import open_stack

        return open_stack(path)
    opened = drive(open_run_folder(folder, slides))
    count = len(opened.run.slides)
    if slide is not None and not 0 <= slide < count:
        raise HistoclustError(f"{folder}: has no slide {slide + 1}, choose one of 1 to {count}.")
    return opened


def show_run(context: Context, opened: OpenedRun, slide: int | None = None) -> None:
    """Put an opened run on the canvas as it was saved, and say what is missing of it."""
    session, scene = context.session, context.scene
    show_opened(session, opened)
    if opened.view is not None:
        scene.show_view(opened.view)
        session.selection.set(load_selection(opened.run))
    if slide is not None:
        session.show_slide(slide)
    for warning in opened.warnings:
        warn(warning)


def show(path: str | Path, slide: int | None = None, slides: str | Path | None = None) -> None:
    """Show a run or a stack and return when the window is closed."""
    open_in_napari(path, slide, slides=slides)
    run_window()
