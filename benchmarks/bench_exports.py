"""Export 100,000 patches in every format, and outline them the plain ways (boxes dissolved) beside it.

    python benchmarks/bench_exports.py [--rows 640] [--patch-px 128] [--stray 0.1] [--rounds 3]

The default is a slide of 82,000 px a side of which a quarter is tissue. Each format runs in a process of its
own, so that its peak of memory is its own; loading the libraries is not counted in the seconds. Medians over
the rounds; "x plain" is how often faster than geopandas' dissolve of one box a patch, written as GeoJSON.
What needs the slide's images (overlay, reports) is timed elsewhere.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))


PLAIN = "boxes, geopandas dissolve"
OTHERS = ("boxes, shapely union", PLAIN)
ELSEWHERE = ("overlay", "report", "report-pdf")
COLUMNS = ("seconds", "CPU s", "peak MB", "of it start", "file MB")


def main() -> None:
    arguments = _arguments()
    if arguments.format:
        print(json.dumps(_measure(Path(arguments.folder), arguments.format)))
        return
    from core.runs import make_run

    with tempfile.TemporaryDirectory() as folder:
        patches = _make(Path(folder) / "run", arguments.rows, arguments.patch_px, arguments.stray)
        make_run(Path(folder) / "tiny")
        print(f"{patches} patches, slide of {arguments.rows * arguments.patch_px} px a side")
        measured = {name: _rounds(folder, name, arguments.rounds) for name in _names()}
    print(f"{'':28}" + "".join(f"{column:>12}" for column in COLUMNS) + f"{'x plain':>12}")
    for name, values in measured.items():
        ratio = measured[PLAIN][0] / values[0] if values[0] else float("nan")
        print(f"{name:28}" + "".join(f"{value:12.2f}" for value in values) + f"{ratio:12.1f}")


def _names() -> list[str]:
    from napari_histoclust.core.export.registry import FORMATS

    there = [name for name in FORMATS if name != "spatialdata" or find_spec("spatialdata")]
    return ["nothing", *(name for name in there if name not in ELSEWHERE), *OTHERS]


def _rounds(folder: str, name: str, rounds: int) -> list[float]:
    """Medians of the columns."""
    command = [sys.executable, __file__, "--folder", folder, "--format", name]
    done = [subprocess.run(command, check=True, capture_output=True, text=True) for _ in range(rounds)]
    return np.median([json.loads(one.stdout.splitlines()[-1]) for one in done], axis=0).tolist()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=640)
    parser.add_argument("--patch-px", type=int, default=128)
    parser.add_argument("--stray", type=float, default=0.1, help="share of patches with a random label")
    parser.add_argument("--rounds", type=int, default=3)
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


def _measure(folder: Path, name: str) -> list[float]:
    from napari_histoclust.core.export.registry import FORMATS, export_run
    from napari_histoclust.core.jobs import drive
    from napari_histoclust.core.run.reader import open_run

    run, tiny = open_run(folder / "run"), open_run(folder / "tiny")
    work = {
        "nothing": lambda of, out: (),
        "boxes, shapely union": _union,
        PLAIN: _dissolve,
        **{one: lambda of, out, one=one: drive(export_run(of, [one], out)) for one in FORMATS},
    }[name]
    work(tiny, folder / "warm")  # loads the libraries
    before, start, cpu = _peak_mb(), time.perf_counter(), time.process_time()
    written = work(run, folder / "exports")
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    files = [f for path in written for f in ([path] if path.is_file() else path.rglob("*")) if f.is_file()]
    return [seconds, cpu, _peak_mb(), before, sum(file.stat().st_size for file in files) / 1e6]


def _boxes(run):
    import shapely

    grid = run.grids[0]
    return shapely.box(*((place + end) * grid.place_px for end in (0, 1) for place in (grid.col, grid.row)))


def _union(run, out: Path) -> tuple[Path, ...]:
    import shapely

    boxes = _boxes(run)
    outlines = [shapely.union_all(boxes[run.labels == cluster.id]) for cluster in run.clusters]
    return (_written(out / "union.geojson", "\n".join(shapely.to_geojson(outlines))),)


def _dissolve(run, out: Path) -> tuple[Path, ...]:
    import geopandas

    frame = geopandas.GeoDataFrame({"cluster": run.labels}, geometry=_boxes(run))
    return (_written(out / "dissolve.geojson", frame.dissolve("cluster").to_json()),)


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def _peak_mb() -> float:
    """Peak of this process alone; getrusage would count its parent's, from before the exec."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
