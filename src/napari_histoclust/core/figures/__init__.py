"""The figures of the paper, drawn from a run."""

from __future__ import annotations

from napari_histoclust.core.figures.choice_figures import draw_choice
from napari_histoclust.core.figures.run_figures import draw_figures, write_map

__all__ = ["draw_choice", "draw_figures", "write_map"]
