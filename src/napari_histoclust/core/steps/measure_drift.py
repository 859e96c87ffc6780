"""Measuring how far slides lie from what a model has seen, on a few hundred random patches of each."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from napari_histoclust.core.atomic import atomic_file
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.model.drift import Drift, drift_of
from napari_histoclust.core.model.encode import calibrated, resize_patches
from napari_histoclust.core.model.outliers import Familiar
from napari_histoclust.core.patches.lattice import choose_level
from napari_histoclust.core.patches.sample import sample_patches
from napari_histoclust.core.slides.absent import with_glass
from napari_histoclust.core.stains.calibration import Calibration, SlideMeasures
from napari_histoclust.core.steps.absent_stains import check_stains, missing_stains, tables_with_glass

if TYPE_CHECKING:
    from napari_histoclust.core.model.bundle import Model
    from napari_histoclust.core.slides.stack import Stack

PATCHES = 300

_COLUMNS = ("slide", "patches", "outside", "farther", "is_outside", "stains", "notes")


def list_drifts(stacks: Sequence[Stack], model: Model) -> Job[list[Drift]]:
    """Return how far each slide lies, the farthest first.

    Raises
    ------
    HistoclustError
        If the model does not know what it has seen, or lacks what a slide would need.
    """
    drifts = []
    for number, stack in enumerate(stacks):
        yield Progress(f"Looking at {stack.name}", number, len(stacks))
        check_stains(stack, model, allow_missing=True)
        drifts.append((yield from measure_drift(stack, model)))
    return sorted(drifts, key=lambda drift: (-drift.outside, -drift.farther))


def measure_drift(
    stack: Stack,
    model: Model,
    measures: SlideMeasures | None = None,
    patches: int = PATCHES,
) -> Job[Drift]:
    """Look at random patches of a slide; where it lies outside, also without each of its stains.

    Parameters
    ----------
    stack : Stack
        May lack stains that the model can do without.
    model : Model
    measures : SlideMeasures, optional
        Tissue and calibration that the job has found.
    patches : int
        How many are looked at.
    """
    spec, measures = model.spec, measures or SlideMeasures()
    if spec.seen is None:
        raise HistoclustError(
            "This model does not say what it has seen: fit it with the preset robust and its robustness card."
        )
    missing = missing_stains(stack, spec)
    present = [stain for stain in spec.stains if stain not in missing]
    choice = choose_level(stack, spec.patch_px, spec.um_per_px)
    side = round(choice.patch_px * stack.downsamples[choice.level])
    mask = yield from measures.find(stack, present, side)
    calibration = yield from measures.calibration(stack, present, side)
    sampled = yield from sample_patches(
        [with_glass(stack, missing)],
        [mask],
        spec.stains,
        count=patches,
        patch_px=choice.patch_px,
        seed=spec.settings.seed,
        min_tissue=spec.settings.min_tissue,
        min_valid=spec.settings.min_valid,
        resize=lambda pixels: resize_patches(pixels, spec.input_px, spec.axes).numpy(),
        choices=[choice],
    )
    tables = tables_with_glass(calibration, present, spec.stains)
    pixels = torch.from_numpy(sampled.pixels)
    codes = calibrated(pixels, tables if spec.scaling == "tissue_strength" else None)
    light = {stain: float(glass.mean()) for stain, glass in zip(present, calibration.glass, strict=True)}
    strength = dict(zip(present, map(float, calibration.strength), strict=True))
    distances = unlikeness(model, codes, missing)
    drift = drift_of(stack.name, distances, spec.seen, glass=light, strength=strength)
    if not drift.is_outside or missing:
        return drift
    alone = medians_without(model, codes)
    return drift_of(stack.name, distances, spec.seen, without=alone, glass=light, strength=strength)


def unlikeness(model: Model, codes: torch.Tensor, blind_to: Sequence[str] = ()) -> NDArray[np.float64]:
    """Return the (n,) distances of (n, 3 s, i, i) codes, without looking at some stains."""
    familiar = Familiar.of(model.state)
    if familiar is None:
        raise HistoclustError(
            "This model does not say what it has seen: fit it again with the preset robust."
        )
    numbers = [model.spec.stains.index(stain) for stain in blind_to]
    known = familiar.blind_to(numbers) if numbers else familiar
    return np.asarray(known.distance(codes), np.float64)


def medians_without(model: Model, codes: torch.Tensor) -> dict[str, float]:
    """Return the median distance of (n, 3 s, i, i) codes where each stain by itself is not looked at."""
    stains = model.spec.stains if len(model.spec.stains) > 1 else ()
    return {stain: round(float(np.median(unlikeness(model, codes, [stain]))), 4) for stain in stains}


def bands(
    stains: Sequence[str], calibrations: Iterable[Calibration]
) -> dict[str, dict[str, tuple[float, float]]]:
    """Return smallest and largest glass and strength of several slides, by stain."""
    several = list(calibrations)
    glass = np.array([calibration.glass.mean(axis=1) for calibration in several])
    strength = np.array([calibration.strength for calibration in several])
    return {
        name: {
            stain: (round(float(column.min()), 4), round(float(column.max()), 4))
            for stain, column in zip(stains, values.T, strict=True)
        }
        for name, values in (("glass", glass), ("strength", strength))
    }


def write_drifts(drifts: Sequence[Drift], file: Path) -> None:
    """Write one row a slide; several stains or notes are parted by semicolons."""
    with atomic_file(file) as partial, partial.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(_COLUMNS)
        for drift in drifts:
            words = ("; ".join(drift.stains), "; ".join(drift.notes))
            writer.writerow(
                (drift.slide, drift.patches, drift.outside, drift.farther, drift.is_outside, *words)
            )
