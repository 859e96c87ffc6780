"""The dock that says how good a clustering is, and helps to choose the number of clusters."""

from __future__ import annotations

from napari_histoclust.widgets.validation.dock import ValidationDock

__all__ = ["ValidationDock"]
