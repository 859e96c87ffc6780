"""map.png, map.pdf, map.svg: the map of the run with its legend and scale bar, all slides on one page."""

from __future__ import annotations

from pathlib import Path

from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.run.run import Run


def write_png(run: Run, folder: Path) -> Job[tuple[Path, ...]]:
    """Write map.png."""
    return (yield from _write(run, folder / "map.png"))


def write_pdf(run: Run, folder: Path) -> Job[tuple[Path, ...]]:
    """Write map.pdf; text and legend are vectors."""
    return (yield from _write(run, folder / "map.pdf"))


def write_svg(run: Run, folder: Path) -> Job[tuple[Path, ...]]:
    """Write map.svg."""
    return (yield from _write(run, folder / "map.svg"))


def _write(run: Run, path: Path) -> Job[tuple[Path, ...]]:
    from napari_histoclust.core.figures import write_map

    yield Progress(f"Drawing {path.name}")
    return (write_map(run, path),)
