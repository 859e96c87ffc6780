"""Commands that make sample slides, run the demonstration, start napari, and check the machine."""

from __future__ import annotations

from pathlib import Path

from napari_histoclust.cli.app import Json, Quiet, app
from napari_histoclust.cli.console import finish, print_json, say
from napari_histoclust.core.config import RunSettings

DEMO_PX = 4096


@app.command
def phantom(folder: Path, /, *, size: int = DEMO_PX, seed: int = 0, quiet: Quiet = False) -> None:
    """Write a made-up slide in five stains, with the truth beside it.

    Parameters
    ----------
    folder
        Folder for the images: new or empty.
    size
        Side of the slide in px.
    seed
        Another seed makes another slide.
    """
    from napari_histoclust.core.phantom import write_phantom

    say(f"Phantom: {finish(write_phantom(folder, size_px=size, seed=seed), quiet)}", quiet)


@app.command
def demo(*, out: Path = Path("histoclust-demo"), quiet: Quiet = False) -> None:
    """Do the whole job on a made-up slide: train, map, embed, validate, draw and export.

    Parameters
    ----------
    out
        Folder for everything; the same command goes on there.
    """
    from napari_histoclust.core.export.registry import export_run
    from napari_histoclust.core.phantom import write_phantom
    from napari_histoclust.core.slides.stack import open_stack
    from napari_histoclust.core.steps.pipeline import run_stacks

    slide, run_folder = out / "slide", out / "run"
    if not slide.is_dir():
        finish(write_phantom(slide, size_px=DEMO_PX, seed=0), quiet)
    # tissues here are but a few patches wide: the preset's weight leaves half of the clusters empty
    settings = RunSettings(clusters=8, stride_px=64, weight_consistency=0.5)
    job = run_stacks([open_stack(slide)], "quick", run_folder, settings)
    run = finish(job, quiet)
    finish(export_run(run, ["geojson", "ome-tiff", "csv", "png"], run_folder / "exports"), quiet)
    used = f"{run.clusters_used} of {len(run.clusters)} clusters"
    say(f"\n{len(run):,} patches of a made-up slide, sorted into {used}.")
    say(f"Result:      {run_folder}")
    say(f"Figures:     {run_folder / 'figures'}")
    say(f"Look at it:  napari-histoclust open {run_folder}")


@app.command(name="open")
def open_(path: Path, /) -> None:
    """Start napari on a run folder or a stack.

    Parameters
    ----------
    path
        A run folder, or a stack.
    """
    from napari_histoclust.core.slides.pyramid.build import with_pyramids
    from napari_histoclust.core.slides.stack import open_stack
    from napari_histoclust.viewer.reading import run_folder
    from napari_histoclust.widgets.open import show

    if run_folder(path) is None:
        finish(with_pyramids(open_stack(path)), quiet=False)
    show(path)


@app.command
def doctor(*, json: Json = False) -> None:
    """Tell what works on this machine, what does not, and what to do about it."""
    from napari_histoclust.cli.doctor import examine

    findings = examine()
    if json:
        print_json({"checks": [finding.document() for finding in findings]})
        return
    for finding in findings:
        mark = "ok  " if finding.works else "MISS"
        say(f"{mark} {finding.name:12s} {finding.found}{finding.advice and ': ' + finding.advice}")
