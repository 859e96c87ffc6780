"""The dock that saves, and exports what others open."""

from __future__ import annotations

from napari_histoclust.widgets.results.dock import ResultsDock

__all__ = ["ResultsDock"]
