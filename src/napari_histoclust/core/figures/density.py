"""Where on the slide each cluster is dense: small multiples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.figures.style import (
    INK,
    SMALL_PT,
    TEXT_PT,
    TITLE_PT,
    new_figure,
    percent,
    picture_axes,
    short,
)
from napari_histoclust.core.palette import Cluster
from napari_histoclust.core.patches.grid import PatchGrid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LONGEST = 240
_COLOURS = ("#ececec", "#f3b184", "#d65c5c", "#872f78", "#1d1147")
"""From no patch to all patches: light grey, then orange to dark violet, even in lightness."""


def densities(
    grid: PatchGrid, labels: NDArray[np.integer], ids: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the share of each cluster among the patches near each place.

    Near is a Gaussian of 1.5 % of the longer side; lattices longer than 240 are first summed by squares.

    Parameters
    ----------
    grid : PatchGrid
    labels : (n,) integers
        Of the patches of `grid`.
    ids : sequence of int
        Clusters wanted.

    Returns
    -------
    shares : (K, h, w) float64
        0..1; 0 where there is no patch.
    tissue : (h, w) bool
        Squares that hold a patch. Both are cut to the part of the slide that holds tissue.
    """
    from scipy.ndimage import gaussian_filter

    step = max(1, math.ceil(max(grid.shape) / _LONGEST))
    height, width = (math.ceil(side / step) for side in grid.shape)
    longest = max(ids, default=0) + 1
    place = (labels.astype(np.int64) * height + grid.row // step) * width + grid.col // step
    count = np.bincount(place, minlength=longest * height * width).reshape(longest, height, width)
    sigma = max(0.7, 0.015 * max(height, width))
    everything = gaussian_filter(count.sum(0).astype(float), sigma)
    tissue = count.sum(0) > 0
    shares = np.zeros((len(ids), height, width))
    for share, i in zip(shares, ids, strict=True):
        np.divide(gaussian_filter(count[i].astype(float), sigma), everything, out=share, where=tissue)
    return shares[:, *_around(tissue)], tissue[_around(tissue)]


def _around(tissue: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the part of the picture that holds all tissue."""
    if not tissue.any():
        return slice(None), slice(None)
    rows, cols = np.flatnonzero(tissue.any(1)), np.flatnonzero(tissue.any(0))
    return slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)


def draw_density(
    name: str,
    shares: NDArray[np.float64],
    tissue: NDArray[np.bool_],
    clusters: Sequence[Cluster],
    count: NDArray[np.int64],
) -> Figure:
    """Draw one panel a cluster, all on one scale from 0 to 1.

    Parameters
    ----------
    name : str
        Of the slide.
    shares : (K, h, w) float64
    tissue : (h, w) bool
    clusters : sequence of Cluster
    count : (K,) int64
        Patches of each on this slide.
    """
    from matplotlib.colors import LinearSegmentedColormap

    across = min(max(len(clusters), 1), 5 if len(clusters) <= 20 else 8)
    down = max(1, math.ceil(len(clusters) / across))
    wide, tall = 1.45, 1.45 * min(tissue.shape[0] / tissue.shape[1], 3.0)
    figure = new_figure(across * wide + 0.75, down * (tall + 0.24) + 0.35)
    panels = figure.subplots(down, across, squeeze=False).ravel()
    image, colour_map = None, LinearSegmentedColormap.from_list("density", _COLOURS)
    for axes, cluster, share, n in zip(panels, clusters, shares, count, strict=False):
        picture_axes(axes)
        image = axes.imshow(
            np.ma.masked_array(share, ~tissue), vmin=0, vmax=1, cmap=colour_map, interpolation="nearest"
        )
        axes.set_facecolor("white")
        axes.annotate(
            "■", (0, 1), (0, 1), textcoords="offset points", xycoords="axes fraction", fontsize=TEXT_PT,
            color=cluster.colour,
        )  # fmt: skip
        axes.set_title(
            f"    {short(cluster.name)}  {percent(int(n), int(count.sum()))}",
            fontsize=SMALL_PT,
            color=INK,
            loc="left",
            pad=2,
        )
    for axes in panels[len(clusters) :]:
        axes.set_visible(False)
    figure.suptitle(name, fontsize=TITLE_PT, color=INK, x=0.01, ha="left")
    if image is not None:
        bar = figure.colorbar(image, ax=list(panels), fraction=0.05, aspect=25, shrink=0.8)
        bar.set_label("Share of the patches nearby", fontsize=TEXT_PT, color=INK)
        bar.ax.tick_params(labelsize=SMALL_PT, colors=INK)
        bar.outline.set_visible(False)
    return figure
