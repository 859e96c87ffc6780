"""How the stains of a slide lie on the reference, region by region."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.alignment import StainAlignment
from napari_histoclust.core.alignment.regions import Float
from napari_histoclust.core.alignment.shift_map import heat_colour, overlap_heat, shift_heat
from napari_histoclust.core.atomic import check_file
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.figures.slide_map import read_thumbnail
from napari_histoclust.core.figures.style import (
    FAINT,
    INK,
    SMALL_PT,
    TITLE_PT,
    new_figure,
    picture_axes,
    save,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from napari_histoclust.core.slides.stack import Stack

SUFFIXES = (".png", ".pdf", ".svg")
_WIDE_IN, _TALLEST_IN = 3.0, 4.5
_THUMBNAIL_PX = 500


def save_alignment(stack: Stack, lines: Sequence[StainAlignment], path: Path) -> Path:
    """Draw the maps of all stains and write them to `path` (.png, .pdf or .svg).

    Raises
    ------
    HistoclustError
        If the suffix is another one, or there is only one stain.
    """
    check_figure(path)
    if not lines:
        raise HistoclustError(f"{stack.path}: has only one stain, so that there is no alignment to draw.")
    return save(draw_alignment(stack, lines), path)


def check_figure(path: Path) -> None:
    """Raise HistoclustError if no figure may be written at `path`."""
    if path.suffix.lower() not in SUFFIXES:
        raise HistoclustError(f"{path}: figures are written as {', '.join(SUFFIXES)}: give such a name.")
    check_file(path)


def draw_alignment(stack: Stack, lines: Sequence[StainAlignment]) -> Figure:
    """Draw a row a stain: shifts with arrows on the left, overlaps of the outlines on the right."""
    height, width = stack.shapes[0]
    tall = min(_WIDE_IN * height / width, _TALLEST_IN) + 0.35
    figure = new_figure(2 * _WIDE_IN, tall * len(lines))
    rows = figure.subplots(len(lines), 2, squeeze=False)
    unit, scale = ("px", 1.0) if stack.um_per_px is None else ("µm", stack.um_per_px)
    for (left, right), line in zip(rows, lines, strict=True):
        thumbnail = read_thumbnail(stack, line.stain, _THUMBNAIL_PX)
        title = f"{line.stain}: shift in {unit}, {line.tolerated_px * scale:.0f} is tolerated"
        _draw_map(left, stack, thumbnail, title, shift_heat(line), line.regions.length_px * scale)
        _draw_arrows(left, line)
        overlap = f"{line.stain}: overlap in %, {100 * line.outline_dice:.0f} as a whole"
        _draw_map(right, stack, thumbnail, overlap, overlap_heat(line), 100 * line.regions.outline_dice)
    return figure


def _draw_map(
    axes: Axes, stack: Stack, thumbnail: NDArray[np.uint8], title: str, heat: Float, numbers: Float
) -> None:
    height, width = stack.shapes[0]
    extent = (0.0, float(width), float(height), 0.0)
    picture_axes(axes)
    axes.set_title(title, fontsize=TITLE_PT - 1.5, color=INK, loc="left")
    axes.imshow(thumbnail, extent=extent, interpolation="antialiased")
    rgba = np.zeros((*heat.shape, 4), np.uint8)
    for row, col in np.argwhere(np.isfinite(heat)):
        rgba[row, col] = (*heat_colour(float(heat[row, col])), 165)
    axes.imshow(rgba, extent=extent, interpolation="nearest")
    for row, col in np.argwhere(np.isfinite(heat)):
        place = (col + 0.5) * width / heat.shape[1], (row + 0.8) * height / heat.shape[0]
        axes.text(
            *place, f"{numbers[row, col]:.0f}", ha="center", va="center", fontsize=SMALL_PT - 2, color=INK
        )
    axes.set_aspect("equal")


def _draw_arrows(axes: Axes, line: StainAlignment) -> None:
    """From where the stain is to where it would lie best, four times as long."""
    regions = line.regions
    cells = np.argwhere(np.isfinite(regions.length_px))
    if not len(cells):
        axes.text(0.5, 0.5, "nothing to tell a shift by", transform=axes.transAxes, ha="center", color=FAINT)
        return
    y, x = (cells[:, 0] + 0.4) * regions.height_px, (cells[:, 1] + 0.5) * regions.width_px
    down, right = (4 * regions.shift_px[cells[:, 0], cells[:, 1], k] for k in (0, 1))
    axes.quiver(x, y, right, down, angles="xy", scale_units="xy", scale=1, color=INK, width=0.005)
