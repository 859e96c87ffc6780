"""What the Plugins menu opens: each dock of the manifest, made for one viewer.

napari hands its viewer to a class whose `__init__` takes `napari_viewer`, and to nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_histoclust.widgets import (
    clusters,
    gallery,
    model,
    results,
    scatter,
    slides,
    validation,
    workspace,
)
from napari_histoclust.widgets.context import context_of

if TYPE_CHECKING:
    from napari_histoclust.viewer.scene import Viewer


class Slides(slides.SlidesDock):
    """Dock: slides that are opened, added and checked."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(context_of(napari_viewer))


class Model(model.ModelDock):
    """Dock: training and mapping."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(context_of(napari_viewer))


class Clusters(clusters.ClustersDock):
    """Dock: the table of clusters."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(context_of(napari_viewer))


class Validation(validation.ValidationDock):
    """Dock: indices and the choice of K."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(context_of(napari_viewer))


class Results(results.ResultsDock):
    """Dock: saving and exporting."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(context_of(napari_viewer))


class Scatter(scatter.ScatterDock):
    """Dock: the plot of all patches."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(context_of(napari_viewer))


class Gallery(gallery.GalleryDock):
    """Dock: pictures of the chosen patches."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(context_of(napari_viewer))


class Workspace(workspace.Workspace):
    """Dock: every dock in its place."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(context_of(napari_viewer))
