"""A figure of matplotlib as a picture of a report."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from napari_histoclust.core.report.content import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 150


def drawn(figure: Figure, caption: str) -> Picture:
    """Draw a figure with as many px as a page can show."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    wide, tall = figure.get_size_inches()
    return Picture(buffer.getvalue(), (round(wide * _DPI), round(tall * _DPI)), float(wide), caption)
