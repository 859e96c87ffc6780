"""The tree across K: a column for each number of clusters, bands where patches go from one to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.figures.style import FAINT, INK, SMALL_PT, TEXT_PT, new_figure, picture_axes
from napari_histoclust.core.statistics.k_tree import Band, KTree, Node

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMN_IN, _HEIGHT_IN = 0.3, 6.4
_NODE = 0.3  # width of a cluster, in columns
_NUMBERED = 0.017  # height from which a cluster has room for its number
_SHADE, _NUMBER_PT = 0.35, 4.9


def draw_k_tree(tree: KTree, colours: Mapping[int, Sequence[str]], k: int) -> Figure:
    """Draw the tree.

    Parameters
    ----------
    tree : KTree
    colours : mapping of int to sequence of str
        Colours of clusters 1..K for each K.
    k : int
        The number of clusters that is shown, which is marked.
    """
    from matplotlib.collections import PolyCollection
    from matplotlib.patches import Rectangle

    figure = new_figure(max(4.0, _COLUMN_IN * len(tree.ks) + 0.6), _HEIGHT_IN)
    axes = figure.add_subplot()
    picture_axes(axes)
    bands = [_outline(band) for band in tree.bands]
    shades = [colours[band.k + 1][band.target - 1] for band in tree.bands]
    axes.add_collection(PolyCollection(bands, facecolors=shades, alpha=_SHADE, linewidths=0))
    boxes = [_box(node) for node in tree.nodes]
    fills = [colours[node.k][node.number - 1] for node in tree.nodes]
    axes.add_collection(PolyCollection(boxes, facecolors=fills, linewidths=0))
    for node in tree.nodes:
        if node.bottom - node.top >= _NUMBERED:
            middle = node.k, (node.top + node.bottom) / 2
            text = axes.text(
                *middle, str(node.number), ha="center", va="center", fontsize=_NUMBER_PT, color=INK
            )
            text.set_in_layout(False)  # hundreds of them are measured slowly
    frame = Rectangle((k - 0.5, -0.015), 1, 1.03, facecolor="none", edgecolor=INK, linewidth=0.8)
    frame.set_linestyle((0, (3, 2)))
    axes.add_patch(frame)
    axes.set_xlim(tree.ks[0] - 0.7, tree.ks[-1] + 0.7)
    axes.set_ylim(1.03, -0.03)
    axes.set_xticks(list(tree.ks), [str(each) for each in tree.ks], fontsize=SMALL_PT, color=INK)
    axes.tick_params(length=0)
    patches = int(tree.sizes[0].sum())
    axes.set_xlabel(f"Clusters (K); heights are shares of {patches:,} patches", fontsize=TEXT_PT, color=FAINT)
    return figure


def _box(node: Node) -> NDArray[np.float64]:
    """Return the (4, 2) corners of a cluster."""
    left, right = node.k - _NODE / 2, node.k + _NODE / 2
    return np.array([(left, node.top), (right, node.top), (right, node.bottom), (left, node.bottom)])


def _outline(band: Band, steps: int = 12) -> NDArray[np.float64]:
    """Return the (m, 2) outline of a band, which leaves and enters its clusters level."""
    t = np.linspace(0, 1, steps)
    x = band.k + _NODE / 2 + t * (1 - _NODE)
    bend = t * t * (3 - 2 * t)
    upper, lower = (a + bend * (b - a) for a, b in zip(band.left, band.right, strict=True))
    return np.concatenate([np.stack([x, upper], 1), np.stack([x, lower], 1)[::-1]])
