"""The dock of slides: add them, look at how they lie on one another, open a run."""

from __future__ import annotations

from napari_histoclust.widgets.slides.dock import SlidesDock

__all__ = ["SlidesDock"]
