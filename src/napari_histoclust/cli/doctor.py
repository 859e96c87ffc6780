"""What works on this machine: one finding a subject, each with an advice where something is missing."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PROBE_SECONDS = 60
_NEEDED_GB = 10.0  # a five-stain slide of 40,000 px, its run folder and its exports


@dataclass(frozen=True)
class Finding:
    """One line of the report: what was looked at, what was found, and what to do."""

    name: str
    works: bool
    found: str
    advice: str = ""

    def document(self) -> dict[str, Any]:
        """Return the finding as JSON."""
        return asdict(self)


def examine() -> list[Finding]:
    """Look at everything the program leans on."""
    checks: list[Callable[[], list[Finding]]] = [_python, _versions, _processor, _codecs, _window, _disk]
    return [finding for check in checks for finding in check()]


def _python() -> list[Finding]:
    return [
        Finding(
            "python",
            sys.version_info >= (3, 11),
            f"{platform.python_version()} on {platform.system()} {platform.machine()}",
            "" if sys.version_info >= (3, 11) else "install Python 3.11 or newer",
        )
    ]


def _versions() -> list[Finding]:
    return [
        _package(name)
        for name in ("napari-histoclust", "napari", "torch", "tifffile", "zarr", "anndata", "umap-learn")
    ]


def _package(name: str) -> Finding:
    try:
        return Finding(name, True, version(name))
    except PackageNotFoundError:
        return Finding(name, False, "not installed", f"pip install {name}")


def _processor() -> list[Finding]:
    import torch

    if torch.cuda.is_available():
        return [Finding("processor", True, f"cuda: {torch.cuda.get_device_name()}")]
    if torch.backends.mps.is_available():
        return [Finding("processor", True, "mps: Apple graphics")]
    advice = "works, more slowly; with an NVIDIA card install PyTorch's CUDA build"
    return [Finding("processor", True, f"CPU, {torch.get_num_threads()} threads, no graphics card", advice)]


def _codecs() -> list[Finding]:
    import imagecodecs

    wanted = {"JPEG": "JPEG8", "JPEG 2000": "JPEG2K", "JPEG XL": "JPEGXL", "LZW": "LZW", "zstd": "ZSTD"}
    missing = [name for name, attribute in wanted.items() if not getattr(imagecodecs, attribute).available]
    if missing:
        advice = "slides compressed so cannot be read: pip install --upgrade imagecodecs"
        return [Finding("codecs", False, f"missing {', '.join(missing)}", advice)]
    return [Finding("codecs", True, ", ".join(wanted))]


def _window() -> list[Finding]:
    """Ask a process of its own, because Qt ends the process where it finds no screen."""
    command = [sys.executable, "-m", "napari_histoclust.widgets.probe"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False)
        answer = json.loads(done.stdout.strip().splitlines()[-1]) if done.returncode == 0 else None
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        answer = None
    if answer is None:
        advice = (
            "pip install 'napari-histoclust[pyside6]', and on Debian: apt-get install libegl1 "
            "libgl1-mesa-dri libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 "
            "libxcb-shape0; without a screen use xvfb-run"
        )
        return [Finding("window", False, "Qt finds no screen, or there is no Qt", advice)]
    gl = answer["gl"]
    return [
        Finding("Qt", True, f"{answer['binding']} {answer['qt']}"),
        Finding("OpenGL", bool(gl), gl or "no context", "" if gl else "update the graphics driver"),
    ]


def _disk() -> list[Finding]:
    free_gb = shutil.disk_usage(Path.cwd()).free / 1e9
    advice = "" if free_gb > _NEEDED_GB else f"large slides need some {_NEEDED_GB:.0f} GB"
    return [Finding("disk", free_gb > _NEEDED_GB, f"{free_gb:.0f} GB free in this folder", advice)]
