"""How many patches each cluster has."""

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
    percent,
    plain_axes,
)
from napari_histoclust.core.palette import Cluster

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_histogram(clusters: Sequence[Cluster], count: NDArray[np.int64]) -> Figure:
    """Draw a bar a cluster, labelled with its share; a line marks equal shares.

    Parameters
    ----------
    clusters : sequence of Cluster
        In the order of the bars.
    count : (K,) int64
        Patches of each.
    """
    from matplotlib.patheffects import withStroke

    k, whole = len(clusters), int(count.sum())
    figure = new_figure(max(3.6, 1.2 + 0.36 * k), 3.0)
    axes = figure.add_subplot()
    plain_axes(axes)
    axes.yaxis.grid(True, color=GRID, linewidth=0.6)
    places = np.arange(k)
    axes.bar(places, count, 0.78, color=[cluster.colour for cluster in clusters])
    for place, n in zip(places, count, strict=True):
        axes.annotate(
            percent(int(n), whole), (place, n), (0, 2), textcoords="offset points", ha="center",
            va="bottom", fontsize=SMALL_PT - 1, color=INK, rotation=90 if k > 8 else 0,
            path_effects=[withStroke(linewidth=2, foreground="white")],
        )  # fmt: skip
    if k:
        axes.axhline(whole / k, color=FAINT, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0.5)
        axes.annotate(
            "equal\nshares", (1, whole / k), (3, 0), xycoords=axes.get_yaxis_transform(),
            textcoords="offset points", va="center", fontsize=SMALL_PT - 1, color=FAINT,
        )  # fmt: skip
        axes.set_xlim(-0.7, k - 0.3)
    axes.set_ylim(0, max(1, count.max(initial=0)) * (1.22 if k > 8 else 1.12))
    _name_bars(axes, clusters, places)
    axes.set_ylabel("Patches", fontsize=TEXT_PT, color=INK)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_title(f"{whole:,} patches in {k} clusters", fontsize=TITLE_PT, color=INK, loc="left")
    return figure


def _name_bars(axes: Axes, clusters: Sequence[Cluster], places: NDArray[np.int_]) -> None:
    """Write the names below the bars, or only the ids where every name is its default."""
    plain = all(cluster.name == f"Cluster {cluster.id}" for cluster in clusters)
    names = [str(cluster.id) if plain else cluster.name for cluster in clusters]
    axes.set_xticks(places, names, rotation=0 if plain else 45, ha="center" if plain else "right")
    axes.set_xlabel("Cluster" if plain else "", fontsize=TEXT_PT, color=INK)
