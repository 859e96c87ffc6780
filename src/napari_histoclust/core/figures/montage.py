"""The most typical patches of a cluster, in every stain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.figures.letters import with_letters
from napari_histoclust.core.figures.style import (
    FAINT,
    INK,
    SMALL_PT,
    TEXT_PT,
    TITLE_PT,
    length_text,
    new_figure,
    nice_length,
    percent,
    short,
)
from napari_histoclust.core.palette import Cluster
from napari_histoclust.core.patches.grid import PatchGrid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    from napari_histoclust.core.slides.stack import Stack

TOP = 8
_PATCH_IN = 0.82
_LEFT_IN, _RIGHT_IN, _ABOVE_IN, _BELOW_IN = 0.75, 0.05, 0.58, 0.32
_GAP = 0.06


@dataclass(frozen=True, eq=False)
class Montage:
    """What a montage shows.

    Parameters
    ----------
    cluster : Cluster
    patches : int
        Patches of the cluster.
    whole : int
        Patches of the run.
    pixels : (t, stains, p, p, 3) uint8
        The top patches, most confident first; t may be 0.
    confidence : (t,) float32
    stains : tuple of str
    patch_px : float
        Side of a patch in level-0 px.
    um_per_px : float or None
        None where it is unknown, or the patches come from slides of different scale.
    """

    cluster: Cluster
    patches: int
    whole: int
    pixels: NDArray[np.uint8]
    confidence: NDArray[np.float32]
    stains: tuple[str, ...]
    patch_px: float
    um_per_px: float | None


def top_rows(
    labels: NDArray[np.integer],
    confidence: NDArray[np.float32],
    entropy: NDArray[np.float32],
    ids: Sequence[int],
    top: int = TOP,
) -> dict[int, NDArray[np.int64]]:
    """Return the rows of the `top` most confident patches of each cluster, best first.

    A network that is sure says 1.0 of many patches: among equals the lower entropy comes first.
    """
    order = np.lexsort((entropy, -confidence, labels))
    ends = np.cumsum(np.bincount(labels, minlength=max(ids, default=0) + 1))
    starts = np.concatenate([[0], ends[:-1]])
    return {i: order[starts[i] : min(starts[i] + top, ends[i])] for i in ids}


def read_patch(stack: Stack, grid: PatchGrid, row: int, stains: Sequence[str]) -> NDArray[np.uint8]:
    """Read patch `row` of `grid` as (stains, p, p, 3)."""
    y, x = int(grid.row[row]) * grid.stride_px, int(grid.col[row]) * grid.stride_px
    return stack.read(grid.level, y, x, grid.patch_px, grid.patch_px, stains)


def draw_montage(montage: Montage) -> Figure:
    """Draw one column a patch and one row a stain; the figure is as large as that and its words need."""
    stains = len(montage.stains)
    figure = new_figure(_LEFT_IN + TOP * _PATCH_IN, _ABOVE_IN + stains * _PATCH_IN + _BELOW_IN)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, TOP)
    axes.set_ylim(stains, 0)
    axes.set_axis_off()
    _draw_title(axes, montage)
    names = [
        axes.text(-0.08, row + 0.5, short(stain), ha="right", va="center", fontsize=TEXT_PT, color=INK)
        for row, stain in enumerate(montage.stains)
    ]
    for column, (pixels, confidence) in enumerate(zip(montage.pixels, montage.confidence, strict=True)):
        _draw_column(axes, column, pixels, float(confidence))
    if len(montage.pixels):
        _draw_bar(axes, montage)
    else:
        axes.text(TOP / 2, stains / 2, "no patches", ha="center", va="center", fontsize=TITLE_PT, color=FAINT)
    _make_room(figure, axes, names)
    return figure


def _make_room(figure: Figure, axes: Axes, names: Sequence[Text]) -> None:
    """Put the patches into inches of their own, whatever room the names of the stains take."""
    with_letters(figure)
    longest = max((name.get_window_extent().width for name in names), default=0.0) / figure.dpi
    left = max(_LEFT_IN, longest + 0.15)
    _, tall = figure.get_size_inches()
    wide = left + TOP * _PATCH_IN + _RIGHT_IN
    figure.set_size_inches(wide, tall)
    axes.set_position(
        (left / wide, _BELOW_IN / tall, TOP * _PATCH_IN / wide, 1 - (_ABOVE_IN + _BELOW_IN) / tall)
    )


def _draw_title(axes: Axes, montage: Montage) -> None:
    from matplotlib.patches import Rectangle

    share = percent(montage.patches, montage.whole)
    plural = "patch" if montage.patches == 1 else "patches"
    axes.add_patch(Rectangle((_GAP / 2, -0.62), 0.22, 0.22, color=montage.cluster.colour, clip_on=False))
    axes.text(
        0.34, -0.51, short(montage.cluster.name), fontsize=TITLE_PT, fontweight="bold", color=INK, va="center"
    )
    axes.text(
        TOP - _GAP / 2, -0.51, f"{montage.patches:,} {plural}, {share}", fontsize=TEXT_PT, color=INK,
        va="center", ha="right",
    )  # fmt: skip


def _draw_column(axes: Axes, column: int, pixels: NDArray[np.uint8], confidence: float) -> None:
    for row, patch in enumerate(pixels):
        place = (column + _GAP / 2, column + 1 - _GAP / 2, row + 1 - _GAP / 2, row + _GAP / 2)
        axes.imshow(patch, extent=place, interpolation="antialiased", aspect="equal", zorder=2)
    axes.text(
        column + 0.5,
        -0.08,
        confidence_text(confidence),
        ha="center",
        va="bottom",
        fontsize=SMALL_PT,
        color=INK,
    )
    axes.set_xlim(0, TOP)
    axes.set_ylim(len(pixels), 0)


def confidence_text(confidence: float) -> str:
    """Two decimals, but never 1.00 for what is not quite 1."""
    return "> 0.99" if 0.995 <= confidence < 1 else f"{confidence:.2f}"


def _draw_bar(axes: Axes, montage: Montage) -> None:
    """Draw a scale bar below the last column."""
    side = montage.patch_px * (montage.um_per_px or 1.0)
    length = nice_length(side)
    inside = 1 - _GAP
    right, below = TOP - _GAP / 2, len(montage.stains) + 0.10
    left = right - length / side * inside
    axes.plot([left, right], [below, below], color=INK, linewidth=2.2, solid_capstyle="butt", clip_on=False)
    axes.text(
        (left + right) / 2, below + 0.07, length_text(length, montage.um_per_px), ha="center", va="top",
        fontsize=SMALL_PT, color=INK,
    )  # fmt: skip
    axes.text(0, below + 0.07, "Confidence above each column", va="top", fontsize=SMALL_PT, color=FAINT)
