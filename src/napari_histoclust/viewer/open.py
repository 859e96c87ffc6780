"""`napari-histoclust open`: a window on a run or a stack."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import napari
from napari.layers import Layer

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.viewer.layers import CLUSTERS
from napari_histoclust.viewer.reading import read_layers, run_folder

if TYPE_CHECKING:
    from napari import Viewer


def open_in_napari(path: str | Path, slide: int = 0, viewer: Viewer | None = None) -> Viewer:
    """Show a run or a stack: the reference stain below the clusters, fitted to the window, with a scale bar.

    Parameters
    ----------
    path : str or Path
        A run folder, or anything that `open_stack` takes.
    slide : int
        Which slide of a run over several.
    viewer : napari.Viewer, optional
        Window to add to; a new one if not given.

    Raises
    ------
    HistoclustError
        If the path cannot be opened; no window is made then.
    """
    path = Path(path)
    if not path.exists():
        raise HistoclustError(f"{path}: no such file or folder.")
    layers = [Layer.create(*data) for data in read_layers(path, slide)]
    viewer = napari.Viewer() if viewer is None else viewer
    viewer.layers.extend(layers)
    if CLUSTERS in viewer.layers:
        viewer.layers[CLUSTERS].editable = False  # a slip of the mouse must not paint over the result
    viewer.title = f"{(run_folder(path) or path).resolve().name} - napari-histoclust"
    viewer.canvas.overlays.scale_bar.visible = True
    viewer.reset_view()
    return viewer


def show(path: str | Path, slide: int = 0) -> None:
    """Show a run or a stack and return when the window is closed."""
    open_in_napari(path, slide)
    napari.run()
