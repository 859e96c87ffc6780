"""How fast patches of 256 px of five stains are read, beside openslide, pyvips, zarr and dask, turn by turn.

    python benchmarks/bench_reading.py [--rounds 5] [--folder KEPT] [--alone] [--profile]

The slide is a phantom, repeated to 8,192 px and written as JPEG pyramids with tiles of 256 px. Figures are
patches of one stain a second, medians of alternating rounds; files are opened anew each round, and the disk's
own cache is warm. The second pair of figures counts the seconds of the processors instead of the clock's,
which is fairer on a busy machine. Every reader gets as many threads as the machine has processors. A peer
that is not installed is left out, aloud: `pip install openslide-python openslide-bin "pyvips[binary]"`.
`--profile` prints where this program's own reader spends its time instead.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from threading import local
from typing import Any

import numpy as np
import tifffile
from bench_read_patches import everywhere, small
from numpy.typing import NDArray

from napari_histoclust.core.jobs import drive
from napari_histoclust.core.patches.lattice import make_grid
from napari_histoclust.core.patches.reader import read_patches
from napari_histoclust.core.patches.sample import sample_patches
from napari_histoclust.core.phantom import write_phantom
from napari_histoclust.core.slides.stack import open_stack

STAINS = ("HE", "CD31", "CK19", "Ki67", "MT")
SIDE_PX, PHANTOM_PX, TILE_PX, PATCH_PX = 8192, 4096, 256, 256
THREADS = os.cpu_count() or 2
DASK_PATCHES = 100  # of the same places; all of them would take minutes

Places = NDArray[np.int64]
Read = Callable[[Path, Places], int]


def write_slide(folder: Path) -> Path:
    """Five stains of a phantom as JPEG pyramids of three levels, in tiles of 256 px."""
    if folder.is_dir():
        return folder
    with tempfile.TemporaryDirectory() as temporary:
        drive(write_phantom(Path(temporary) / "phantom", size_px=PHANTOM_PX, seed=0))
        phantom = open_stack(Path(temporary) / "phantom")
        folder.mkdir(parents=True)
        for stain in STAINS:
            piece = phantom.read(0, 0, 0, PHANTOM_PX, PHANTOM_PX, [stain])[0]
            _write_stain(folder / f"{stain}.tif", np.tile(piece, (SIDE_PX // PHANTOM_PX,) * 2 + (1,)))
    return folder


def _write_stain(path: Path, picture: NDArray[np.uint8]) -> None:
    options: dict[str, Any] = {
        "photometric": "rgb",
        "tile": (TILE_PX, TILE_PX),
        "compression": "jpeg",
        "compressionargs": {"level": 80},
        "metadata": None,
    }
    with tifffile.TiffWriter(path) as tif:
        tif.write(picture, **options)  # plain pages, as openslide knows them
        for step in (4, 16):
            tif.write(picture[::step, ::step], subfiletype=1, **options)


def lattice(stride_px: int) -> Places:
    start = np.arange(0, SIDE_PX - PATCH_PX + 1, stride_px)
    return np.stack(np.meshgrid(start, start, indexing="ij"), axis=-1).reshape(-1, 2)


def scattered(count: int) -> Places:
    return np.random.default_rng(0).integers(0, SIDE_PX - PATCH_PX, (count, 2))


def ours_on_lattice(path: Path, stride_px: int) -> int:
    stack = open_stack(path)
    grid = make_grid(
        stack,
        everywhere(stack),
        patch_px=PATCH_PX,
        stride_px=stride_px,
        level=0,
        min_tissue=0,
        min_valid=0,
    )
    return sum(len(patches) for _, patches in read_patches(stack, grid, 0, len(grid), stack.stains))


def ours_at_random(path: Path, count: int) -> int:
    stack = open_stack(path)
    sampled = sample_patches(
        [stack],
        [everywhere(stack)],
        stack.stains,
        count=count,
        patch_px=PATCH_PX,
        seed=0,
        min_tissue=0,
        min_valid=0,
        resize=small,
    )
    return len(drive(sampled))


def decoded_alone(path: Path, places: Places) -> int:
    """Every tile decoded once and dropped: the floor of a reader that decodes whole tiles."""
    slides = [open_stack(path).slides[stain] for stain in STAINS]
    levels = [slide.levels[0] for slide in slides]  # type: ignore[attr-defined]
    tiles = sorted({(int(y) // TILE_PX, int(x) // TILE_PX) for y, x in places})
    jobs = [(level, tile) for tile in tiles for level in levels]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda job: job[0].decode(*job[1]), jobs))
    return len(tiles)


def one_by_one(open_: Callable[[Path], Any], read: Callable[[Any, int, int], NDArray[np.uint8]]) -> Read:
    """Read every place of every stain by itself in threads, each of which opens the files once."""

    def work(path: Path, places: Places) -> int:
        kept = local()

        def one(place: Sequence[int]) -> None:
            if not hasattr(kept, "stains"):
                kept.stains = [open_(path / f"{stain}.tif") for stain in STAINS]
            for stain in kept.stains:
                patch = read(stain, int(place[0]), int(place[1]))
                assert patch.shape == (PATCH_PX, PATCH_PX, 3)

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(one, places))
        return len(places)

    return work


def openslide_reader() -> Read:
    import openslide

    def read(slide: Any, y: int, x: int) -> NDArray[np.uint8]:
        return np.asarray(slide.read_region((x, y), 0, (PATCH_PX, PATCH_PX)))[..., :3]

    return one_by_one(openslide.OpenSlide, read)


def pyvips_reader() -> Read:
    import pyvips

    def open_(path: Path) -> Any:
        return pyvips.Region.new(pyvips.Image.new_from_file(str(path), access="random"))

    def read(region: Any, y: int, x: int) -> NDArray[np.uint8]:
        pixels = np.frombuffer(region.fetch(x, y, PATCH_PX, PATCH_PX), np.uint8)
        return pixels.reshape(PATCH_PX, PATCH_PX, 3)

    return one_by_one(open_, read)


def _zarr(path: Path) -> Any:
    import zarr

    return zarr.open(tifffile.imread(path, aszarr=True, key=0), mode="r")


def zarr_reader() -> Read:
    return one_by_one(_zarr, lambda array, y, x: np.asarray(array[y : y + PATCH_PX, x : x + PATCH_PX]))


def dask_reader() -> Read:
    import dask.array as da

    def work(path: Path, places: Places) -> int:
        arrays = [da.from_zarr(_zarr(path / f"{stain}.tif")) for stain in STAINS]
        places = places[:DASK_PATCHES]
        for y, x in places:
            for array in arrays:
                array[y : y + PATCH_PX, x : x + PATCH_PX].compute()
        return len(places)

    return work


def peers() -> dict[str, Read]:
    found = {}
    for name, module, make in (
        ("openslide", "openslide", openslide_reader),
        ("pyvips", "pyvips", pyvips_reader),
        ("tifffile.aszarr, zarr", "zarr", zarr_reader),
        ("dask, patch by patch", "dask", dask_reader),
    ):
        if find_spec(module) is None:
            print(f"left out: {name} is not installed", file=sys.stderr)
        else:
            found[name] = make()
    return found


def measured(readers: dict[str, Callable[[], int]], rounds: int) -> dict[str, dict[str, float]]:
    """Alternate the readers; the first round only warms up."""
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in readers}
    for _ in range(rounds + 1):
        for name, read in readers.items():
            start, busy = time.perf_counter(), time.process_time()
            count = len(STAINS) * read()
            rates[name].append((count / (time.perf_counter() - start), count / (time.process_time() - busy)))
    medians = {name: [statistics.median(of) for of in zip(*r[1:], strict=True)] for name, r in rates.items()}
    own = medians["this program"]
    return {
        name: {
            "patches_per_s": round(wall),
            "this program is x": round(own[0] / wall, 2),
            "patches_per_processor_s": round(busy),
            "by processor time this program is x": round(own[1] / busy, 2),
        }
        for name, (wall, busy) in medians.items()
    }


def profiled(path: Path) -> None:
    """Profile the reader in one thread: the pool's tasks run where they are handed in."""
    from napari_histoclust.core.patches import reader

    class Here:
        def __init__(self, *args: object, **options: object) -> None: ...

        def submit(self, work: Callable[..., Any], *args: Any) -> Any:
            value = work(*args)
            return type("Done", (), {"result": lambda self: value})()

        def shutdown(self, **options: object) -> None: ...

    reader.ThreadPoolExecutor = Here  # type: ignore[misc,assignment,attr-defined]
    ours_on_lattice(path, 250)
    for name, stride_px in (("aligned", 256), ("unaligned", 250)):
        profile = cProfile.Profile()
        profile.runcall(ours_on_lattice, path, stride_px)
        print(f"== {name}")
        pstats.Stats(profile).sort_stats("tottime").print_stats(14)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--folder", type=Path, help="where the slide is kept; a temporary folder if not given"
    )
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--alone", action="store_true", help="without the peers")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        path = write_slide(given.folder or Path(temporary) / "slide")
        if given.profile:
            profiled(path)
            return
        cases: dict[str, tuple[Places, Callable[[], int]]] = {
            "aligned (stride 256)": (lattice(256), lambda: ours_on_lattice(path, 256)),
            "unaligned (stride 250)": (lattice(250), lambda: ours_on_lattice(path, 250)),
            "random (1,000 places)": (scattered(1000), lambda: ours_at_random(path, 1000)),
        }
        table: dict[str, Any] = {"threads": THREADS, "rounds": given.rounds}
        others = {} if given.alone else peers()
        for case, (places, ours) in cases.items():
            readers: dict[str, Callable[[], int]] = {"this program": ours}
            readers["decoding every tile once"] = lambda places=places: decoded_alone(path, places)  # type: ignore[misc]
            readers |= {
                name: (lambda read=read, places=places: read(path, places))  # type: ignore[misc]
                for name, read in others.items()
            }
            table[case] = measured(readers, given.rounds)
        print(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
