"""The figure of a comparison of numbers of clusters."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_histoclust.core.figures.curves import Curve, IndexPanel, draw_indices
from napari_histoclust.core.figures.style import save
from napari_histoclust.core.validation.k_choice import SERIES, KChoice, Series
from napari_histoclust.core.validation.measures import measures


def draw_choice(choice: KChoice, path: Path) -> Path:
    """Draw every measure over K, one line a series, and write it to `path`, indices.png of a comparison."""
    panels = [IndexPanel(m.title, m.better, _curves(choice, m.name)) for m in measures().values()]
    return save(draw_indices([panel for panel in panels if panel.curves]), path, own=True)


def _curves(choice: KChoice, measure: str) -> list[Curve]:
    return [curve for series in SERIES if (curve := _curve(choice, series, measure)) is not None]


def _curve(choice: KChoice, series: Series, measure: str) -> Curve | None:
    figures = choice.curve(series, measure)
    if not any(figure.mean is not None for figure in figures):
        return None
    rows = [
        (f.k, np.nan if f.mean is None else f.mean, np.nan if f.spread is None else f.spread) for f in figures
    ]
    k, mean, spread = np.array(rows, np.float64).T
    return Curve(SERIES[series], k, mean, spread)
