"""How sure the model is: of each cluster, and where on the slide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.figures.style import (
    FAINT,
    GRID,
    INK,
    SMALL_PT,
    TEXT_PT,
    TITLE_PT,
    new_figure,
    picture_axes,
    plain_axes,
)
from napari_histoclust.core.palette import Cluster

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def draw_confidence(
    clusters: Sequence[Cluster],
    labels: NDArray[np.integer],
    confidence: NDArray[np.float32],
    pictures: Sequence[tuple[str, NDArray[np.float32]]],
) -> Figure:
    """Draw the spread of the confidence in each cluster, and its map on each slide.

    Parameters
    ----------
    clusters : sequence of Cluster
    labels : (n,) integers
    confidence : (n,) float32
    pictures : sequence of (str, (rows, cols) float32)
        Name of each slide and its lattice of confidences, NaN where there is no patch.
    """
    tall = max(2.4, 0.6 + 0.2 * len(clusters))
    figure = new_figure(3.2 + 3.4 * len(pictures), max(tall, 3.0))
    spread, *maps = figure.subplots(1, 1 + len(pictures), squeeze=False)[0]
    _draw_spread(spread, clusters, labels, confidence)
    for axes, (name, picture) in zip(maps, pictures, strict=True):
        picture_axes(axes)
        drawn = axes.imshow(_cropped(picture), cmap="viridis", vmin=0, vmax=1, interpolation="nearest")
        axes.set_title(name, fontsize=TITLE_PT, color=INK, loc="left")
    if maps:
        bar = figure.colorbar(drawn, ax=maps, shrink=0.7, pad=0.02)
        bar.ax.tick_params(labelsize=SMALL_PT, colors=INK)
        bar.set_label("Confidence", fontsize=TEXT_PT, color=INK)
        bar.outline.set_visible(False)
    return figure


def _cropped(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cut away the rows and columns around all patches."""
    there = ~np.isnan(picture)
    rows, cols = np.flatnonzero(there.any(1)), np.flatnonzero(there.any(0))
    return picture[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1] if len(rows) else picture


def _draw_spread(
    axes: Axes, clusters: Sequence[Cluster], labels: NDArray[np.integer], confidence: NDArray[np.float32]
) -> None:
    """Draw 90 % of the patches as a thin line, half of them as a thick one, the median as a dot."""
    plain_axes(axes)
    axes.xaxis.grid(True, color=GRID, linewidth=0.6)
    order = np.argsort(labels, kind="stable")
    ends = np.searchsorted(labels[order], [[c.id, c.id + 1] for c in clusters])
    for place, (cluster, (start, end)) in enumerate(zip(clusters, ends, strict=True)):
        if end > start:
            low, lower, middle, upper, high = np.quantile(confidence[order[start:end]], _QUANTILES)
            axes.plot([low, high], [place, place], color=FAINT, linewidth=0.8)
            axes.plot(
                [lower, upper], [place, place], color=cluster.colour, linewidth=5, solid_capstyle="butt"
            )
            axes.plot([middle], [place], "o", color=INK, markersize=2.5)
    axes.set_yticks(range(len(clusters)), [cluster.name for cluster in clusters])
    axes.set_ylim(len(clusters) - 0.5, -0.5)
    axes.set_xlim(0, 1.02)
    axes.set_xlabel("Confidence: median, half, 90 % of the patches", fontsize=TEXT_PT, color=INK)
