"""The whole job and its steps, as the command line, Python and the window call them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_histoclust.core.atomic import check_place
from napari_histoclust.core.config import FitSettings, Preset, RunSettings
from napari_histoclust.core.jobs import WARNING, Job, Progress
from napari_histoclust.core.one_writer import alone, one_writer
from napari_histoclust.core.run.manifest import PATCHES, read_manifest
from napari_histoclust.core.steps.model_spec import is_model_of, model_spec
from napari_histoclust.core.steps.stage_timer import StageTimer

if TYPE_CHECKING:
    from napari_histoclust.core.model.bundle import Model
    from napari_histoclust.core.model.spec import ModelSpec
    from napari_histoclust.core.patches.sample import SampledPatches
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.core.slides.protocol import UInt8
    from napari_histoclust.core.slides.stack import Stack
    from napari_histoclust.core.stains.calibration import SlideMeasures
    from napari_histoclust.core.validation.k_choice import KChoice

_PIECE = 256


def fit_stacks(
    stacks: Sequence[Stack],
    settings: FitSettings,
    out: Path | None = None,
    measures: SlideMeasures | None = None,
) -> Job[Model]:
    """Train a model on random patches of the stacks.

    Parameters
    ----------
    stacks : sequence of Stack
        All must hold the stains of the first, whose order the model takes.
    settings : FitSettings
        A full set, as `FitSettings.resolve` returns it.
    out : Path, optional
        Folder of the bundle. With it, the training leaves a checkpoint beside the folder every few seconds,
        and the same call goes on there after an interruption.
    measures : SlideMeasures, optional
        Tissue that other steps of the job have found, or will ask for.

    Raises
    ------
    HistoclustError
        If a stain is missing, no tissue is found, or `out` holds something else or is being written.
    """
    settings.check()
    job = _fit(stacks, settings, out, measures)
    return (yield from job if out is None else alone(out, "fit", job, beside=True))


def _fit(
    stacks: Sequence[Stack], settings: FitSettings, out: Path | None, measures: SlideMeasures | None
) -> Job[Model]:
    from napari_histoclust.core.model.bundle import load_model, save_model
    from napari_histoclust.core.model.train import train
    from napari_histoclust.core.stains.calibration import SlideMeasures

    spec = model_spec(stacks, settings)
    if out is not None and is_model_of(out, spec, stacks):
        shutil.rmtree(_training_folder(out), ignore_errors=True)  # a kill after the model had its name
        return load_model(out)
    measures = measures or SlideMeasures()
    sampled, codes = yield from sample_stacks(stacks, spec, settings, measures)
    checkpoint = None if out is None else _training_folder(out) / "checkpoint.pt"
    model = yield from train(codes, spec, settings, checkpoint, sampled.places(spec.patch_px))
    if settings.card and settings.method == "neighbours":
        from napari_histoclust.core.steps.measure_card import measure_card

        measured = yield from measure_card(stacks, model, settings, measures)
        if measured is not None:
            told = dict(zip(("card", "seen"), measured, strict=True))
            model = replace(model, spec=model.spec.model_copy(update=told))
    if out is not None:
        save_model(model, out)
        shutil.rmtree(_training_folder(out), ignore_errors=True)
    return model


def _training_folder(out: Path) -> Path:
    whole = out.absolute()
    return whole.parent / f".training-{whole.name}"


def sample_stacks(
    stacks: Sequence[Stack], spec: ModelSpec, settings: FitSettings, measures: SlideMeasures | None = None
) -> Job[tuple[SampledPatches, UInt8]]:
    """Read random tissue patches for training with what lies around them, resized for the network.

    Returns
    -------
    sampled : SampledPatches
        (n, 3 s, i + 2 m, i + 2 m) pixels as they are on the slides, and where they lie.
    codes : the shape of the pixels, uint8
        As the network takes them: calibrated by slide where the model asks for it, else the pixels.
    """
    import torch

    from napari_histoclust.core.model.encode import calibrated, resize_patches
    from napari_histoclust.core.patches.large_array import large_array
    from napari_histoclust.core.patches.lattice import choose_level
    from napari_histoclust.core.patches.sample import sample_patches
    from napari_histoclust.core.slides.tiled.tile_cache import limit_cache
    from napari_histoclust.core.stains.calibration import SlideMeasures

    limit_cache(settings.cache_mib)
    side = spec.input_px + 2 * round(spec.input_px * settings.surround)
    measures, tissue = measures or SlideMeasures(), []
    # of every slide the level on which a patch shows as much tissue as on the first one
    choices = [choose_level(stack, settings.patch_px, spec.um_per_px) for stack in stacks]
    sides = [round(c.patch_px * s.downsamples[c.level]) for s, c in zip(stacks, choices, strict=True)]
    for stack, side_px in zip(stacks, sides, strict=True):
        tissue.append((yield from measures.find(stack, spec.stains, side_px)))
        for sentence in (yield from measures.alignment_warnings(stack, spec.stains, side_px)):
            yield Progress(f"{WARNING}{stack.name}: {sentence}")  # before hours of training
    sampled = yield from sample_patches(
        stacks,
        tissue,
        spec.stains,
        count=settings.patches,
        patch_px=settings.patch_px,
        seed=settings.seed,
        min_tissue=settings.min_tissue,
        min_valid=settings.min_valid,
        surround=settings.surround,
        choices=choices,
        resize=lambda patches: resize_patches(patches, side, spec.axes).numpy(),
    )
    if spec.scaling == "divide_by_255":
        return sampled, sampled.pixels
    codes = large_array(sampled.pixels.shape)
    for number, (stack, side_px) in enumerate(zip(stacks, sides, strict=True)):
        calibration = yield from measures.calibration(stack, spec.stains, side_px)
        rows = np.flatnonzero(sampled.stack_index == number)
        for start in range(0, len(rows), _PIECE):
            yield Progress("Calibrating patches", start, len(rows))
            some = rows[start : start + _PIECE]
            codes[some] = calibrated(torch.from_numpy(sampled.pixels[some]), calibration.tables()).numpy()
    return sampled, codes


def run_stacks(stacks: Sequence[Stack], preset: Preset, out: Path, given: RunSettings) -> Job[Run]:
    """Train, map, embed, validate and draw; what an earlier start finished is not done again.

    Raises
    ------
    HistoclustError
        As its steps do, and if `out` holds something else.
    """
    from napari_histoclust.core.steps.mapping import check_run_folder

    check_run_folder(out)
    return (yield from alone(out, "run", _run(stacks, preset, out, given)))


def _run(stacks: Sequence[Stack], preset: Preset, out: Path, given: RunSettings) -> Job[Run]:
    from napari_histoclust.core.figures.run_figures import draw_figures
    from napari_histoclust.core.model.bundle import load_model
    from napari_histoclust.core.run.saved import saved_run
    from napari_histoclust.core.stains.calibration import SlideMeasures
    from napari_histoclust.core.steps.absent_stains import complete_stacks
    from napari_histoclust.core.steps.mapping import map_stacks
    from napari_histoclust.core.validation.report import validate_run

    settings = FitSettings.resolve(preset, given)
    for_map = RunSettings.resolve(preset, given).for_map()
    timer, measures = StageTimer(out), SlideMeasures()
    teachers = complete_stacks(stacks, settings) if for_map.allow_missing else stacks
    yield from fit_stacks(teachers, settings, out / "model", measures)
    fit_seconds = timer.lap()
    run = yield from map_stacks(stacks, load_model(out / "model"), out, for_map, measures)
    timer.record("fit", fit_seconds, preset=preset)
    if run.embedding is None:
        run = yield from embed_run(run, settings.seed)
    if not timer.is_recorded("validate"):
        timer.lap()
        yield from validate_run(run)
        timer.record("validate", timer.lap())
    if not timer.is_recorded("figures"):
        yield from draw_figures(saved_run(out))
        timer.record("figures", timer.lap())
    return run


def embed_run(run: Run, seed: int = 765) -> Job[Run]:
    """Lay the patches out by UMAP and keep the result in the run."""
    return (yield from alone(run.path, "embed", _embed(run, seed)))


def _embed(run: Run, seed: int) -> Job[Run]:
    from napari_histoclust.core.run.embedding import write_embedding
    from napari_histoclust.core.run.reader import read_latent
    from napari_histoclust.core.steps.embed import embed

    check_place(run.path / PATCHES)  # before the minutes of work that could not be kept
    start = time.monotonic()
    latent = yield from read_latent(run)
    embedding = yield from embed(latent, seed=seed)
    embedded = write_embedding(run, embedding)
    manifest = read_manifest(run.path).finished_stage("embed", time.monotonic() - start, seed=seed)
    manifest.write(run.path)
    return embedded


def choose_k_of_stack(
    stack: Stack, settings: FitSettings, ks: Sequence[int], seeds: int, out: Path
) -> Job[KChoice]:
    """Train and compare models of several numbers of clusters on the same patches of one stack."""
    from napari_histoclust.core.steps.choose_k import check_comparison_folder, choose_k

    check_comparison_folder(out)
    spec = model_spec([stack], settings)
    with one_writer(out, "choose-k"):
        sampled, codes = yield from sample_stacks([stack], spec, settings)
        return (
            yield from choose_k(
                sampled.pixels,
                spec,
                settings,
                codes=codes,
                ks=list(ks),
                seeds=[settings.seed + i for i in range(seeds)],
                folder=out,
                places=sampled.places(spec.patch_px),
            )
        )
