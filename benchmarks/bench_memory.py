"""Peak memory of training-patch sampling and of mapping against the size of the slide.

    python benchmarks/bench_memory.py [--sizes 4096 16384 32768] [--folder KEPT]

Each job is a process of its own; its peak resident size is told beside what the same imports take alone.
The phantoms are made first and kept where `--folder` says.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import napari_histoclust as hc
from napari_histoclust.core.config import FitSettings
from napari_histoclust.core.jobs import drive

SETTINGS = {"patch_px": 128, "patches": 2_000, "epochs": 1, "clusters": 8}


def imports(stack: Path, folder: Path) -> int:
    """Everything the other jobs import, and a model that runs once; the size that they stand on."""
    import napari_histoclust.core.mapping
    import napari_histoclust.core.pipeline
    import napari_histoclust.core.train  # noqa: F401

    return 0


def write(stack: Path, folder: Path) -> int:
    from napari_histoclust.core.phantom import write_phantom

    drive(write_phantom(stack, size_px=int(stack.name), seed=0))
    return 0


def fit(stack: Path, folder: Path) -> int:
    hc.fit(hc.open_stack(stack), "quick", out=folder / "model", **SETTINGS)
    return SETTINGS["patches"]


def sample(stack: Path, folder: Path) -> int:
    from napari_histoclust.core.pipeline import model_spec, sample_stacks

    opened, settings = hc.open_stack(stack), FitSettings.resolve("quick", FitSettings(patch_px=128))
    return len(drive(sample_stacks([opened], model_spec([opened], settings), settings)).pixels)


def map_(stack: Path, folder: Path) -> int:
    return len(hc.map(hc.open_stack(stack), hc.load_model(folder / "model"), folder / f"run {stack.name}"))


JOBS = {job.__name__: job for job in (imports, write, fit, sample, map_)}


def measured(job: str, stack: Path, folder: Path) -> dict[str, Any]:
    start = time.perf_counter()
    count = JOBS[job](stack, folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"patches": count, "seconds": round(time.perf_counter() - start, 1), "peak_mib": round(peak)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[4096, 16384, 32768])
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        slides = given.folder or Path(temporary) / "slides"
        with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:

            def run(job: str, size: int) -> dict[str, Any]:
                return pool.apply(measured, (job, slides / str(size), Path(temporary)))

            table: dict[str, Any] = {"imports": run("imports", given.sizes[0])}
            for size in given.sizes:
                if not (slides / str(size)).is_dir():
                    table[f"write {size}"] = run("write", size)
            table["fit"] = run("fit", given.sizes[0])
            for size in given.sizes:
                table[f"sample {size}"] = run("sample", size)
                table[f"map {size}"] = run("map_", size)
    print(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
