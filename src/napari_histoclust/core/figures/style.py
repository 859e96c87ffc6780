"""The look that all figures share, without touching matplotlib's global settings.

Figures are made from `matplotlib.figure.Figure` and drawn by Agg, so that any thread may draw them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.atomic import atomic_file
from napari_histoclust.core.figures.letters import with_letters
from napari_histoclust.core.palette import Cluster

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#222222"
FAINT = "#8a8a8a"
GRID = "#e3e3e3"
SMALL_PT, TEXT_PT, TITLE_PT = 7.0, 8.0, 9.5
DPI = 200
LONGEST_NAME = 40
LEGEND_ROWS = 20
"""Clusters in one column of a legend."""


def new_figure(width_in: float, height_in: float) -> Figure:
    """Return an empty white figure that can be drawn in any thread."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path, *, own: bool = False) -> Path:
    """Write `figure` to `path`, whole or not at all; the suffix decides the format (png, pdf, svg).

    `own` as in `atomic_file`.
    """
    # No date and no version: the same run gives the same file.
    metadata = {"CreationDate": None} if path.suffix == ".pdf" else {"Software": None}
    if path.suffix == ".svg":
        metadata = {"Date": None}
    with atomic_file(path, own=own) as partial:
        with_letters(figure).savefig(partial, format=path.suffix[1:], dpi=DPI, metadata=metadata)
    return path


def plain_axes(axes: Axes) -> None:
    """Leave the lower and left border and a faint grid behind the data."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(labelsize=SMALL_PT, colors=INK, width=0.6, length=2.5)
    axes.set_axisbelow(True)


def picture_axes(axes: Axes) -> None:
    """Take everything from around a picture."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def counts(labels: NDArray[np.integer], clusters: Sequence[Cluster]) -> NDArray[np.int64]:
    """Return the patches of each cluster, in the order of `clusters`."""
    longest = max((cluster.id for cluster in clusters), default=0) + 1
    count = np.bincount(labels, minlength=longest)
    return np.array([count[cluster.id] for cluster in clusters], np.int64)


def short(name: str) -> str:
    """Return a name, or its beginning where it would fill a figure."""
    line = " ".join(name.split())
    return line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 1]}…"


def percent(part: int, whole: int) -> str:
    """Write a share as people read it: "0.4 %", "12 %", "< 0.1 %"."""
    share = 100 * part / whole if whole else 0.0
    if 0 < share < 0.1:
        return "< 0.1 %"
    return f"{share:.1f} %" if share < 10 else f"{share:.0f} %"


def cluster_legend(figure: Figure, clusters: Sequence[Cluster], count: NDArray[np.int64]) -> None:
    """Put a legend with names and shares to the right of everything; clusters without a patch are counted."""
    from matplotlib.patches import Patch

    whole = int(count.sum())
    handles = [
        Patch(facecolor=cluster.colour, label=f"{short(cluster.name)}  {percent(int(n), whole)}")
        for cluster, n in zip(clusters, count, strict=True)
        if n
    ]
    if empty := len(clusters) - len(handles):
        handles.append(Patch(facecolor="none", label=f"{empty} without patches"))
    legend = figure.legend(
        handles=handles,
        loc="outside right upper",
        ncols=max(1, math.ceil(len(handles) / LEGEND_ROWS)),
        fontsize=TEXT_PT,
        frameon=False,
        handlelength=1.1,
        handleheight=1.1,
        labelcolor=INK,
    )
    legend.set_in_layout(True)


def nice_length(longest: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is not over `longest`."""
    power = 10.0 ** math.floor(math.log10(longest))
    return max(step * power for step in (1, 2, 5) if step * power <= longest * (1 + 1e-9))


def length_text(length: float, um_per_px: float | None) -> str:
    """Write a length of a scale bar, in um or mm, or px where the scale is unknown."""
    if um_per_px is None:
        return f"{length:,.0f} px" if length >= 1 else f"{length:g} px"
    return f"{length / 1000:g} mm" if length >= 1000 else f"{length:g} µm"


def draw_scale_bar(axes: Axes, width_px: float, um_per_px: float | None, share: float = 0.25) -> None:
    """Draw a bar of a round length below the lower right corner of a picture `width_px` level-0 px wide.

    The axes' x must run over the picture; the bar is `share` of the width or shorter.
    """
    unit = um_per_px or 1.0
    length = nice_length(share * width_px * unit)
    part = length / (width_px * unit)
    axes.plot(
        [1 - part, 1], [-0.025, -0.025], transform=axes.transAxes, color=INK, linewidth=2.2,
        solid_capstyle="butt", clip_on=False,
    )  # fmt: skip
    axes.text(
        1 - part / 2, -0.04, length_text(length, um_per_px), transform=axes.transAxes, ha="center", va="top",
        fontsize=SMALL_PT, color=INK,
    )  # fmt: skip
