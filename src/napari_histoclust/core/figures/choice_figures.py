"""The figure of a comparison of numbers of clusters."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_histoclust.core.figures.curves import Curve, IndexPanel, draw_indices
from napari_histoclust.core.figures.style import save
from napari_histoclust.core.validation.indices import HIGH_IS_BETTER
from napari_histoclust.core.validation.k_choice import (
    CLUSTERS_USED,
    MEASURES,
    SERIES,
    STABILITY,
    KChoice,
    Series,
)
from napari_histoclust.core.validation.meanings import TITLES


def draw_choice(choice: KChoice, path: Path) -> Path:
    """Draw every measure over K, one line a series, and write it to `path`, indices.png of a comparison."""
    panels = [IndexPanel(TITLES[name], _better(name), _curves(choice, name)) for name in MEASURES]
    return save(draw_indices([panel for panel in panels if panel.curves]), path, own=True)


def _better(measure: str) -> str:
    if measure == CLUSTERS_USED:
        return ""
    return "high" if measure in HIGH_IS_BETTER or measure == STABILITY else "low"


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
