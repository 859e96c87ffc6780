"""The jobs of the window. PyTorch, and whatever else is slow to import, is imported in the job's thread."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_histoclust.core.atomic import atomic_folder
from napari_histoclust.core.config import FitSettings, MapSettings, Preset, RunSettings
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.one_writer import LOCK
from napari_histoclust.core.slides.formats.ome_zarr import is_zarr
from napari_histoclust.core.slides.pyramid.build import with_pyramids
from napari_histoclust.core.slides.registry import is_image
from napari_histoclust.core.slides.stack import Stack, open_stack
from napari_histoclust.session.forms.titles import in_window
from napari_histoclust.session.sample import phantom_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_histoclust.core.alignment import StainAlignment
    from napari_histoclust.core.export.options import ExportOptions
    from napari_histoclust.core.model.bundle import Model
    from napari_histoclust.core.run.edits import ClusterEdits
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.core.statistics.composition import Composition
    from napari_histoclust.core.statistics.neighbourhood import Neighbourhood

_STARTING_TORCH = Progress("Starting PyTorch")


@dataclass(frozen=True, eq=False)
class OpenedStacks:
    """Slides that could be opened, and a sentence for each one that could not."""

    stacks: tuple[Stack, ...]
    refusals: tuple[str, ...]


def slide_paths(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return what to open for paths that were chosen or dropped, each once.

    Several images of one folder are the stains of one slide: then the folder is meant.
    """
    images = [path for path in paths if is_image(path) and not is_zarr(path)]
    together = {path.parent for path in images if sum(p.parent == path.parent for p in images) > 1}
    meant = [path.parent if path in images and path.parent in together else path for path in paths]
    return tuple(dict.fromkeys(meant))


def open_stacks(paths: Sequence[Path]) -> Job[OpenedStacks]:
    """Open slides one after the other; one that cannot be opened does not keep the others out.

    Large pictures without a pyramid get one, at the first time.
    """
    stacks, refusals = [], []
    for number, path in enumerate(paths):
        yield Progress(f"Opening {path.name}", number, len(paths))
        try:
            stacks.append((yield from with_pyramids(open_stack(path))))
        except HistoclustError as error:
            refusals.append(in_window(error))
    return OpenedStacks(tuple(stacks), tuple(refusals))


def open_sample() -> Job[OpenedStacks]:
    """Open the sample slide, which is made at the first time."""
    folder = yield from phantom_folder()
    return OpenedStacks((open_stack(folder),), ())


def align(stack: Stack, patch_px: int = FitSettings().patch_px) -> Job[tuple[StainAlignment, ...]]:
    """Find the tissue of a slide and compare how its stains lie on the reference."""
    yield Progress("Looking for tissue")
    from napari_histoclust.core.alignment import check_alignment
    from napari_histoclust.core.tissue.mask import find_tissue

    mask = yield from find_tissue(stack, stack.stains, patch_px)
    return (yield from check_alignment(stack, mask))


@dataclass(frozen=True, eq=False)
class FoundSlides:
    """A run with its images where they lie now, and why that could not be noted in its folder."""

    run: Run
    stacks: tuple[Stack, ...]
    warning: str = ""


@dataclass(frozen=True, eq=False)
class MappedRun:
    """A run, and what it was made from."""

    run: Run
    stacks: tuple[Stack, ...]
    model: Model


def train(stacks: Sequence[Stack], settings: FitSettings) -> Job[Model]:
    """Train a model on the slides."""
    yield _STARTING_TORCH
    from napari_histoclust.core.steps.pipeline import fit_stacks

    return (yield from fit_stacks(stacks, settings))


def map_slides(stacks: tuple[Stack, ...], model: Model, settings: MapSettings, out: Path) -> Job[MappedRun]:
    """Label every tissue patch of the slides."""
    yield _STARTING_TORCH
    from napari_histoclust.core.steps.mapping import map_stacks

    run = yield from map_stacks(stacks, model, out, settings)
    return MappedRun(run, stacks, model)


def embed(run: Run) -> Job[Run]:
    """Lay the patches of a run out in the plane."""
    yield Progress("Starting UMAP")
    from napari_histoclust.core.steps.pipeline import embed_run

    return (yield from embed_run(run))


def run_everything(
    stacks: tuple[Stack, ...], preset: Preset, settings: RunSettings, out: Path
) -> Job[MappedRun]:
    """Train, map, embed, validate and draw, as `napari-histoclust run` does."""
    yield _STARTING_TORCH
    from napari_histoclust.core.steps.pipeline import run_stacks

    run = yield from run_stacks(stacks, preset, out, settings)
    return MappedRun(run, stacks, run.model())


def load_model_in(folder: Path) -> Job[Model]:
    """Read a model; of a run folder its own."""
    yield _STARTING_TORCH
    from napari_histoclust.core.model.bundle import load_model

    inside = folder / "model"
    return load_model(inside if (inside / "model.json").is_file() else folder)


def save_model_to(model: Model, folder: Path) -> Job[Path]:
    """Write a model into a folder."""
    yield Progress("Writing the model")
    from napari_histoclust.core.model.bundle import save_model

    save_model(model, folder)
    return folder


def read_checkpoints(folder: Path, stains: Sequence[str], patch_px: int) -> Job[Model]:
    """Read the checkpoints that the paper's authors published."""
    yield _STARTING_TORCH
    from napari_histoclust.core.model.import_model import import_model

    return import_model(folder, stains, patch_px)


def validate(run: Run) -> Job[Run]:
    """Compute the indices of a run; they lie in its folder then."""
    yield Progress("Preparing")
    from napari_histoclust.core.validation.report import validate_run

    yield from validate_run(run)
    return run


def choose_k(stack: Stack, settings: FitSettings, ks: range, seeds: int, out: Path) -> Job[Path]:
    """Train and compare models of several numbers of clusters; table and curves lie in `out` then."""
    yield _STARTING_TORCH
    from napari_histoclust.core.steps.pipeline import choose_k_of_stack

    yield from choose_k_of_stack(stack, settings, ks, seeds, out)
    return out


def count_neighbours(run: Run) -> Job[tuple[Neighbourhood, Composition]]:
    """Count which clusters lie side by side, and on which slides each is."""
    from napari_histoclust.core.statistics.composition import composition
    from napari_histoclust.core.statistics.neighbourhood import neighbourhood  # numba compiles

    return (yield from neighbourhood(run)), composition(run)


def copy_run(source: Path, target: Path) -> Job[tuple[Path, ...]]:
    """Copy a run folder to another place, whole or not at all.

    Raises
    ------
    HistoclustError
        If something stands at `target` or the disk is full.
    """
    yield Progress("Copying the run")
    if target.exists():
        raise HistoclustError(f"{target}: is there already, choose another name.")
    with atomic_folder(target) as partial:
        shutil.copytree(source, partial, ignore=shutil.ignore_patterns(f"{LOCK}*"))
    return (target,)


def copy_with_edits(source: Path, target: Path, edits: ClusterEdits) -> Job[Path]:
    """Copy a run folder and save other edits in the copy."""
    from napari_histoclust.core.run.edits import save_edits

    yield from copy_run(source, target)
    save_edits(target, edits)
    return target


def find_slides(run: Run, folder: Path) -> Job[FoundSlides]:
    """Look for the images of a run in a folder, and note in the run where they are.

    Raises
    ------
    HistoclustError
        If they are not there, or are others.
    """
    yield Progress("Comparing the images")
    from napari_histoclust.core.run.originals import relinked, write_places

    found = relinked(run, folder)
    stacks = tuple(found.open_stack(slide) for slide in range(len(found.slides)))
    try:
        write_places(found)
    except HistoclustError as error:
        return FoundSlides(found, stacks, in_window(error))
    return FoundSlides(found, stacks)


def export(
    run: Run,
    patches: NDArray[np.bool_] | None,
    formats: list[str],
    folder: Path,
    options: ExportOptions,
) -> Job[tuple[Path, ...]]:
    """Write a run, or the (n,) `patches` of it, in several formats."""
    from napari_histoclust.core.export.registry import export_run
    from napari_histoclust.core.run.run import subset_of

    subset = run if patches is None else subset_of(run, patches)
    return (yield from export_run(subset, formats, folder, options))
