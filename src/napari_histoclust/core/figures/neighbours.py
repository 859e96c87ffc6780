"""Which clusters lie beside which, and what each slide is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_histoclust.core.figures.style import (
    INK,
    SMALL_PT,
    TEXT_PT,
    cluster_legend,
    new_figure,
    plain_axes,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from napari_histoclust.core.statistics.composition import Composition
    from napari_histoclust.core.statistics.neighbourhood import Neighbourhood


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
    names = [cluster.name for cluster in clusters]
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
