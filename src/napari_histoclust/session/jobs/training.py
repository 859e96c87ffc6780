"""The jobs of the dock of models. No Qt; PyTorch is imported in the job's thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_histoclust.core.config import FitSettings, MapSettings, Preset, RunSettings
from napari_histoclust.core.jobs import Job, Progress

if TYPE_CHECKING:
    from napari_histoclust.core.model.bundle import Model
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.core.slides.stack import Stack

_WAKING = Progress("Starting PyTorch")


@dataclass(frozen=True, eq=False)
class MappedRun:
    """A run, and what it was made from."""

    run: Run
    stacks: tuple[Stack, ...]
    model: Model


def train(stacks: Sequence[Stack], settings: FitSettings) -> Job[Model]:
    """Train a model on the slides."""
    yield _WAKING
    from napari_histoclust.core.steps.pipeline import fit_stacks

    return (yield from fit_stacks(stacks, settings))


def map_slides(stacks: tuple[Stack, ...], model: Model, settings: MapSettings, out: Path) -> Job[MappedRun]:
    """Label every tissue patch of the slides."""
    yield _WAKING
    from napari_histoclust.core.steps.mapping import map_stacks

    run = yield from map_stacks(stacks, model, out, settings)
    return MappedRun(_read(run), stacks, model)


def embed(run: Run) -> Job[Run]:
    """Lay the patches of a run out in the plane."""
    yield Progress("Starting UMAP")
    from napari_histoclust.core.steps.pipeline import embed_run

    return _read((yield from embed_run(run)))


def run_everything(
    stacks: tuple[Stack, ...], preset: Preset, settings: RunSettings, out: Path
) -> Job[MappedRun]:
    """Train, map, embed, validate and draw, as `napari-histoclust run` does."""
    yield _WAKING
    from napari_histoclust.core.steps.pipeline import run_stacks

    run = yield from run_stacks(stacks, preset, out, settings)
    return MappedRun(_read(run), stacks, run.model())


def load(folder: Path) -> Job[Model]:
    """Read a model; of a run folder its own."""
    yield _WAKING
    from napari_histoclust.core.model.bundle import load_model

    inside = folder / "model"
    return load_model(inside if (inside / "model.json").is_file() else folder)


def save(model: Model, folder: Path) -> Job[Path]:
    """Write a model into a folder."""
    yield Progress("Writing the model")
    from napari_histoclust.core.model.bundle import save_model

    save_model(model, folder)
    return folder


def read_checkpoints(folder: Path, stains: Sequence[str], patch_px: int) -> Job[Model]:
    """Read the checkpoints that the paper's authors published."""
    yield _WAKING
    from napari_histoclust.core.model.imported import import_model

    return import_model(folder, stains, patch_px)


def _read(run: Run) -> Run:
    """Read now, in this thread, what the window will ask the run for."""
    _ = run.embedding, run.stain_od, run.stains, run.slide_index
    return run
