"""map.png, map.pdf, map.svg: the map of the run with its legend and scale bar, all slides on one page."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari_histoclust.core.export.format import Format
from napari_histoclust.core.jobs import Job, Progress

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run


def write_map_figure(run: Run, folder: Path, suffix: str) -> Job[tuple[Path, ...]]:
    """Write the map; the suffix decides the format, and text and legend are vectors in pdf and svg."""
    from napari_histoclust.core.figures.run_figures import write_map

    path = folder / f"map.{suffix}"
    yield Progress(f"Drawing {path.name}")
    return (write_map(run, path),)


def _format(suffix: str, hint: str, rank: int) -> Format:
    write, caption = partial(write_map_figure, suffix=suffix), f"Map ({suffix.upper()})"
    return Format(suffix, write, (f"map.{suffix}",), caption, hint, rank)


FORMATS = (
    _format("png", "The slide coloured by cluster with legend and scale bar.", 120),
    _format("pdf", "The same with vector text, for a paper.", 121),
    _format("svg", "The same, to be edited.", 122),
)
