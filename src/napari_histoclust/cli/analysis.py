"""Commands that look at slides and at finished runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from napari_histoclust.cli.app import Json, Quiet, app
from napari_histoclust.cli.console import finish, print_json, say
from napari_histoclust.cli.training import Flags, PresetFlag
from napari_histoclust.core.config import FitSettings
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.export.options import ExportOptions
from napari_histoclust.core.export.registry import FORMATS, export_run
from napari_histoclust.core.validation.k_range import USUAL

WithOutliers = Annotated[bool, Parameter(negative=())]

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run


@app.command
def info(stack: Path, /, *, figure: Path | None = None, json: Json = False, quiet: Quiet = False) -> None:
    """Tell what a stack holds: stains, sizes, scale, levels, tissue, alignment, warnings; or a model.

    Parameters
    ----------
    stack
        A folder with one image a stain, a stack.yaml file, or a multichannel image; or the folder of a model,
        of which stains, patches and robustness are told.
    figure
        Draw how the stains lie on one another, region by region, into this .png, .pdf or .svg.
    """
    from napari_histoclust.core.slides.stack import open_stack
    from napari_histoclust.core.steps.describe import description_lines, description_of, look_at

    if (stack / "model.json").is_file():
        _info_of_model(stack, json)
        return
    if figure is not None:
        from napari_histoclust.core.figures.alignment_map import check_figure

        check_figure(figure)
    opened = open_stack(stack)
    found, alignment = finish(look_at(opened), quiet or json)
    description = description_of(opened, found, alignment)
    if figure is not None and alignment:
        from napari_histoclust.core.figures.alignment_map import save_alignment

        save_alignment(opened, alignment, figure)
    if json:
        print_json(description)
    else:
        say("\n".join(description_lines(description)))


def _info_of_model(folder: Path, json: bool) -> None:
    from napari_histoclust.core.model.bundle import load_spec
    from napari_histoclust.core.steps.describe import model_lines

    spec = load_spec(folder)
    if json:
        print_json(spec.model_dump(mode="json"))
    else:
        say("\n".join(model_lines(spec)))


@app.command
def embed(run: Path, /, *, seed: int = 765, quiet: Quiet = False) -> None:
    """Lay the patches of a run out in the plane by UMAP.

    Parameters
    ----------
    run
        The run folder.
    seed
        Start of UMAP's random choices.
    """
    from napari_histoclust.core.run.reader import open_run
    from napari_histoclust.core.steps.pipeline import embed_run

    finish(embed_run(open_run(run), seed), quiet)
    say(f"UMAP of {run} is in its patches.zarr.", quiet)


@app.command
def validate(
    run: Path | None = None,
    /,
    *,
    features: Path | None = None,
    with_outliers: WithOutliers = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compute the indices of a clustering.

    Parameters
    ----------
    run
        The run folder; its validation.json is written anew.
    features
        Instead of a run, a CSV table: feature columns, then label, then confidence.
    with_outliers
        Count patches that look like nothing the model was trained on as well.
    """
    if (run is None) == (features is None):
        raise HistoclustError("validate: give either a run folder or --features FILE.csv.")
    from napari_histoclust.core.validation.report import validate_run
    from napari_histoclust.core.validation.table import validate_table

    if features is not None:
        document = finish(validate_table(features), quiet or json).document()
    else:
        from napari_histoclust.core.run.reader import open_run

        assert run is not None
        whole = replace(open_run(run), counts_outliers=with_outliers)
        document = finish(validate_run(whole), quiet or json).document()
    if json:
        print_json(document)
    else:
        for name, value in document["indices"].items():
            say(f"{name:20s} {value}")


@app.command
def recluster(
    run: Path,
    /,
    *,
    clusters: int,
    drop_edits: Annotated[bool, Parameter(negative=())] = False,
    quiet: Quiet = False,
) -> None:
    """Sort a run into another number of clusters, without reading the slides again.

    The run stays as it was mapped; the other number is saved beside it, as the slider in the window does,
    and exports follow. Names, colours and marks are carried over.

    Parameters
    ----------
    run
        The run folder; its model must come from the robust preset.
    clusters
        Number of clusters (K), 2 to 40.
    drop_edits
        Let merges and splits go that were made in the window; without it, such a run is refused.
    """
    from napari_histoclust.core.run.recluster import change_k

    shown = finish(change_k(run, clusters, drop=drop_edits), quiet)
    say(f"{len(shown):,} patches in {shown.clusters_used} of {clusters} clusters: {run}", quiet)


@app.command
def choose_k(
    stack: Path,
    /,
    *,
    out: Path,
    range_: Annotated[str | None, Parameter(name="--range")] = None,
    seeds: int | None = None,
    preset: PresetFlag = "robust",
    settings: Annotated[FitSettings | None, Flags] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say how many clusters the tissue bears: a range, with the reasons.

    With `--preset paper` one model is trained for each number of clusters and seed; else one for each seed.

    Parameters
    ----------
    stack
        A folder with one image a stain, a stack.yaml file, or a multichannel image.
    out
        Folder for the table, the curves and the finished parts; the same command goes on there.
    range_
        Smallest and largest number of clusters, both included; 2:20 unless given, 8:18 with `--preset paper`.
    seeds
        How often the encoders are trained anew; 3 unless given, 5 with `--preset paper`.
    """
    from napari_histoclust.core.slides.stack import open_stack
    from napari_histoclust.core.steps.pipeline import choose_k_of_stack

    chosen = FitSettings.resolve(preset, settings)
    usual = USUAL[chosen.method]
    ks = usual.ks if range_ is None else _range(range_)
    job = choose_k_of_stack(open_stack(stack), chosen, ks, usual.seeds if seeds is None else seeds, out)
    document = finish(job, quiet).document()
    if json:
        print_json(document)
    else:
        say(document["sentence"])
        say(f"Table and curves: {out}")


def _range(text: str) -> range:
    try:
        first, last = (int(part) for part in text.split(":"))
    except ValueError:
        raise HistoclustError(f"--range {text}: give it as smallest:largest, for instance 8:18.") from None
    if not 2 <= first <= last:
        raise HistoclustError(f"--range {text}: the smallest must be at least 2 and not above the largest.")
    return range(first, last + 1)


@app.command
def export(
    run: Path,
    /,
    *,
    to: Annotated[str, Parameter(help=f"Formats with commas: {', '.join(FORMATS)}.")],
    out: Path | None = None,
    selection: Annotated[bool, Parameter(negative=())] = False,
    slides: Path | None = None,
    with_outliers: WithOutliers = False,
    options: Annotated[ExportOptions | None, Flags] = None,
    quiet: Quiet = False,
) -> None:
    """Write a run, as it was last saved in the window, in the formats of other programs.

    Parameters
    ----------
    run
        The run folder.
    out
        Folder for the files; the run's own exports folder if not given.
    selection
        Write only the patches that were selected when the run was last saved in the window.
    slides
        Where the images of a run that was moved lie now: their folder, or the one around it.
    with_outliers
        Count patches that look like nothing the model was trained on in the statistics as well.
    """
    from napari_histoclust.core.run.saved import saved_run

    formats = [name.strip() for name in to.split(",") if name.strip()]
    whole = replace(saved_run(run, slides), counts_outliers=with_outliers)
    part = _selected(whole) if selection else whole
    for path in finish(export_run(part, formats, out or run / "exports", options), quiet):
        say(str(path), quiet)


def _selected(run: Run) -> Run:
    from napari_histoclust.core.run.run import subset_of
    from napari_histoclust.session.view_state import load_selection

    return subset_of(run, load_selection(run))
