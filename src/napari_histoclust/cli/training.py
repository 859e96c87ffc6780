"""Commands that train, import or apply a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from napari_histoclust.cli.app import Json, Quiet, app
from napari_histoclust.cli.console import complain, finish, print_json, say, warn
from napari_histoclust.core.config import PRESET_HELP, FitSettings, MapSettings, Preset, RunSettings
from napari_histoclust.core.settings import ComputeSettings

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.core.slides.stack import Stack

Stacks = Annotated[list[Path], Parameter(negative=())]
Flags = Parameter(name="*", show_default=False)
PresetFlag = Annotated[Preset, Parameter(help=f"{PRESET_HELP} Flags change single values.")]


def _opened(paths: Sequence[Path], quiet: bool) -> list[Stack]:
    """Open the stacks and say at once what to know of their files."""
    from napari_histoclust.core.slides.stack import open_stack

    stacks = [open_stack(path) for path in paths]
    warn((sentence for stack in stacks for sentence in stack.warnings), quiet)
    return stacks


def _repeat_warnings(run: Run, stacks: Sequence[Stack], quiet: bool) -> None:
    """Say what the work itself has shown: scales, alignment, holes."""
    said = {sentence for stack in stacks for sentence in stack.warnings}
    warn((w for slide in run.manifest.slides for w in slide.warnings if w not in said), quiet)


@app.command(name="run")
def run_(
    stacks: Stacks,
    /,
    *,
    out: Path,
    preset: PresetFlag = "robust",
    settings: Annotated[RunSettings | None, Flags] = None,
    quiet: Quiet = False,
) -> None:
    """Train, map, embed, validate and draw: the whole job; the same command goes on where it stopped.

    Parameters
    ----------
    stacks
        Folders with one image a stain, stack.yaml files, or multichannel images.
    out
        The run folder: new, empty, or the same run begun before.
    """
    from napari_histoclust.core.steps.pipeline import run_stacks

    opened = _opened(stacks, quiet)
    run = finish(run_stacks(opened, preset, out, settings or RunSettings()), quiet)
    _repeat_warnings(run, opened, quiet)
    say(f"{len(run):,} patches in {run.clusters_used} of {len(run.clusters)} clusters: {out}", quiet)
    _warn(run)
    say(f"Look at it with: napari-histoclust open {out}", quiet)


@app.command
def fit(
    stacks: Stacks,
    /,
    *,
    out: Path,
    preset: PresetFlag = "robust",
    settings: Annotated[FitSettings | None, Flags] = None,
    quiet: Quiet = False,
) -> None:
    """Train a model; the same command goes on where it stopped.

    Parameters
    ----------
    stacks
        Folders with one image a stain, stack.yaml files, or multichannel images.
    out
        Folder of the model: new or empty.
    """
    from napari_histoclust.core.steps.pipeline import fit_stacks

    chosen = FitSettings.resolve(preset, settings)
    finish(fit_stacks(_opened(stacks, quiet), chosen, out), quiet)
    say(f"Model: {out}", quiet)


@app.command(name="map")
def map_(
    stacks: Stacks,
    /,
    *,
    model: Path,
    out: Path,
    settings: Annotated[MapSettings | None, Flags] = None,
    quiet: Quiet = False,
) -> None:
    """Label every tissue patch of a slide; the same command goes on where it stopped.

    Parameters
    ----------
    stacks
        Folders with one image a stain, stack.yaml files, or multichannel images.
    model
        Folder of the model.
    out
        The run folder: new, empty, or the same run begun before.
    """
    from napari_histoclust.core.model.bundle import load_model
    from napari_histoclust.core.steps.mapping import map_stacks

    opened = _opened(stacks, quiet)
    run = finish(map_stacks(opened, load_model(model), out, settings), quiet)
    _repeat_warnings(run, opened, quiet)
    say(f"{len(run):,} patches in {run.clusters_used} of {len(run.clusters)} clusters: {out}", quiet)
    _warn(run)


@app.command
def classify(
    tiles: Path,
    /,
    *,
    model: Path,
    out: Path,
    allow_missing: Annotated[bool, Parameter(negative=())] = False,
    settings: Annotated[ComputeSettings | None, Flags] = None,
    quiet: Quiet = False,
) -> None:
    """Label single tiles: one row a tile with cluster and confidence.

    Parameters
    ----------
    tiles
        An .npz file with `tiles` (n, stains, y, x, 3) uint8 and `stains` (their names).
    model
        Folder of the model.
    out
        The CSV file to write: tile, cluster, confidence.
    allow_missing
        Also label tiles that lack one or two of the model's stains, as well as the others tell.
    """
    from napari_histoclust.core.model.bundle import load_model
    from napari_histoclust.core.steps.classify_tiles import classify_tiles

    job = classify_tiles(tiles, load_model(model), out, settings or ComputeSettings(), allow_missing)
    count = finish(job, quiet)
    say(f"{count:,} tiles: {out}", quiet)


@app.command
def import_model(folder: Path, /, *, out: Path, stains: str, patch_px: int, quiet: Quiet = False) -> None:
    """Turn the published checkpoint files into a model.

    Parameters
    ----------
    folder
        Folder with the model_en, model_cl and model_de checkpoint files.
    out
        Folder of the model: new or empty.
    stains
        The stains in the order in which the network was trained, with commas: HE,CD31,CK19,Ki67,MT.
    patch_px
        Side in px of the patches that it was trained on.
    """
    from napari_histoclust.core.model.bundle import save_model
    from napari_histoclust.core.model.import_model import import_model as read_checkpoints

    names = tuple(name.strip() for name in stains.split(",") if name.strip())
    save_model(read_checkpoints(folder, names, patch_px), out)
    say(f"Model: {out}", quiet)


@app.command
def drift(
    model: Path,
    stacks: Stacks,
    /,
    *,
    out: Path | None = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List slides by how far they lie from what a model has seen, the farthest first.

    Parameters
    ----------
    model
        Folder of the model.
    stacks
        Folders with one image a stain, stack.yaml files, or multichannel images.
    out
        Also write the list into this CSV file.
    """
    from napari_histoclust.core.atomic import check_file
    from napari_histoclust.core.model.bundle import load_model
    from napari_histoclust.core.slides.stack import open_stack
    from napari_histoclust.core.steps.measure_drift import list_drifts, write_drifts

    if out is not None:
        check_file(out)
    opened = [open_stack(path) for path in stacks]
    drifts = finish(list_drifts(opened, load_model(model)), quiet or json)
    if out is not None:
        write_drifts(drifts, out)
    if json:
        print_json({"slides": [one.document() for one in drifts]})
        return
    say(f"{'slide':24s} {'outside':>8s} {'farther':>8s}  stains")
    for one in drifts:
        say(f"{one.slide:24s} {one.outside:8.1%} {one.farther:7.2f}x  {', '.join(one.stains)}")
        for sentence in ([one.sentence] if one.is_outside else []) + list(one.notes):
            say(f"    {sentence}")


def _warn(run: Run) -> None:
    """Say on standard error what is to be known before the labels are believed."""
    for slide in run.manifest.slides:
        for warning in slide.warnings:
            complain(f"{slide.name}: {warning}")
