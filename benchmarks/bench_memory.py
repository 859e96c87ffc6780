"""Peak memory of sampling training patches and of mapping, against the size of the slide.

    python benchmarks/bench_memory.py [--sizes HEIGHTxWIDTH ...] [--folder KEPT] [--cache-mib N]

Each job is a process of its own; told is its peak resident size and what lies beyond the peak of the imports
alone. `sample` reads the paper's 20,000 patches of 128 px, which are 1.2 GB as the training wants them; `map`
labels every patch with the paper's network (untrained: its size is what counts here). The slides are JPEG
pyramids that are a seventh tissue, made first and kept where `--folder` says.
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

from large_slides import STAINS, write_large_stack

import napari_histoclust as hc
from napari_histoclust.core.config import FitSettings
from napari_histoclust.core.jobs import drive


def imports(stack: Path, folder: Path, cache_mib: int | None) -> int:
    """Everything the other jobs import, and a matrix product; what they stand on."""
    import torch

    return len(torch.ones(8, 8) @ torch.ones(8, 8)) * 0


def sample(stack: Path, folder: Path, cache_mib: int | None) -> int:
    from napari_histoclust.core.steps.model_spec import model_spec
    from napari_histoclust.core.steps.pipeline import sample_stacks

    opened = hc.open_stack(stack)
    settings = FitSettings.resolve("paper", FitSettings(cache_mib=cache_mib))
    return len(drive(sample_stacks([opened], model_spec([opened], settings), settings)).pixels)


def map_(stack: Path, folder: Path, cache_mib: int | None) -> int:
    from napari_histoclust.core.model.bundle import Model, empty_network
    from napari_histoclust.core.model.spec import ModelSpec

    spec = ModelSpec(stains=STAINS, patch_px=128, clusters=14)
    model = Model(spec, empty_network(spec).state_dict())
    return len(hc.map(hc.open_stack(stack), model, folder / f"run {stack.name}", cache_mib=cache_mib))


JOBS = {job.__name__: job for job in (imports, sample, map_)}


def measured(job: str, stack: Path, folder: Path, cache_mib: int | None) -> dict[str, Any]:
    start = time.perf_counter()
    count = JOBS[job](stack, folder, cache_mib)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"patches": count, "seconds": round(time.perf_counter() - start, 1), "peak_mib": round(peak)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", default=["8192x8192", "32768x32768", "80000x100000"])
    parser.add_argument("--jobs", nargs="+", default=["sample", "map_"])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--cache-mib", type=int)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        slides = given.folder or Path(temporary) / "slides"
        stacks = [write_large_stack(slides / size, *map(int, size.split("x"))) for size in given.sizes]
        with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:

            def run(job: str, stack: Path) -> dict[str, Any]:
                return pool.apply(measured, (job, stack, Path(temporary), given.cache_mib))

            table: dict[str, Any] = {"imports": run("imports", stacks[0])}
            print(json.dumps(table), flush=True)
            for stack in stacks:
                for job in given.jobs:
                    row = run(job, stack)
                    row["beyond_imports_mib"] = row["peak_mib"] - table["imports"]["peak_mib"]
                    print(json.dumps({f"{job} {stack.name}": row}), flush=True)


if __name__ == "__main__":
    main()
