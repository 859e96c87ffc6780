"""The gallery: patches side by side, every stain of each."""

from __future__ import annotations

from napari_histoclust.widgets.gallery.dock import GalleryDock

__all__ = ["GalleryDock"]
