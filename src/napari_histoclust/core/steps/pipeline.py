"""The whole job and its steps, as the command line, Python and the window call them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_histoclust.core.atomic import check_folder, check_place
from napari_histoclust.core.config import DEFAULT_ENCODER, Device, FitSettings, Preset, RunSettings
from napari_histoclust.core.errors import SettingError
from napari_histoclust.core.jobs import WARNING, Job, Progress
from napari_histoclust.core.one_writer import alone, one_writer
from napari_histoclust.core.run.manifest import PATCHES, read_manifest
from napari_histoclust.core.steps.stage_timer import StageTimer

if TYPE_CHECKING:
    from napari_histoclust.core.model.bundle import Model, ModelSpec
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
    if out is not None and _is_model_of(out, spec, stacks):
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


def model_spec(stacks: Sequence[Stack], settings: FitSettings) -> ModelSpec:
    """Describe the model that `settings` and the stains and scale of the first stack ask for."""
    from napari_histoclust.core.model.bundle import ModelSpec

    stains = stacks[0].stains
    for stack in stacks:
        stack.require(stains)
    return ModelSpec(
        stains=stains,
        patch_px=settings.patch_px,
        um_per_px=stacks[0].um_per_px,
        clusters=settings.clusters,
        settings=settings,
        **_architecture(settings),
        trained_on=_trained_on(stacks, "content_sha256"),
    )


def _trained_on(stacks: Sequence[Stack], checksum: str) -> tuple[str, ...]:
    return tuple(str(line[checksum]) for stack in stacks for line in stack.inputs())


def _architecture(settings: FitSettings) -> dict[str, Any]:
    if settings.method == "autoencoder":
        return {"input_px": settings.input_px}
    from napari_histoclust.core.model.encoder import encoder_of

    record = encoder_of(settings.encoder)
    common = {
        "architecture": "neighbours_3",
        "scaling": record.scaling,
        "latent": settings.metric_axes,
        "input_px": record.input_px or settings.input_px,
    }
    if settings.encoder == DEFAULT_ENCODER:
        return common | {"format": 2, "encoders": settings.encoders}
    frozen = None if record.identify is None else record.identify(settings.encoder)
    return common | {"format": 3, "encoder": record.value, "frozen": frozen}


def _is_model_of(out: Path, spec: ModelSpec, stacks: Sequence[Stack]) -> bool:
    """Whether a model of these slides and settings is finished in `out`.

    Raises
    ------
    HistoclustError
        If `out` holds another model or something else.
    """
    from napari_histoclust.core.model.bundle import load_model

    check_place(out)
    if out.exists() and not out.is_dir():
        raise SettingError("{}: is a file: give {out} the name of a new folder.", out)
    if not out.is_dir() or not any(out.iterdir()):
        check_folder(out)
        return False
    if not (out / "model.json").is_file():
        raise SettingError("{}: holds something else: give {out} a new or empty folder.", out)
    kept = load_model(out).spec
    if kept.trained_on == (older := _trained_on(stacks, "header_sha256")):  # of a version that read no more
        spec = spec.model_copy(update={"trained_on": older})
    if _identity(kept, spec.settings.device) != _identity(spec, spec.settings.device):
        raise SettingError(
            "{}: holds a model of other slides or settings: give {out} another folder, or delete it.", out
        )
    return True


def _identity(spec: ModelSpec, device: Device) -> dict[str, Any]:
    """What must agree for two trainings to be the same one, seen from this machine's processor."""
    from napari_histoclust.core.model.identity import settings_identity

    settings = spec.settings.model_copy(update={"device": device})
    described = spec.model_dump(
        mode="json", include={"stains", "patch_px", "um_per_px", "trained_on", "frozen"}
    )
    return described | {"settings": settings_identity(settings)}


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
    from napari_histoclust.core.run.edits import saved_run
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
