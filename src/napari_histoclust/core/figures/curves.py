"""Curves: the learning curve of a model, and measures over the number of clusters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
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
    plain_axes,
    save,
)
from napari_histoclust.core.model.loss_parts import HELD_OUT, PARTS
from napari_histoclust.core.validation.k_choice import SERIES, KChoice, Series
from napari_histoclust.core.validation.k_range import KRange, named
from napari_histoclust.core.validation.measures import measures

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_SHADE = "#fdf3d0"
_TITLE_CHARS = 42  # that a panel is wide

# Five lines that stay apart for colour-blind eyes and in grey, and their markers.
_LINES = (("#1f4e9c", "o"), ("#d1495b", "s"), ("#2a9d5c", "^"), ("#8a8a8a", "D"), ("#b5822a", "v"))


def draw_learning_curve(history: Sequence[Mapping[str, float]]) -> Figure:
    """Draw the loss and its parts over the epochs, training and held-out patches.

    Parameters
    ----------
    history : sequence of mapping
        One record an epoch: "epoch", "loss" and its parts, with the prefix "held_out_" for patches that did
        not train. Empty where nothing was recorded.
    """
    names = [name for name in PARTS if any(name in record for record in history)]
    figure = new_figure(7.2, 2.1 * max(1, math.ceil(len(names) / 3)) + 0.3)
    if not names:
        figure.text(0.5, 0.5, "no learning history", ha="center", va="center", fontsize=TITLE_PT, color=FAINT)
        return figure
    panels = figure.subplots(
        math.ceil(len(names) / 3), min(3, len(names)), squeeze=False, sharex=True
    ).ravel()
    for axes, name in zip(panels, names, strict=False):
        _draw_part(axes, history, name)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    for axes in panels[: len(names)][-3:]:
        axes.tick_params(labelbottom=True)
        axes.set_xlabel("Epoch", fontsize=TEXT_PT, color=INK)
    handles, texts = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, texts, loc="outside lower right", ncols=2, fontsize=TEXT_PT, frameon=False, labelcolor=INK
    )
    return figure


def _draw_part(axes: Axes, history: Sequence[Mapping[str, float]], name: str) -> None:
    plain_axes(axes)
    axes.grid(True, color=GRID, linewidth=0.6)
    for prefix, text, colour, dash in (
        ("", "Training", _LINES[0][0], "-"),
        (HELD_OUT, "Held out", _LINES[1][0], "--"),
    ):
        points = [(record["epoch"], record[prefix + name]) for record in history if prefix + name in record]
        if points:
            epoch, value = np.array(points).T
            single = "o" if len(points) == 1 else ""
            axes.plot(
                epoch, value, dash, color=colour, linewidth=1.1, marker=single, markersize=3, label=text
            )
    axes.set_title(PARTS[name], fontsize=TEXT_PT, color=INK, loc="left")


@dataclass(frozen=True, eq=False)
class Curve:
    """One measure over K.

    Parameters
    ----------
    name : str
        What the legend says.
    k : (m,) numbers of clusters
    mean, spread : (m,) float64
        NaN where undefined.
    """

    name: str
    k: NDArray[np.float64]
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class IndexPanel:
    """One index over K.

    Parameters
    ----------
    title : str
    better : "high", "low" or ""
        Which way is better; "" where neither is.
    curves : sequence of Curve
    """

    title: str
    better: str
    curves: Sequence[Curve]


def draw_indices(panels: Sequence[IndexPanel], shaded: tuple[int, int] | None = None) -> Figure:
    """Draw one panel an index: mean over the seeds as a line, their spread as a band.

    Parameters
    ----------
    panels : sequence of IndexPanel
    shaded : pair of int, optional
        First and last number of clusters of the range behind which a shade lies.
    """
    across = min(3, max(1, len(panels)))
    down = max(1, math.ceil(len(panels) / across))
    figure = new_figure(2.45 * across + 0.1, 1.85 * down + 0.55)
    grid = figure.subplots(down, across, squeeze=False, sharex=True).ravel()
    names = list(dict.fromkeys(curve.name for panel in panels for curve in panel.curves))
    handles: dict[str, Artist] = {}
    for axes, panel in zip(grid, panels, strict=False):
        handles |= _draw_index(axes, panel, names)
        if shaded is not None:
            _shade(axes, *shaded)
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    for axes in grid[: len(panels)][-across:]:
        axes.set_xlabel("Number of clusters K", fontsize=TEXT_PT, color=INK)
    if handles:
        figure.legend(
            [handles[name] for name in names if name in handles],
            [name for name in names if name in handles],
            loc="outside lower center", ncols=1 if max(map(len, names)) > 30 else 3, fontsize=TEXT_PT,
            frameon=False, labelcolor=INK,
        )  # fmt: skip
    return figure


def _shade(axes: Axes, first: int, last: int) -> None:
    ends = axes.get_xlim()
    axes.axvspan(first - 0.5, last + 0.5, color=_SHADE, linewidth=0, zorder=-1)
    axes.set_xlim(ends)


def _draw_index(axes: Axes, panel: IndexPanel, names: Sequence[str]) -> dict[str, Artist]:
    plain_axes(axes)
    axes.grid(True, color=GRID, linewidth=0.6)
    arrow = {"high": "  (higher is better)", "low": "  (lower is better)"}.get(panel.better, "")
    title = panel.title + ("\n" + arrow.strip() if len(panel.title + arrow) > _TITLE_CHARS else arrow)
    axes.set_title(title, fontsize=TEXT_PT, color=INK, loc="left")
    axes.xaxis.get_major_locator().set_params(integer=True)  # type: ignore[call-arg]
    handles: dict[str, Artist] = {}
    for curve in panel.curves:
        known = np.isfinite(curve.mean)
        if not known.any():
            continue
        colour, marker = _LINES[names.index(curve.name) % len(_LINES)]
        k, mean, spread = curve.k[known], curve.mean[known], np.nan_to_num(curve.spread[known])
        axes.fill_between(k, mean - spread, mean + spread, color=colour, alpha=0.18, linewidth=0)
        (handles[curve.name],) = axes.plot(
            k, mean, color=colour, marker=marker, markersize=2.8, linewidth=1.1
        )
    axes.tick_params(axis="x", labelbottom=True, labelsize=SMALL_PT)
    return handles


def draw_choice(choice: KChoice, path: Path) -> Path:
    """Draw every measure over K, one line a series, and write it to `path`, indices.png of a comparison."""
    panels = [IndexPanel(m.title, m.better, _curves(choice, m.name)) for m in measures().values()]
    found = choice.range
    borne = None if found is None or found.first is None or found.last is None else (found.first, found.last)
    figure = draw_indices([panel for panel in panels if panel.curves], borne)
    if found is not None:
        figure.suptitle(_heading(found), fontsize=TITLE_PT, color=INK, x=0.01, ha="left")
    return save(figure, path, own=True)


def _heading(found: KRange) -> str:
    if found.first is None or found.last is None:
        return "No number of clusters stands"
    return f"The tissue bears {named(found.first, found.last)} (shaded); begin with {found.suggested}"


def _curves(choice: KChoice, measure: str) -> list[Curve]:
    return [curve for series in SERIES if (curve := _curve(choice, series, measure)) is not None]


def _curve(choice: KChoice, series: Series, measure: str) -> Curve | None:
    figures = choice.curve(series, measure)
    if not any(figure.mean is not None for figure in figures):
        return None
    rows = [
        (f.k, np.nan if f.mean is None else f.mean, np.nan if f.spread is None else f.spread) for f in figures
    ]
    k, mean, spread = np.array(rows, np.float64).T
    return Curve(SERIES[series], k, mean, spread)
