"""What the Plugins menu calls: each dock of the manifest, made for one viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_histoclust.widgets.context import context_of

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_histoclust.viewer.scene import Viewer


def view(napari_viewer: Viewer) -> QWidget:
    """Return the bar of stains and colours."""
    from napari_histoclust.widgets.view import ViewBar

    return ViewBar(context_of(napari_viewer))


def slides(napari_viewer: Viewer) -> QWidget:
    """Return the dock of slides."""
    from napari_histoclust.widgets.slides import SlidesDock

    return SlidesDock(context_of(napari_viewer))


def model(napari_viewer: Viewer) -> QWidget:
    """Return the dock that trains and maps."""
    from napari_histoclust.widgets.model import ModelDock

    return ModelDock(context_of(napari_viewer))


def clusters(napari_viewer: Viewer) -> QWidget:
    """Return the table of clusters."""
    from napari_histoclust.widgets.clusters import ClustersDock

    return ClustersDock(context_of(napari_viewer))


def validation(napari_viewer: Viewer) -> QWidget:
    """Return the dock of indices and the choice of K."""
    from napari_histoclust.widgets.validation import ValidationDock

    return ValidationDock(context_of(napari_viewer))


def results(napari_viewer: Viewer) -> QWidget:
    """Return the dock that saves and exports."""
    from napari_histoclust.widgets.results import ResultsDock

    return ResultsDock(context_of(napari_viewer))


def scatter(napari_viewer: Viewer) -> QWidget:
    """Return the plot of all patches."""
    from napari_histoclust.widgets.scatter import ScatterDock

    return ScatterDock(context_of(napari_viewer))


def gallery(napari_viewer: Viewer) -> QWidget:
    """Return the pictures of the chosen patches."""
    from napari_histoclust.widgets.gallery import GalleryDock

    return GalleryDock(context_of(napari_viewer))


def workspace(napari_viewer: Viewer) -> QWidget:
    """Open every dock in its place and return the bar of stains and colours."""
    from napari_histoclust.widgets.workspace import Workspace

    return Workspace(context_of(napari_viewer))
