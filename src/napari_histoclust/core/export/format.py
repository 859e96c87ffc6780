"""What an export format declares about itself, and the names of its files."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_histoclust.core.export.options import ExportOptions
from napari_histoclust.core.jobs import Job

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run

Writer = Callable[..., Job[tuple[Path, ...]]]
"""Takes the run, the folder, and those fields of `ExportOptions` that its parameters name."""


@dataclass(frozen=True)
class Format:
    """A format that runs are exported in; a module in `formats` lists its own in `FORMATS`.

    Attributes
    ----------
    name : str
        What `export --to` calls it.
    write : Writer
    files : tuple of str
        Names of what it writes into the folder.
    caption, hint : str
        What the window calls it and says about it; without a caption only the command line offers it.
    rank : int
        Formats with a lower one are listed first.
    per_slide : bool
        Whether there is one of each file a slide, told apart by the slide's name.
    is_folder : bool
        Whether the outputs are folders.
    is_usual : bool
        Whether the window ticks it at first.
    require : callable, optional
        Raises HistoclustError where a library that it needs is not installed.
    """

    name: str
    write: Writer
    files: tuple[str, ...]
    caption: str = ""
    hint: str = ""
    rank: int = 100
    per_slide: bool = False
    is_folder: bool = False
    is_usual: bool = False
    require: Callable[[], None] | None = None

    def outputs(self, run: Run, folder: Path) -> tuple[Path, ...]:
        """Return the paths of what it writes."""
        if self.per_slide:
            return tuple(path for name in self.files for path in slide_paths(run, folder, name))
        return tuple(folder / name for name in self.files)

    def arguments(self, options: ExportOptions) -> dict[str, Any]:
        """Return the options that the writer takes."""
        return {k: v for k, v in vars(options).items() if k in signature(self.write).parameters}


def slide_paths(run: Run, folder: Path, name: str) -> tuple[Path, ...]:
    """Return one path a slide: `name` itself where the run has one slide, else with the slide's name in it.

    "clusters.geojson" becomes "clusters_KPCL159-2.geojson"; what a file name cannot hold becomes "_".
    """
    if len(run.slides) == 1:
        return (folder / name,)
    stem, _, suffix = name.partition(".")
    return tuple(folder / f"{stem}_{slide}.{suffix}" for slide in safe_slides(run))


def safe_slides(run: Run) -> tuple[str, ...]:
    """Return a name for each slide that file names can hold, no two alike."""
    taken: list[str] = []
    for slide in run.slides:
        taken.append(_free(_safe(slide), taken))
    return tuple(taken)


def _safe(slide: str) -> str:
    return re.sub(r"[^\w.-]+", "_", slide).strip("._") or "slide"


def _free(name: str, taken: list[str]) -> str:
    """Return `name`, with a number if it is taken; case is ignored, as some disks do."""
    lower = {other.lower() for other in taken}
    candidate, number = name, 2
    while candidate.lower() in lower:
        candidate, number = f"{name}-{number}", number + 1
    return candidate
