"""A sheet of chosen patches, every stain of each, px by px."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.figures.montage import confidence_text
from napari_histoclust.core.figures.style import (
    DPI,
    FAINT,
    INK,
    SMALL_PT,
    TEXT_PT,
    TITLE_PT,
    length_text,
    new_figure,
)
from napari_histoclust.core.palette import Cluster, colour_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PATCH_PX = 192
"""Side of a patch on the sheet: 2.4 cm in print."""

_GAP, _BAR = 8, 10
_LEFT, _EDGE = 170, 40
_TITLE, _CAPTION, _BETWEEN = 110, 78, 40
_LEGEND_LINE, _LEGEND_WIDTH = 44, 1200
_LETTER = 13  # width of most letters at TEXT_PT
_WIDER = 1.6  # columns to lines, as on a screen


@dataclass(frozen=True, eq=False)
class Sheet:
    """What a sheet shows.

    Parameters
    ----------
    title : str
        What these patches are.
    pixels : (n, stains, p, p, 3) uint8
        The patches in order.
    patches, confidence : (n,) arrays
        Number and confidence of each, for the captions.
    labels : (n,) integers
        Cluster of each.
    clusters : tuple of Cluster
        Name and colour of the clusters.
    stains : tuple of str
    patch_px : float or None
        Side of a patch in level-0 px; None where the patches come from slides of different scale.
    um_per_px : float or None
    """

    title: str
    pixels: NDArray[np.uint8]
    patches: NDArray[np.integer]
    confidence: NDArray[np.float32]
    labels: NDArray[np.integer]
    clusters: tuple[Cluster, ...]
    stains: tuple[str, ...]
    patch_px: float | None
    um_per_px: float | None


@dataclass(frozen=True)
class SheetLayout:
    """Where everything lies, in px from the upper left corner.

    Parameters
    ----------
    patches, stains, side_px : int
        How many patches, stains and px a patch.
    legend_lines : int
        Lines below the patches.
    """

    patches: int
    stains: int
    side_px: int
    legend_lines: int = 1

    @property
    def columns(self) -> int:
        """Patches side by side: on several bands as evenly as can be, so that the sheet fits a page."""
        fitting = max(1, math.ceil(math.sqrt(_WIDER * self.patches * self.stains)))
        bands = math.ceil(self.patches / fitting)
        return math.ceil(self.patches / bands)

    @property
    def bands(self) -> int:
        """Bands of patches, each with one row a stain."""
        return math.ceil(self.patches / self.columns)

    @property
    def band_px(self) -> int:
        """Distance of the bands."""
        return _CAPTION + _BAR + self.stains * (self.side_px + _GAP) + _BETWEEN

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the sheet."""
        width = _LEFT + max(self.columns * (self.side_px + _GAP), _LEGEND_WIDTH) + _EDGE
        return _TITLE + self.bands * self.band_px + self.legend_lines * _LEGEND_LINE + _EDGE, width

    def column(self, place: int) -> tuple[int, int]:
        """Upper left corner (y, x) of the uppermost patch of a column."""
        band, column = divmod(place, self.columns)
        return _TITLE + band * self.band_px + _CAPTION + _BAR, _LEFT + column * (self.side_px + _GAP)

    def corner(self, place: int, stain: int) -> tuple[int, int]:
        """Upper left corner (y, x) of a patch in one stain."""
        y, x = self.column(place)
        return y + _GAP // 2 + stain * (self.side_px + _GAP), x


def draw_sheet(sheet: Sheet) -> Figure:
    """Draw one column a patch and one row a stain, without resampling a px."""
    shown = [cluster for cluster in sheet.clusters if np.any(sheet.labels == cluster.id)]
    count, stains, side = sheet.pixels.shape[:3]
    layout = SheetLayout(count, stains, side, legend_lines=1 + math.ceil(len(shown) / _names_a_line(shown)))
    height, width = layout.shape
    # half a px more: matplotlib cuts the size off to whole px
    figure = new_figure((width + 0.5) / DPI, (height + 0.5) / DPI)
    figure.set_layout_engine("none")
    figure.figimage(compose(sheet, layout), 0, 0, origin="upper")
    _write_texts(figure, sheet, layout)
    _write_legend(figure, sheet, layout, shown)
    return figure


def compose(sheet: Sheet, layout: SheetLayout) -> NDArray[np.uint8]:
    """Return the sheet without its texts: patches, and the cluster's colour above each column."""
    canvas = np.full((*layout.shape, 3), 255, np.uint8)
    colours = colour_table(sheet.clusters)
    for place, (patches, label) in enumerate(zip(sheet.pixels, sheet.labels, strict=True)):
        y, x = layout.column(place)
        canvas[y - _BAR : y, x : x + layout.side_px] = colours[label]
        for stain, patch in enumerate(patches):
            top, left = layout.corner(place, stain)
            canvas[top : top + layout.side_px, left : left + layout.side_px] = patch
    return canvas


class _Writer:
    """Texts at px counted from the upper left corner."""

    def __init__(self, figure: Figure, shape: tuple[int, int]) -> None:
        self._figure = figure
        self._height, self._width = shape

    def write(self, y: float, x: float, text: str, size: float, **how: str) -> None:
        style: dict[str, Any] = {"color": INK, "va": "baseline"} | how
        self._figure.text(x / self._width, 1 - y / self._height, text, fontsize=size, **style)


def _write_texts(figure: Figure, sheet: Sheet, layout: SheetLayout) -> None:
    writer = _Writer(figure, layout.shape)
    writer.write(64, _LEFT, sheet.title, TITLE_PT, fontweight="bold")
    for place, (patch, confidence) in enumerate(zip(sheet.patches, sheet.confidence, strict=True)):
        y, x = layout.column(place)
        middle = x + layout.side_px / 2
        writer.write(y - _BAR - 34, middle, str(patch), SMALL_PT, ha="center")
        writer.write(y - _BAR - 10, middle, confidence_text(float(confidence)), SMALL_PT, ha="center")
    for band in range(layout.bands):
        for row, stain in enumerate(sheet.stains):
            y, x = layout.corner(band * layout.columns, row)
            writer.write(y + layout.side_px / 2, x - 20, stain, TEXT_PT, ha="right", va="center")


def _write_legend(figure: Figure, sheet: Sheet, layout: SheetLayout, shown: list[Cluster]) -> None:
    """Colours of the clusters, then what the captions are and how large a patch is."""
    writer = _Writer(figure, layout.shape)
    across = _names_a_line(shown)
    top = _TITLE + layout.bands * layout.band_px
    for place, cluster in enumerate(shown):
        line, column = divmod(place, across)
        y, x = top + line * _LEGEND_LINE, _LEFT + column * _LEGEND_WIDTH // across
        writer.write(y, x, "\N{BLACK SQUARE}", TITLE_PT, color=cluster.colour)
        writer.write(y, x + 36, cluster.name, TEXT_PT)
    last = top + (layout.legend_lines - 1) * _LEGEND_LINE
    text = f"Above each column: number of the patch, confidence{_size_text(sheet)}"
    writer.write(last, _LEFT, text, SMALL_PT, color=FAINT)


def _names_a_line(shown: list[Cluster]) -> int:
    """Up to four, fewer of long ones."""
    longest = max((len(cluster.name) for cluster in shown), default=0)
    return max(1, min(4, _LEGEND_WIDTH // (76 + _LETTER * longest)))


def _size_text(sheet: Sheet) -> str:
    if sheet.patch_px is None:
        return ""
    side = sheet.patch_px * (sheet.um_per_px or 1)
    return f"; a patch is {_rounded_text(side, sheet.um_per_px)} wide"


def _rounded_text(side: float, um_per_px: float | None) -> str:
    """Three figures are enough of a length."""
    return length_text(float(f"{side:.3g}"), um_per_px)
