"""How soon a slide of 100,000 x 80,000 px and five stains is seen, and what panning costs.

    python benchmarks/bench_viewing.py [--rounds 5] [--size 80000x100000] [--folder KEPT]

First view: from `open_stack` to the layers of a napari viewer without a window, every stain with its overview
and the reference sharp enough for the canvas. Panning: a window of 1,600 x 1,000 px of full resolution moves
right by 200 px at a time and comes back; beside it the same windows of the pages as tifffile's zarr store
gives them to dask. Medians of rounds in fresh processes; the disk's own cache is warm.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from large_slides import write_large_stack

WINDOW = 1000, 1600
STEP_PX, STEPS = 200, 20


def first_view(path: Path) -> dict[str, float]:
    from napari.components import ViewerModel
    from napari.layers import Layer

    from napari_histoclust.core.slides.stack import open_stack
    from napari_histoclust.viewer.layers import stack_layers

    start = time.perf_counter()
    stack = open_stack(path)
    opened = time.perf_counter()
    layers = stack_layers(stack)
    for levels, _, _ in layers:
        levels[-1].compute()
    overviews = time.perf_counter()
    viewer = ViewerModel()
    for data in layers:
        viewer.add_layer(Layer.create(*data))
    added = time.perf_counter()
    fitting = next(level for level in reversed(layers[-1][0]) if level.shape[1] >= WINDOW[1])
    fitting.compute()
    return {
        "open_stack": opened - start,
        "overviews of all stains": overviews - opened,
        "layers in napari": added - overviews,
        "reference at the canvas's resolution": time.perf_counter() - added,
        "first view": time.perf_counter() - start,
    }


def panning(path: Path) -> dict[str, float]:
    """Milliseconds a step and tiles decoded, there and back."""
    from napari_histoclust.core.slides.formats.tiff import TiffLevel
    from napari_histoclust.core.slides.stack import open_stack

    decoded = 0
    decode = TiffLevel.decode

    def counted(self: TiffLevel, row: int, col: int) -> Any:
        nonlocal decoded
        decoded += 1
        return decode(self, row, col)

    TiffLevel.decode = counted  # type: ignore[method-assign]
    stack = open_stack(path)
    level = stack.dask_levels(stack.reference)[0]
    seconds, tiles = [], []
    for step in (*range(STEPS), *range(STEPS - 1, -1, -1)):
        before = decoded
        seconds.append(_look(level, _corner(level.shape, step)))
        tiles.append(decoded - before)
    return {
        "ms a step there": 1e3 * statistics.median(seconds[1:STEPS]),
        "ms a step back": 1e3 * statistics.median(seconds[STEPS:]),
        "tiles decoded there": sum(tiles[:STEPS]),
        "tiles decoded back": sum(tiles[STEPS:]),
    }


def panning_zarr(path: Path) -> dict[str, float]:
    import dask.array as da
    import tifffile
    import zarr

    store: Any = tifffile.imread(path / "HE.tif", aszarr=True, key=0)
    level = da.from_zarr(zarr.open(store, mode="r"))  # type: ignore[no-untyped-call]
    seconds = [_look(level, _corner(level.shape, step)) for step in (*range(STEPS), *range(STEPS)[::-1])]
    return {
        "ms a step there": 1e3 * statistics.median(seconds[1:STEPS]),
        "ms a step back": 1e3 * statistics.median(seconds[STEPS:]),
    }


def _corner(shape: tuple[int, ...], step: int) -> tuple[int, int]:
    return shape[0] // 2, min(shape[1] // 2 + step * STEP_PX, shape[1] - WINDOW[1])


def _look(level: Any, corner: tuple[int, int]) -> float:
    start = time.perf_counter()
    window = level[corner[0] : corner[0] + WINDOW[0], corner[1] : corner[1] + WINDOW[1]].compute()
    assert window.shape == (*WINDOW, 3)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", default="80000x100000", help="height x width in px")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        path = write_large_stack(folder / given.size, *map(int, given.size.split("x")))
        table = {}
        for name, job in (
            ("first view, s", first_view),
            ("panning", panning),
            ("panning, tifffile.aszarr and dask", panning_zarr),
        ):
            with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
                rounds = [pool.apply(job, (path,)) for _ in range(given.rounds + 1)][1:]
            table[name] = {key: round(statistics.median(one[key] for one in rounds), 3) for key in rounds[0]}
    print(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
