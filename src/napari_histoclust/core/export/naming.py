"""Names of the files that exist once a slide, and of the columns of densities."""

from __future__ import annotations

import re
from pathlib import Path

from napari_histoclust.core.run.run import Run


def slide_paths(run: Run, folder: Path, name: str) -> tuple[Path, ...]:
    """One path a slide: `name` itself where the run has one slide, else with the slide's name in it.

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


def density_names(run: Run) -> tuple[str, ...]:
    """Return a name for each column of `Run.stain_od` and then of `Run.dye_od`: "od_HE", "od_HE_eosin"."""
    stains = () if run.stain_od is None else run.stains
    dyes = () if run.dye_od is None else run.dyes
    return (*(f"od_{stain}" for stain in stains), *(f"od_{dye.replace(' ', '_')}" for dye in dyes))


def _safe(slide: str) -> str:
    return re.sub(r"[^\w.-]+", "_", slide).strip("._") or "slide"


def _free(name: str, taken: list[str]) -> str:
    """Return `name`, with a number if it is taken; case is ignored, as some disks do."""
    lower = {other.lower() for other in taken}
    candidate, number = name, 2
    while candidate.lower() in lower:
        candidate, number = f"{name}-{number}", number + 1
    return candidate
