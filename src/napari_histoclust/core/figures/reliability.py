"""The reliability curve of a model: confidence beside what it promises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_histoclust.core.figures.style import FAINT, GRID, INK, SMALL_PT, TEXT_PT, new_figure, plain_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DOTS, _BARS = "#1f4e9c", "#c9d3e3"


def draw_reliability(document: Mapping[str, Any]) -> Figure:
    """Draw how often patches keep their cluster over their confidence, above how many there are.

    Parameters
    ----------
    document : mapping
        As `Reliability.document` gives it: "expected_calibration_error" and "bins".
    """
    patches, sure, kept = np.array(document["bins"], float).T
    edges, filled = np.linspace(0, 1, len(patches) + 1), patches > 0
    figure = new_figure(3.6, 4.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    for axes in (upper, lower):
        plain_axes(axes)
    upper.plot([0, 1], [0, 1], "--", color=FAINT, linewidth=1)
    upper.plot(sure[filled], kept[filled], "o-", color=_DOTS, markersize=4, linewidth=1.1)
    upper.grid(True, color=GRID, linewidth=0.6)
    upper.set_ylim(0, 1.03)
    upper.set_ylabel("Keeps its cluster in\nother tissue of its kind", fontsize=TEXT_PT, color=INK)
    text = f"calibration error {document['expected_calibration_error']:.3f}"
    upper.text(0.03, 0.95, text, transform=upper.transAxes, fontsize=SMALL_PT, color=INK, va="top")
    lower.bar(edges[:-1], patches, width=np.diff(edges), align="edge", color=_BARS, edgecolor="white")
    lower.set_xlim(0, 1)
    lower.set_ylabel("Patches", fontsize=TEXT_PT, color=INK)
    lower.set_xlabel("Confidence", fontsize=TEXT_PT, color=INK)
    return figure
