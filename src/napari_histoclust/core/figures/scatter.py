"""The embedding, coloured by cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.figures.style import (
    INK,
    SMALL_PT,
    TEXT_PT,
    cluster_legend,
    counts,
    new_figure,
    picture_axes,
)
from napari_histoclust.core.palette import Cluster, colour_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CANVAS_PX = 1400


def draw_scatter(
    embedding: NDArray[np.float32], labels: NDArray[np.integer], clusters: Sequence[Cluster]
) -> Figure:
    """Draw every patch at its place in the embedding.

    The points are painted into a picture, not handed to matplotlib one by one: millions take seconds, and
    no cluster hides another because it comes later, as each px shows the mean colour of the points on it.

    Parameters
    ----------
    embedding : (n, 2) float32
    labels : (n,) integers
        1..K.
    clusters : sequence of Cluster
    """
    figure = new_figure(7.0, 5.4)
    axes = figure.add_subplot()
    low, high = _limits(embedding)
    axes.imshow(
        paint_points(embedding, colour_table(clusters)[labels], low, high),
        extent=(low[0], high[0], low[1], high[1]),
        origin="lower",
        aspect="auto",
        interpolation="antialiased",
    )
    picture_axes(axes)
    axes.set_xlabel("UMAP 1", fontsize=TEXT_PT, color=INK, loc="left")
    axes.set_ylabel("UMAP 2", fontsize=TEXT_PT, color=INK, loc="bottom")
    _name_clouds(axes, embedding, labels, clusters)
    cluster_legend(figure, clusters, counts(labels, clusters))
    return figure


def _limits(embedding: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper corner (x, y) of all points, with a margin."""
    if not len(embedding):
        return np.zeros(2), np.ones(2)
    low, high = embedding.min(0).astype(np.float64), embedding.max(0).astype(np.float64)
    margin = 0.03 * (high - low) + 1e-6
    return low - margin, high + margin


def paint_points(
    points: NDArray[np.float32], rgb: NDArray[np.uint8], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Paint points as small discs on white.

    Parameters
    ----------
    points : (n, 2) float32
        x, y.
    rgb : (n, 3) uint8
        Colour of each.
    low, high : (2,) float64
        Corners of the canvas.

    Returns
    -------
    (1400, 1400, 3) uint8, row 0 at the bottom. Where points overlap their colours are averaged.
    """
    cell = (points - low) / (high - low) * (_CANVAS_PX - 1)
    x, y = np.rint(cell).astype(np.int64).T
    place, size = y * _CANVAS_PX + x, _CANVAS_PX**2
    weights = [None, *np.moveaxis(rgb, 1, 0)]
    layers = [np.bincount(place, weight, size).reshape(_CANVAS_PX, _CANVAS_PX) for weight in weights]
    sums = np.stack(layers).astype(np.float64)
    spread = _spread(sums, _radius_px(len(points)))
    cover = np.minimum(1.0, spread[0])[..., None]
    mean = np.moveaxis(spread[1:] / np.maximum(spread[0], 1e-9), 0, -1)
    return np.asarray(np.rint(mean * cover + 255 * (1 - cover)), np.uint8)


def _radius_px(n: int) -> float:
    """Radius at which `n` evenly spread discs cover about a quarter of the canvas: 1 px to 9 px."""
    return float(np.clip(0.14 * _CANVAS_PX / np.sqrt(max(n, 1)), 1.0, 9.0))


def _spread(sums: NDArray[np.float64], radius_px: float) -> NDArray[np.float64]:
    """Turn every point into a disc."""
    from scipy.signal import oaconvolve

    reach = int(np.ceil(radius_px)) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = np.clip(radius_px + 0.5 - np.hypot(y, x), 0, 1)
    spread: NDArray[np.float64] = oaconvolve(sums, disc[None], mode="same", axes=(1, 2))
    spread[np.abs(spread) < 1e-6] = 0
    return spread


def _name_clouds(
    axes: Axes, embedding: NDArray[np.float32], labels: NDArray[np.integer], clusters: Sequence[Cluster]
) -> None:
    """Write each cluster's id where most of its patches lie."""
    from matplotlib.patheffects import withStroke

    for cluster in clusters:
        own = embedding[labels == cluster.id]
        if len(own):
            x, y = _densest(own)
            axes.text(
                x, y, str(cluster.id), ha="center", va="center", fontsize=SMALL_PT + 1, fontweight="bold",
                color=INK, path_effects=[withStroke(linewidth=2.5, foreground="white")],
            )  # fmt: skip


def _densest(points: NDArray[np.float32]) -> tuple[float, float]:
    """Return the middle of the fullest of 12 x 12 cells: unlike the mean, it lies on the cloud."""
    count, xs, ys = np.histogram2d(points[:, 0], points[:, 1], bins=12)
    i, j = np.unravel_index(count.argmax(), count.shape)
    inside = (points[:, 0] >= xs[i]) & (points[:, 0] <= xs[i + 1])
    inside &= (points[:, 1] >= ys[j]) & (points[:, 1] <= ys[j + 1])
    x, y = points[inside].mean(0)
    return float(x), float(y)
