"""The patches as points in the plane: a raster written by a compiled loop, and the gestures on it."""

from __future__ import annotations

from napari_histoclust.widgets.scatter.dock import ScatterDock

__all__ = ["ScatterDock"]
