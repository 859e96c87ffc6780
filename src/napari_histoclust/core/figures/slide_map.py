"""The clusters on the slide."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.figures.style import (
    INK,
    LEGEND_ROWS,
    TITLE_PT,
    cluster_legend,
    draw_scale_bar,
    new_figure,
    picture_axes,
)
from napari_histoclust.core.palette import Cluster, colour_table
from napari_histoclust.core.patches.grid import PatchGrid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from napari_histoclust.core.slides.stack import Stack

THUMBNAIL_PX = 1000


@dataclass(frozen=True, eq=False)
class MapPanel:
    """One slide of a map.

    Parameters
    ----------
    name : str
        Of the slide.
    labels : (rows, cols) integers
        Cluster ids, 0 = no patch.
    extent_px : (left, right, bottom, top)
        Place of `labels` in level-0 px, as matplotlib's imshow takes it.
    shape_px : (height, width)
        Of the slide in level-0 px.
    um_per_px : float or None
    thumbnail : (h, w, 3) uint8 or None
        The whole slide in small, None where the images are not at hand.
    """

    name: str
    labels: NDArray[np.integer]
    extent_px: tuple[float, float, float, float]
    shape_px: tuple[float, float]
    um_per_px: float | None
    thumbnail: NDArray[np.uint8] | None


def grid_extent_px(grid: PatchGrid) -> tuple[float, float, float, float]:
    """Return (left, right, bottom, top) of the lattice's picture in level-0 px."""
    (y, x), half = grid.origin_px, grid.place_px / 2
    rows, cols = grid.shape
    return x - half, x - half + cols * grid.place_px, y - half + rows * grid.place_px, y - half


def read_thumbnail(stack: Stack, stain: str, longest_px: int = THUMBNAIL_PX) -> NDArray[np.uint8]:
    """Return the whole of one stain, about `longest_px` long, from the smallest level that is enough.

    A huge level of a file without a pyramid is read by strips and thinned, never whole.
    """
    enough = [k for k, shape in enumerate(stack.shapes) if max(shape) >= longest_px]
    level = enough[-1] if enough else 0
    height, width = stack.shapes[level]
    step = max(1, max(height, width) // longest_px)
    strip = max(step, 256 // step * step)
    parts = [
        stack.read(level, y, 0, min(strip, height - y), width, [stain])[0, ::step, ::step]
        for y in range(0, height, strip)
    ]
    return np.concatenate(parts)


def draw_map(panels: Sequence[MapPanel], clusters: Sequence[Cluster], count: NDArray[np.int64]) -> Figure:
    """Draw each slide beside its clusters.

    Parameters
    ----------
    panels : sequence of MapPanel
        One row each.
    clusters : sequence of Cluster
    count : (K,) int64
        Patches of each cluster, for the shares in the legend.
    """
    views = [_view(panel) for panel in panels]
    aspects = [(bottom - top) / (right - left) for left, right, bottom, top in views]
    across = 2 if any(panel.thumbnail is not None for panel in panels) else 1
    wide = 3.4 if across == 2 else 5.0
    legend = 1.7 * math.ceil(max(1, len(clusters)) / LEGEND_ROWS)
    heights = [min(wide * aspect, 6.0) for aspect in aspects]
    tall = max(sum(heights) + 0.45 * len(panels), 0.3 + 0.19 * min(len(clusters), LEGEND_ROWS))
    figure = new_figure(across * wide + legend, tall)
    rows = figure.subplots(len(panels), across, squeeze=False, gridspec_kw={"height_ratios": heights})
    for row, panel in zip(rows, panels, strict=True):
        if across == 2:
            _draw_slide(row[0], panel)
        _draw_labels(row[-1], panel, clusters)
    cluster_legend(figure, clusters, count)
    return figure


def _draw_slide(axes: Axes, panel: MapPanel) -> None:
    _frame(axes, panel)
    if panel.thumbnail is not None:
        axes.imshow(panel.thumbnail, extent=_whole(panel), interpolation="antialiased")
    axes.set_title(panel.name, fontsize=TITLE_PT, color=INK, loc="left")


def _draw_labels(axes: Axes, panel: MapPanel, clusters: Sequence[Cluster]) -> None:
    """Lay the clusters over the slide made pale."""
    _frame(axes, panel)
    if panel.thumbnail is not None:
        grey = panel.thumbnail.mean(-1, keepdims=True)
        pale = (255 - 0.30 * (255 - grey)).astype(np.uint8)
        axes.imshow(
            np.broadcast_to(pale, panel.thumbnail.shape), extent=_whole(panel), interpolation="antialiased"
        )
    rgba = np.zeros((*panel.labels.shape, 4), np.uint8)
    rgba[..., :3] = colour_table(clusters)[panel.labels]
    rgba[..., 3] = np.where(panel.labels > 0, 255, 0)
    axes.imshow(rgba, extent=panel.extent_px, interpolation=_interpolation(panel))
    left, right, _, _ = _view(panel)
    draw_scale_bar(axes, right - left, panel.um_per_px)


def _interpolation(panel: MapPanel) -> str:
    """Sharp patches where each has its px; averaged (not dropped) where there are more than px."""
    return "nearest" if max(panel.labels.shape) <= THUMBNAIL_PX else "antialiased"


def _whole(panel: MapPanel) -> tuple[float, float, float, float]:
    height, width = panel.shape_px
    return 0.0, width, height, 0.0


def _view(panel: MapPanel) -> tuple[float, float, float, float]:
    """Return (left, right, bottom, top) in level-0 px of what is shown: all tissue, and a margin."""
    rows, cols = np.flatnonzero((panel.labels > 0).any(1)), np.flatnonzero((panel.labels > 0).any(0))
    if not len(rows):
        return _whole(panel)
    left, right, bottom, top = panel.extent_px
    place_y, place_x = (bottom - top) / panel.labels.shape[0], (right - left) / panel.labels.shape[1]
    margin = 0.03 * max((rows[-1] - rows[0] + 1) * place_y, (cols[-1] - cols[0] + 1) * place_x)
    return (
        left + cols[0] * place_x - margin,
        left + (cols[-1] + 1) * place_x + margin,
        top + (rows[-1] + 1) * place_y + margin,
        top + rows[0] * place_y - margin,
    )


def _frame(axes: Axes, panel: MapPanel) -> None:
    """Make both pictures of a row show the same part of the world."""
    left, right, bottom, top = _view(panel)
    picture_axes(axes)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_aspect("equal")
    axes.set_autoscale_on(False)
