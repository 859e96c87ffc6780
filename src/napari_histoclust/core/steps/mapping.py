"""Label every tissue patch of one or several slides with a trained model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_histoclust import __version__
from napari_histoclust.core.atomic import check_place, now
from napari_histoclust.core.config import MapSettings
from napari_histoclust.core.errors import HistoclustError, SettingError
from napari_histoclust.core.jobs import Job
from napari_histoclust.core.model.bundle import Model, save_model
from napari_histoclust.core.model.encode import Encoder
from napari_histoclust.core.model.missing import without
from napari_histoclust.core.model.spec import ModelSpec
from napari_histoclust.core.one_writer import alone
from napari_histoclust.core.palette import default_clusters
from napari_histoclust.core.run.manifest import (
    PATCHES,
    Manifest,
    SlideEntry,
    is_run,
    library_versions,
    read_manifest,
)
from napari_histoclust.core.run.originals import at_place
from napari_histoclust.core.run.reader import open_run
from napari_histoclust.core.run.run import Run
from napari_histoclust.core.run.store import GrowingStore, patch_table, sweep
from napari_histoclust.core.slides.stack import Stack
from napari_histoclust.core.slides.tiled.tile_cache import limit_cache
from napari_histoclust.core.stains.calibration import SlideMeasures
from napari_histoclust.core.stains.deconvolution import DyeVectors, dye_names, dye_vectors
from napari_histoclust.core.steps.absent_stains import (
    check_stains,
)
from napari_histoclust.core.steps.labelling import label_missing
from napari_histoclust.core.steps.measure_drift import measure_drift
from napari_histoclust.core.steps.same_run import fingerprint_of, is_finished
from napari_histoclust.core.steps.targets import Target, lay_lattices


def map_stacks(
    stacks: Sequence[Stack],
    model: Model,
    out: Path,
    settings: MapSettings | None = None,
    measures: SlideMeasures | None = None,
) -> Job[Run]:
    """Label every tissue patch of the stacks and write a run folder.

    A second call with the same slides, model and settings goes on where the first one stopped, and returns
    at once where it was finished.

    Parameters
    ----------
    stacks : sequence of Stack
        The slides; their patches follow one another in the run.
    model : Model
        The bundle; its stains are asked for by name.
    out : Path
        The run folder; new, empty, or the same run begun before.
    measures : SlideMeasures, optional
        Tissue that other steps of the job have found.

    Raises
    ------
    HistoclustError
        If a stain is missing that may not be, no tissue is found, or `out` holds something else or is being
        written.
    """
    check_run_folder(out)
    job = _map(stacks, model, out, settings or MapSettings(), measures or SlideMeasures())
    return (yield from alone(out, "map", job))


def _map(
    stacks: Sequence[Stack], model: Model, out: Path, settings: MapSettings, measures: SlideMeasures
) -> Job[Run]:
    limit_cache(settings.cache_mib)
    for stack in stacks:
        check_stains(stack, model, settings.allow_missing)
    targets = yield from lay_lattices(stacks, model, settings, measures)
    encoders = _encoders(targets, model, settings)
    manifest = _manifest(targets, model, settings, encoders[0], out)
    if is_finished(out, manifest, model, settings):
        return open_run(out)
    save_model(model, out / "model")
    manifest.write(out)
    start = time.monotonic()
    try:
        yield from _label(targets, model, encoders, out, manifest.fingerprint)
    except BaseException:
        if out.is_dir():
            manifest.model_copy(update={"finish_reason": "interrupted"}).write(out)
        raise
    details: dict[str, Any] = {"patches": _total(targets)}
    if encoders[0].farthest is not None:
        details["outliers"] = open_run(out).outliers
    manifest = read_manifest(out).finished_stage("map", time.monotonic() - start, **details)
    slides = []
    for entry, stack, target in zip(manifest.slides, stacks, targets, strict=True):
        told = _with_holes(entry, target.stack)
        slides.append((yield from _with_drift(told, stack, model, settings, measures)))
    manifest.model_copy(update={"finish_reason": "finished", "slides": tuple(slides)}).write(out)
    return open_run(out)


def _with_drift(
    entry: SlideEntry, stack: Stack, model: Model, settings: MapSettings, measures: SlideMeasures
) -> Job[SlideEntry]:
    """Add how far the slide lies from what the model has seen, and a warning where it lies outside."""
    if model.spec.seen is None or settings.patch_px is not None:
        return entry
    try:
        drift = yield from measure_drift(stack, model, measures)
    except HistoclustError as error:  # the labels are there, and stay
        return entry.model_copy(update={"warnings": (*entry.warnings, f"Drift was not measured: {error}")})
    warnings = (drift.sentence, *drift.notes) if drift.is_outside else ()
    told = {"drift": drift.document(), "warnings": (*entry.warnings, *warnings)}
    return entry.model_copy(update=told)


def _encoders(targets: Sequence[Target], model: Model, settings: MapSettings) -> list[Encoder]:
    """Return the model made ready for each slide; those that lack the same stains share one."""
    made: dict[tuple[str, ...], Encoder] = {}
    for target in targets:
        missing = target.entry.missing
        if missing not in made:
            made[missing] = Encoder(without(model, missing), settings)
    return [made[target.entry.missing] for target in targets]


def _with_holes(entry: SlideEntry, stack: Stack) -> SlideEntry:
    """Add to the warnings what only reading the slide has shown."""
    holes = [sentence for slide in stack.slides.values() for sentence in slide.hole_warnings()]
    new = [sentence for sentence in holes if sentence not in entry.warnings]
    return entry.model_copy(update={"warnings": (*entry.warnings, *new)}) if new else entry


def check_run_folder(out: Path) -> None:
    """Raise HistoclustError if `out` is a file or a folder that holds something else than a run."""
    check_place(out)
    if out.exists() and not out.is_dir():
        raise SettingError("{}: is a file: give {out} the name of a new folder.", out)
    ours = {"model"}  # what `run` leaves before the mapping begins
    if (
        out.is_dir()
        and not is_run(out)
        and any(not p.name.startswith(".") and p.name not in ours for p in out.iterdir())
    ):
        raise SettingError("{}: holds something else: give {out} a new or empty folder.", out)


def _manifest(
    targets: Sequence[Target], model: Model, settings: MapSettings, encoder: Encoder, out: Path
) -> Manifest:
    return Manifest(
        version=__version__,
        versions=library_versions(),
        created=now(),
        fingerprint=fingerprint_of([target.entry for target in targets], model, settings),
        seed=model.spec.settings.seed,
        device=encoder.device_name,
        settings={"map": settings.model_dump(mode="json")},
        slides=tuple(at_place(target.entry, target.stack, out) for target in targets),
    )


def _total(targets: Sequence[Target]) -> int:
    return sum(len(target.grid) for target in targets)


def _label(
    targets: Sequence[Target], model: Model, encoders: Sequence[Encoder], out: Path, fingerprint: str
) -> Job[None]:
    """Encode the chunks that are missing and finish the store."""
    if (out / PATCHES).is_dir():
        sweep(out)
        return  # killed between the last rename and the manifest
    table = patch_table(
        [t.entry.name for t in targets], [t.grid for t in targets], [t.entry.um_per_px for t in targets]
    )
    stains = _on_every_slide(targets, model.spec)
    farthest = encoders[0].farthest
    store = GrowingStore(out, table, stains, dye_names(stains), fingerprint, model.spec.latent, farthest)
    dyes: list[tuple[DyeVectors, ...]] = []
    for target in targets:
        dyes.append((yield from dye_vectors(target.stack, target.grid, stains)))
    tables = [target.tables for target in targets]
    slides = [(target.stack, target.grid) for target in targets]
    yield from label_missing(store, slides, stains, dyes, encoders, tables)
    store.finish(default_clusters(model.spec.clusters), _provenance(targets, dyes))


def _on_every_slide(targets: Sequence[Target], spec: ModelSpec) -> tuple[str, ...]:
    """Return the stains whose densities can be told of every patch."""
    return tuple(stain for stain in spec.stains if not any(stain in t.entry.missing for t in targets))


def _provenance(targets: Sequence[Target], dyes: Sequence[Sequence[DyeVectors]]) -> dict[str, Any]:
    """What uns["histoclust"] says: enough to place the patches without run.json, and the dyes' vectors."""
    fields = {"rows", "cols", "patch_px", "stride_px", "level", "downsample", "um_per_px"}
    slides = {
        t.entry.name: {k: v for k, v in t.entry.model_dump(include=fields).items() if v is not None}
        for t in targets
    }
    vectors = np.array([[of.vectors for of in slide] for slide in dyes])  # (slides, stains, 2, 3)
    estimated = np.array([[of.estimated for of in slide] for slide in dyes])
    own: dict[str, Any] = {"dye_vectors": vectors, "dye_vectors_estimated": estimated} if vectors.size else {}
    lacking = {t.entry.name: np.array(t.entry.missing, dtype=object) for t in targets if t.entry.missing}
    if lacking:
        own["missing_stains"] = lacking
    return {"format": 1, "version": __version__, "slides": slides, **own}
