"""The table of clusters: what each amounts to, and names, merges, splits, colours and marks with undo."""

from __future__ import annotations

from napari_histoclust.widgets.clusters.dock import ClustersDock

__all__ = ["ClustersDock"]
