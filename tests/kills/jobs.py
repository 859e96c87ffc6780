"""Jobs that change the disk, each a function of the folder that holds all it needs.

`slide` is a small stack, `model` its model, `run` a run of it where the job begins with one.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch

from napari_histoclust.core.config import FitSettings, MapSettings
from napari_histoclust.core.export.registry import export_run
from napari_histoclust.core.figures.run_figures import draw_figures
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.model import train
from napari_histoclust.core.model.bundle import load_model, save_model
from napari_histoclust.core.phantom import write_phantom
from napari_histoclust.core.run import store
from napari_histoclust.core.run.edits import save_edits
from napari_histoclust.core.run.embedding import write_embedding
from napari_histoclust.core.run.manifest import read_manifest
from napari_histoclust.core.run.reader import open_run, read_latent
from napari_histoclust.core.run.run import Run
from napari_histoclust.core.slides.pyramid import build as pyramid_build
from napari_histoclust.core.slides.pyramid import store as pyramid_store
from napari_histoclust.core.slides.stack import open_stack
from napari_histoclust.core.steps.mapping import map_stacks
from napari_histoclust.core.steps.pipeline import choose_k_of_stack, fit_stacks
from napari_histoclust.core.validation.report import validate_run
from napari_histoclust.session.palette import Palette
from napari_histoclust.session.view_state import ViewState, save_view

store.CHUNK, train.SAVE_EVERY_S = 32, 0.0  # several chunks and checkpoints in a job of a second
torch.set_num_threads(1)

TINY = FitSettings(patch_px=16, patches=60, epochs=3, batch=20, input_px=32, clusters=3, train_share=0.9)


def fit(folder: Path) -> None:
    drive(fit_stacks([open_stack(folder / "slide")], TINY, folder / "model"))


def map_(folder: Path) -> None:
    model = load_model(folder / "model")
    settings = MapSettings(stride_px=12)
    drive(map_stacks([open_stack(folder / "slide")], model, folder / "run", settings))


def save_the_model_again(folder: Path) -> None:
    save_model(load_model(folder / "model"), folder / "model")


def grow(folder: Path) -> None:
    """Put the run aside and write all its chunks anew into a store that grows."""
    (folder / "run").rename(folder / "done")
    run, growing = _growing(folder)
    for chunk in growing.missing():
        rows = growing.rows(chunk)
        parts = drive(read_latent(run)), run.labels, run.confidence, run.entropy, run.stain_od, run.dye_od
        growing.write(chunk, store.ChunkResult(*(part[rows] for part in parts)))


def finish(folder: Path) -> None:
    """The end of a mapping alone."""
    run, growing = _growing(folder)
    if not (folder / "run" / store.PATCHES).exists():
        growing.finish(run.clusters, {"format": 1})
    store.sweep(folder / "run")


def _growing(folder: Path) -> tuple[Run, store.GrowingStore]:
    run = open_run(folder / "done")
    table = store.patch_table(run.slides, run.grids, run.um_per_px)
    return run, store.GrowingStore(folder / "run", table, run.stains, run.dyes)


def embed(folder: Path) -> None:
    """UMAP itself takes a minute to start; its result is laid down as `embed_run` does."""
    run = open_run(folder / "run")
    embedding = np.random.default_rng(1).normal(size=(len(run), 2)).astype(np.float32)
    write_embedding(run, embedding)
    read_manifest(run.path).finished_stage("embed", 1.0, seed=1).write(run.path)


def validate(folder: Path) -> None:
    drive(validate_run(open_run(folder / "run")))


def figures(folder: Path) -> None:
    drive(draw_figures(open_run(folder / "run")))


def save(folder: Path) -> None:
    """Save names, a split, the view and the selection."""
    run = open_run(folder / "run")
    palette = Palette(run.clusters, run.labels)
    palette.rename(1, "liver")
    largest = int(np.bincount(run.labels).argmax())
    palette.split(largest, np.arange((run.labels == largest).sum()) % 2)
    save_edits(run.path, palette.state)
    save_view(run.path, ViewState(fingerprint=run.manifest.fingerprint, zoom=3.0), run.labels == 2)


def choose_k(folder: Path) -> None:
    drive(choose_k_of_stack(open_stack(folder / "slide"), TINY, (2, 3), 1, folder / "k"))


def pyramid(folder: Path) -> None:
    os.environ[pyramid_store.PYRAMIDS.folder_variable] = str(folder / "pyramids")
    pyramid_store.LARGE_PX = 256
    drive(pyramid_build.with_pyramids(open_stack(folder / "slide")))


def phantom(folder: Path) -> None:
    drive(write_phantom(folder / "phantom", size_px=256, seed=1))


def export(folder: Path, name: str) -> None:
    drive(export_run(open_run(folder / "run"), [name], folder / "exports"))
