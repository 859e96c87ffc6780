"""napari's window, as the docks meet it."""

from __future__ import annotations

from typing import Any

import napari
from napari import Viewer

PLUGIN = "napari-histoclust"


def new_viewer() -> Viewer:
    """Open a window."""
    return napari.Viewer()


def run_window() -> None:
    """Return when the last window is closed."""
    napari.run()


def unwrapped(viewer: Viewer) -> Viewer:
    """Return the viewer itself: plugins are handed proxies, each a new one that dies with its caller."""
    found: Viewer = getattr(viewer, "__wrapped__", viewer)
    return found


def add_dock(viewer: Viewer, title: str) -> tuple[Any, Any]:
    """Return one of our docks, as the Plugins menu opens it, and the widget in it; made if it is not there.

    Parameters
    ----------
    viewer : napari.Viewer
    title : str
        Its `display_name` in napari.yaml.
    """
    dock, widget = viewer.window.add_plugin_dock_widget(PLUGIN, title)
    return dock, widget


def remove_dock(viewer: Viewer, title: str) -> None:
    """Take one of our docks away, if it is there."""
    for name, widget in dict(viewer.window.dock_widgets).items():
        if name == f"{title} ({PLUGIN})":
            viewer.window.remove_dock_widget(widget)
