"""What a report is made of; how it looks is the business of `html` and `pdf`."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from napari_histoclust.core.figures.letters import with_letters

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Prose:
    """A paragraph of plain text."""

    text: str


@dataclass(frozen=True)
class Warnings:
    """What the reader must know before believing the rest, one sentence each."""

    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """Names and values, one pair a line."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """A table; columns after the first hold figures.

    Parameters
    ----------
    header : tuple of str
    rows : tuple of tuple of str
        As long as the header each.
    swatches : tuple of str
        "#rrggbb" shown before each row; empty for none.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    swatches: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Picture:
    """A drawn figure.

    Parameters
    ----------
    png : bytes
    size_px : (int, int)
        Width and height.
    width_in : float
        Width at which its letters have their size.
    caption : str
        What it shows; read aloud where it cannot be seen.
    """

    png: bytes
    size_px: tuple[int, int]
    width_in: float
    caption: str


Block = Prose | Warnings | Facts | Table | Picture


@dataclass(frozen=True, eq=False)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, eq=False)
class Report:
    """All of it, top to bottom."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]


_DPI = 150


def picture_of(figure: Figure, caption: str) -> Picture:
    """Draw a figure with as many px as a page can show."""
    buffer = BytesIO()
    with_letters(figure).savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    wide, tall = figure.get_size_inches()
    return Picture(buffer.getvalue(), (round(wide * _DPI), round(tall * _DPI)), float(wide), caption)
