"""The figures of the paper, drawn from a run."""

from __future__ import annotations

from napari_histoclust.core.figures.of_choice import draw_choice
from napari_histoclust.core.figures.of_run import draw_figures, write_map

__all__ = ["draw_choice", "draw_figures", "write_map"]
