"""What the Plugins menu opens: each dock of the manifest, made for one viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_histoclust.widgets import workspace
from napari_histoclust.widgets._lifetime import when_deleted
from napari_histoclust.widgets.clusters.dock import ClustersDock
from napari_histoclust.widgets.context import context_of
from napari_histoclust.widgets.gallery.dock import GalleryDock
from napari_histoclust.widgets.model.dock import ModelDock
from napari_histoclust.widgets.results.dock import ResultsDock
from napari_histoclust.widgets.scatter.dock import ScatterDock
from napari_histoclust.widgets.slides.dock import SlidesDock
from napari_histoclust.widgets.validation.dock import ValidationDock

if TYPE_CHECKING:
    from napari_histoclust.viewer.scene import Viewer


class _OfViewer:
    """napari hands its viewer to a class whose `__init__` takes `napari_viewer`, and to nothing else."""

    def __init__(self, napari_viewer: Viewer) -> None:
        context = context_of(napari_viewer)
        super().__init__(context)  # type: ignore[call-arg]
        when_deleted(self, context.host.stay())  # type: ignore[arg-type]


class Slides(_OfViewer, SlidesDock):
    """Dock: slides that are opened, added and checked."""


class Model(_OfViewer, ModelDock):
    """Dock: training and mapping."""


class Clusters(_OfViewer, ClustersDock):
    """Dock: the table of clusters."""


class Validation(_OfViewer, ValidationDock):
    """Dock: indices and the choice of K."""


class Results(_OfViewer, ResultsDock):
    """Dock: saving and exporting."""


class Scatter(_OfViewer, ScatterDock):
    """Dock: the plot of all patches."""


class Gallery(_OfViewer, GalleryDock):
    """Dock: pictures of the chosen patches."""


class Workspace(_OfViewer, workspace.Workspace):
    """Dock: every dock in its place."""
