"""How fast patches are read, from the real stack and from JPEG pyramids; medians of several rounds as JSON.

Run with ``python benchmarks/bench_read_patches.py [--rounds 5]``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile

from napari_histoclust.core.jobs import drive
from napari_histoclust.core.patches.grid import PatchGrid
from napari_histoclust.core.patches.lattice import make_grid
from napari_histoclust.core.patches.reader import read_patches
from napari_histoclust.core.patches.sample import sample_patches
from napari_histoclust.core.slides.protocol import UInt8
from napari_histoclust.core.slides.stack import Stack, open_stack
from napari_histoclust.core.tissue.mask import TissueMask, find_tissue

STAINS = ("HE", "CD31", "CK19", "Ki67", "MT")


def write_jpeg_stack(folder: Path, side: int, tile: int) -> Path:
    """Five stains of smooth texture, JPEG tiles, three levels."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for stain in STAINS:
        low = rng.integers(60, 220, (side // 16, side // 16, 3)).astype(np.uint8)
        picture = np.repeat(np.repeat(low, 16, 0), 16, 1)
        picture += rng.integers(0, 24, picture.shape, np.uint8)
        options = {"photometric": "rgb", "tile": (tile, tile), "compression": "jpeg"}
        with tifffile.TiffWriter(folder / f"{stain}.tif", bigtiff=True) as tif:
            tif.write(picture, subifds=2, metadata=None, **options)
            for step in (2, 4):
                tif.write(picture[::step, ::step], subfiletype=1, metadata=None, **options)
    return folder


def everywhere(stack: Stack) -> TissueMask:
    mask = np.ones((64, 64), bool)
    valid = dict.fromkeys(stack.stains, mask)
    return TissueMask(mask, valid, valid, max(stack.shapes[0]) / 64)


def median_rate(count: int, work: Callable[[], object], rounds: int) -> float:
    """Patches a second: median over the rounds, the first of which only warms up."""
    seconds = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return round(count / statistics.median(seconds[1:]), 1)


def read_all(path: Path, grid: PatchGrid) -> None:
    # opened anew, so that no tile is at hand
    stack = open_stack(path)
    count = sum(len(patches) for _, patches in read_patches(stack, grid, 0, len(grid), stack.stains))
    assert count == len(grid)


def lattice_rates(
    path: Path, mask: TissueMask, sides: list[tuple[int, int]], rounds: int
) -> dict[str, float]:
    stack = open_stack(path)
    rates = {}
    for patch_px, stride_px in sides:
        grid = make_grid(
            stack, mask, patch_px=patch_px, stride_px=stride_px, level=0, min_tissue=0.5, min_valid=0.75
        )
        rate = median_rate(len(grid), lambda grid=grid: read_all(path, grid), rounds)  # type: ignore[misc]
        rates[f"patch {patch_px} stride {stride_px} ({len(grid)} patches)"] = rate
    return rates


def small(patches: UInt8) -> UInt8:
    step = max(1, patches.shape[2] // 16)
    return patches[:, :, ::step, ::step].transpose(0, 1, 4, 2, 3).reshape(len(patches), -1, 16, 16)


def sample_rate(path: Path, mask: TissueMask, patch_px: int, count: int, rounds: int) -> float:
    def work() -> None:
        stack = open_stack(path)
        drive(
            sample_patches(
                [stack], [mask], stack.stains, count=count, patch_px=patch_px, seed=0, min_tissue=0.5,
                min_valid=0.75, resize=small,
            )
        )  # fmt: skip

    return median_rate(count, work, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--side", type=int, default=8192)
    given = parser.parse_args()
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    real = Path(os.environ.get("HISTOCLUST_SHARED_DATA", default)) / "kpc_stack"
    figures: dict[str, object] = {"cpus": os.cpu_count(), "unit": "patches/s, five stains each"}
    if real.is_dir():
        stack = open_stack(real)
        start = time.perf_counter()
        mask = drive(find_tissue(stack, stack.stains, 16))
        figures["find_tissue_s"] = round(time.perf_counter() - start, 3)
        figures["kpc_stack"] = lattice_rates(real, mask, [(16, 16), (64, 64), (128, 64)], given.rounds)
        figures["kpc_stack, 5,000 random of 16 px"] = sample_rate(real, mask, 16, 5000, given.rounds)
    with tempfile.TemporaryDirectory() as folder:
        for tile in (256, 512):
            path = write_jpeg_stack(Path(folder) / str(tile), given.side, tile)
            mask = everywhere(open_stack(path))
            sides = [(64, 64), (128, 128), (256, 256), (128, 100)]
            figures[f"jpeg tiles of {tile} px"] = lattice_rates(path, mask, sides, given.rounds)
            figures[f"jpeg tiles of {tile} px, 2,000 random of 128 px"] = sample_rate(
                path, mask, 128, 2000, given.rounds
            )
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
