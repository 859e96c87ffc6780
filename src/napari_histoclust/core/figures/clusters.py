"""Charts of clusters: sizes, confidence, neighbourhood and composition."""

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
    cluster_legend,
    counts,
    new_figure,
    percent,
    picture_axes,
    plain_axes,
    short,
)
from napari_histoclust.core.palette import Cluster

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from napari_histoclust.core.statistics.composition import Composition
    from napari_histoclust.core.statistics.neighbourhood import Neighbourhood


def draw_histogram(clusters: Sequence[Cluster], count: NDArray[np.int64]) -> Figure:
    """Draw a bar a cluster that has patches, labelled with its share; a line marks equal shares.

    Parameters
    ----------
    clusters : sequence of Cluster
        In the order of the bars.
    count : (K,) int64
        Patches of each.
    """
    from matplotlib.patheffects import withStroke

    clusters, count, empty = _with_patches(clusters, count)
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
    more = f", {empty} more without" if empty else ""
    axes.set_title(f"{whole:,} patches in {k} clusters{more}", fontsize=TITLE_PT, color=INK, loc="left")
    return figure


def _with_patches(
    clusters: Sequence[Cluster], count: NDArray[np.int64]
) -> tuple[list[Cluster], NDArray[np.int64], int]:
    """Return the clusters that have patches, how many each has, and how many have none."""
    used = [cluster for cluster, n in zip(clusters, count, strict=True) if n]
    return used, count[count > 0], len(clusters) - len(used)


def _name_bars(axes: Axes, clusters: Sequence[Cluster], places: NDArray[np.int_]) -> None:
    """Write the names below the bars, or only the ids where every name is its default."""
    plain = all(cluster.name == f"Cluster {cluster.id}" for cluster in clusters)
    names = [str(cluster.id) if plain else short(cluster.name) for cluster in clusters]
    axes.set_xticks(places, names, rotation=0 if plain else 45, ha="center" if plain else "right")
    axes.set_xlabel("Cluster" if plain else "", fontsize=TEXT_PT, color=INK)


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
    clusters, *_ = _with_patches(clusters, counts(labels, clusters))
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
    axes.set_yticks(range(len(clusters)), [short(cluster.name) for cluster in clusters])
    axes.set_ylim(len(clusters) - 0.5, -0.5)
    axes.set_xlim(0, 1.02)
    axes.set_xlabel("Confidence: median, half, 90 % of the patches", fontsize=TEXT_PT, color=INK)


def draw_neighbourhood(found: Neighbourhood) -> Figure:
    """Draw z as a square: red beside each other more often than by chance, blue less often, grey no figure.

    Parameters
    ----------
    found : Neighbourhood
        Clusters without a patch are left out.
    """
    there = np.flatnonzero(found.counts.sum(1))
    clusters = [found.clusters[i] for i in there]
    z = found.z[np.ix_(there, there)]
    side = max(2.6, 0.26 * len(clusters) + 1.4)
    figure = new_figure(side + 1.0, side)
    axes = figure.add_subplot()
    limit = max(1.0, float(np.nanmax(np.abs(z), initial=1.0)))
    image = axes.imshow(z, cmap="RdBu_r", vmin=-limit, vmax=limit)
    axes.set_facecolor("#dddddd")
    names = [short(cluster.name) for cluster in clusters]
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=SMALL_PT, color=INK)
    axes.set_yticks(range(len(names)), names, fontsize=SMALL_PT, color=INK)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for tick, cluster in zip(axes.get_yticklabels(), clusters, strict=True):
        tick.set_bbox({"facecolor": cluster.colour, "alpha": 0.35, "edgecolor": "none", "pad": 1.0})
    bar = figure.colorbar(image, ax=axes, shrink=0.7)
    bar.set_label("z against chance", fontsize=TEXT_PT, color=INK)
    bar.ax.tick_params(labelsize=SMALL_PT, colors=INK)
    bar.outline.set_visible(False)
    return figure


def draw_composition(made_of: Composition) -> Figure:
    """Draw one bar a slide, cut into the shares of its clusters."""
    slides = len(made_of.slides)
    figure = new_figure(7.2, max(1.3, 0.7 + 0.34 * slides, 0.4 + 0.19 * min(len(made_of.clusters), 20)))
    axes = figure.add_subplot()
    plain_axes(axes)
    ends = 100 * np.cumsum(made_of.share, axis=1)
    for i, cluster in enumerate(made_of.clusters):
        width = 100 * made_of.share[:, i]
        axes.barh(range(slides), width, 0.7, left=ends[:, i] - width, color=cluster.colour)
    axes.set_yticks(range(slides), made_of.slides)
    axes.set_ylim(max(slides, 4) - 0.5, -0.5)  # a lone bar is no wall
    axes.set_xlim(0, 100)
    axes.set_xlabel("Share of the slide's patches (%)", fontsize=TEXT_PT, color=INK)
    cluster_legend(figure, made_of.clusters, made_of.patches.sum(0))
    return figure
