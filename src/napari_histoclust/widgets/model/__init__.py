"""The dock that trains, loads and applies a model."""

from __future__ import annotations

from napari_histoclust.widgets.model.dock import ModelDock

__all__ = ["ModelDock"]
