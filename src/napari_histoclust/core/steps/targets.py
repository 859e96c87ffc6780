"""What a mapping works through: each slide with its tissue, lattice and calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.config import MapSettings
from napari_histoclust.core.jobs import Job
from napari_histoclust.core.model.bundle import Model
from napari_histoclust.core.model.spec import ModelSpec
from napari_histoclust.core.patches.grid import PatchGrid
from napari_histoclust.core.patches.lattice import LevelChoice, choose_level, make_grid
from napari_histoclust.core.run.manifest import (
    SlideEntry,
)
from napari_histoclust.core.slides.absent import with_glass
from napari_histoclust.core.slides.stack import Stack
from napari_histoclust.core.stains.calibration import SlideMeasures
from napari_histoclust.core.steps.absent_stains import (
    missing_stains,
    tables_with_glass,
    warning_of,
)


@dataclass(frozen=True, eq=False)
class Target:
    """A slide, the lattice over it, its line in the manifest, and its calibration if the model needs one.

    Stains that it lacks are bare glass in `stack` and in `tables`.
    """

    stack: Stack
    grid: PatchGrid
    entry: SlideEntry
    tables: NDArray[np.uint8] | None = None


def lay_lattices(
    stacks: Sequence[Stack], model: Model, settings: MapSettings, measures: SlideMeasures
) -> Job[list[Target]]:
    """Find the tissue of each slide, lay the lattice over it and calibrate it."""
    targets = []
    for stack in stacks:
        targets.append((yield from _lay_lattice(stack, model, settings, measures)))
    entries = _named_apart([target.entry for target in targets])
    return [replace(t, entry=entry) for t, entry in zip(targets, entries, strict=True)]


def _lay_lattice(stack: Stack, model: Model, settings: MapSettings, measures: SlideMeasures) -> Job[Target]:
    spec = model.spec
    choice = _choose_level(stack, spec, settings)
    downsample = stack.downsamples[choice.level]
    stride_px = choice.patch_px
    if settings.stride_px is not None:
        stride_px = max(1, round(settings.stride_px / downsample))
    missing = missing_stains(stack, spec)
    present = tuple(stain for stain in spec.stains if stain not in missing)
    side_px = round(choice.patch_px * downsample)
    mask = yield from measures.find(stack, present, side_px)
    misplaced = yield from measures.alignment_warnings(stack, present, side_px)
    grid = make_grid(
        stack,
        mask,
        patch_px=choice.patch_px,
        stride_px=stride_px,
        level=choice.level,
        min_tissue=settings.min_tissue,
        min_valid=settings.min_valid,
    )
    entry = SlideEntry(
        name=stack.name,
        path=str(stack.path.resolve()),
        reference=stack.reference,
        um_per_px=stack.um_per_px,
        shape_px=stack.shapes[0],
        rows=grid.shape[0],
        cols=grid.shape[1],
        patch_px=grid.patch_px,
        stride_px=grid.stride_px,
        level=grid.level,
        downsample=grid.downsample,
        patches=len(grid),
        tissue_share=round(float(mask.share), 6),
        warnings=(
            *stack.warnings,
            *((choice.warning,) if choice.warning else ()),
            *((warning_of(missing),) if missing else ()),
            *misplaced,
        ),
        inputs=tuple(stack.inputs()),
        missing=missing,
    )
    filled = with_glass(stack, missing)
    if spec.scaling == "divide_by_255":
        return Target(filled, grid, entry)
    calibration = yield from measures.calibration(stack, present, side_px)
    return Target(filled, grid, entry, tables_with_glass(calibration, present, spec.stains))


def _choose_level(stack: Stack, spec: ModelSpec, settings: MapSettings) -> LevelChoice:
    if settings.patch_px is not None:
        return LevelChoice(0, settings.patch_px)
    return choose_level(stack, spec.patch_px, spec.um_per_px)


def _named_apart(entries: Sequence[SlideEntry]) -> list[SlideEntry]:
    """Give slides of one name a number, as the name is how obs["slide"] tells them apart."""
    named: list[SlideEntry] = []
    for entry in entries:
        same = sum(entry.name == other.name for other in entries[: len(named)])
        name = f"{entry.name} ({same + 1})" if same else entry.name
        named.append(entry.model_copy(update={"name": name}))
    return named
