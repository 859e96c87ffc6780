"""From a path to layers: what the reader, `open` and the sample data share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari.utils.notifications import show_info, show_warning

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.run.edits import load_edits
from napari_histoclust.core.run.manifest import PATCHES, is_run
from napari_histoclust.session import Palette
from napari_histoclust.session.forms.titles import in_window
from napari_histoclust.viewer.layers import run_layers, stack_layers

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.core.slides.stack import Stack
    from napari_histoclust.viewer.layers import LayerData


def run_folder(path: Path) -> Path | None:
    """Return the run folder that `path` is or, being its patches.zarr, lies in; None where there is none."""
    folder = path.parent if path.name == PATCHES else path
    return folder if is_run(folder) else None


def read_layers(path: Path, slide: int = 0) -> list[LayerData]:
    """Return the layers of a run folder or a stack, lazily.

    A run is shown as it was last saved; of one over several slides, `slide` is shown. A run whose images
    have moved shows its clusters alone, and says so.

    Raises
    ------
    HistoclustError
        If the run or the stack cannot be opened.
    """
    folder = run_folder(path)
    if folder is None:
        return _stack_layers(path)
    from napari_histoclust.core.run.reader import open_run

    run = open_run(folder)
    _check_slide(run, slide)
    return run_layers(run, slide, _images(run, slide), _palette(run))


def _stack_layers(path: Path) -> list[LayerData]:
    from napari_histoclust.core.slides.stack import open_stack

    return stack_layers(open_stack(path))


def _check_slide(run: Run, slide: int) -> None:
    if not 0 <= slide < len(run.slides):
        raise HistoclustError(f"{run.path}: has no slide {slide + 1}, choose one of 1 to {len(run.slides)}.")
    if len(run.slides) > 1:
        show_info(f"{run.path.name}: slide {slide + 1} of {len(run.slides)}, {run.slides[slide]}.")


def _palette(run: Run) -> Palette:
    """Names, colours, merges and splits as they were saved; as they were mapped where they cannot be read."""
    palette = Palette(run.clusters, run.labels)
    try:
        edits = load_edits(run)
    except HistoclustError as error:
        show_warning(in_window(error))
        return palette
    if edits is not None:
        palette.load(edits)
    return palette


def _images(run: Run, slide: int) -> Stack | None:
    try:
        return run.open_stack(slide)
    except HistoclustError as error:
        show_warning(in_window(error))
        return None
