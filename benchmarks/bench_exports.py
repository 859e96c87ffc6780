"""Export 100,000 patches in every format, and outline them the plain way (boxes dissolved) beside it.

    python benchmarks/bench_exports.py [--rows 640] [--patch-px 128] [--stray 0.1]

The default is a slide of 82,000 px a side of which a quarter is tissue. Each format runs in a process of its
own, so that its peak of memory is its own; loading the libraries is not counted in the seconds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))


def main() -> None:
    arguments = _arguments()
    if arguments.format:
        _measure(Path(arguments.folder), arguments.format)
        return
    from core.runs import make_run
    from napari_histoclust.core.export import FORMATS

    with tempfile.TemporaryDirectory() as folder:
        patches = _make(Path(folder) / "run", arguments.rows, arguments.patch_px, arguments.stray)
        make_run(Path(folder) / "tiny")
        print(f"{patches} patches, slide of {arguments.rows * arguments.patch_px} px a side")
        print(f"{'format':22}{'seconds':>9}{'CPU s':>9}{'peak MB':>9}{'of it start':>12}{'file MB':>9}")
        for name in ["nothing", *FORMATS, "box and dissolve"]:
            command = [sys.executable, __file__, "--folder", folder, "--format", name]
            subprocess.run(command, check=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=640)
    parser.add_argument("--patch-px", type=int, default=128)
    parser.add_argument("--stray", type=float, default=0.1, help="share of patches with a random label")
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("--format", help=argparse.SUPPRESS)
    return parser.parse_args()


def _make(folder: Path, rows: int, patch_px: int, stray: float) -> int:
    """A run whose clusters lie in regions of some ten patches across, 14 of them."""
    from core.runs import write_run
    from napari_histoclust.core.patches.grid import PatchGrid

    rng = np.random.default_rng(0)
    tissue = gaussian_filter(rng.normal(size=(rows, rows)), rows / 16)
    row, col = np.nonzero(tissue > np.quantile(tissue, 1 - 100_000 / 640**2))
    regions = np.stack([gaussian_filter(rng.normal(size=(rows, rows)), 6) for _ in range(14)]).argmax(0) + 1
    labels = regions[row, col].astype(np.int16)
    some = rng.random(len(labels)) < stray
    labels[some] = rng.integers(1, 15, int(some.sum()))
    grid = PatchGrid(
        (rows, rows),
        patch_px,
        patch_px,
        0,
        1.0,
        row.astype(np.int32),
        col.astype(np.int32),
        np.ones(len(row), np.float32),
    )
    return len(write_run(folder, [grid], labels, clusters=14))


def _measure(folder: Path, name: str) -> None:
    from napari_histoclust.core.export import FORMATS, export_run
    from napari_histoclust.core.jobs import drive
    from napari_histoclust.core.run import open_run

    run = open_run(folder / "run")
    if name in FORMATS:  # loads the libraries
        drive(export_run(open_run(folder / "tiny"), [name], folder / "warm"))
    before, start, cpu = _peak_mb(), time.perf_counter(), time.process_time()
    written: tuple[Path, ...] = ()
    if name == "box and dissolve":
        _dissolve(run)
    elif name in FORMATS:
        written = drive(export_run(run, [name], folder / "exports"))
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    files = [f for path in written for f in ([path] if path.is_file() else path.rglob("*")) if f.is_file()]
    size = sum(file.stat().st_size for file in files) / 1e6
    print(f"{name:22}{seconds:9.2f}{cpu:9.2f}{_peak_mb():9.0f}{before:12.0f}{size:9.1f}", flush=True)


def _dissolve(run) -> None:
    import shapely

    row, col = run.grids[0].row, run.grids[0].col
    boxes = shapely.box(col, row, col + 1, row + 1)
    for cluster in run.clusters:
        shapely.union_all(boxes[run.labels == cluster.id])


def _peak_mb() -> float:
    """Peak of this process alone; getrusage would count its parent's, from before the exec."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
