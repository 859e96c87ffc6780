"""A profile of a map: what share of its time the encoder waits for the reader.

    python benchmarks/bench_reading_map.py [--rounds 3] [--folder KEPT] [--patch-px 128] [--stride-px 128]

The slide is that of `bench_reading.py`; the network is the paper's, untrained, which costs the same. Profiled
is the thread that encodes; reading goes on in others. Told are seconds of that thread: waiting for patches,
the network and the resizing before it, measuring densities (none where the readers do it), writing the store.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from bench_reading import STAINS, write_slide

import napari_histoclust as hc
from napari_histoclust.core.config import MapSettings
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.model.bundle import Model, empty_network
from napari_histoclust.core.model.encode import Encoder
from napari_histoclust.core.model.spec import ModelSpec
from napari_histoclust.core.steps.mapping import map_stacks


def profile_of(path: Path, out: Path, patch_px: int, stride_px: int) -> dict[str, float]:
    spec = ModelSpec(stains=STAINS, patch_px=patch_px, clusters=14)
    model = Model(spec, empty_network(spec).state_dict())
    settings = MapSettings(stride_px=stride_px)
    job = map_stacks([hc.open_stack(path)], model, out, settings)
    for progress in job:  # the tissue, the dyes and what is imported on the way are not the question
        if progress.text == "Mapping":
            break
    profile = cProfile.Profile()
    before, busy = progress.done, time.process_time()
    run = profile.runcall(drive, job)
    stats = pstats.Stats(profile)
    busy = time.process_time() - busy
    seconds = stats.total_tt  # type: ignore[attr-defined]
    waits = _called(stats, "result", "patches/reader.py")
    return {
        "patches_per_s": (len(run) - before) / seconds,
        "patches_per_processor_s": (len(run) - before) / busy,
        "seconds": seconds,
        "waiting for patches": waits,
        "waiting, share": waits / seconds,
        "resizing": _inside(stats, "resize_patches"),
        "network": _inside(stats, "encode_pixels"),
        "densities": _inside(stats, "channel_optical_density") or _inside(stats, "mean_optical_density"),
        "store": _inside(stats, "write", "core/run/store.py"),
    }


def _entries(stats: pstats.Stats) -> Any:
    return stats.stats.items()  # type: ignore[attr-defined]


def _inside(stats: pstats.Stats, function: str, file: str = "") -> float:
    """Seconds inside a function and what it calls."""
    return sum(
        entry[3] for (path, _, name), entry in _entries(stats) if name == function and path.endswith(file)
    )


def _called(stats: pstats.Stats, function: str, caller_file: str) -> float:
    """Seconds inside a function of the standard library's futures where a file of ours calls it."""
    return sum(
        times[3]
        for (path, _, name), entry in _entries(stats)
        if name == function and path.endswith("futures/_base.py")
        for (caller, _, _), times in entry[4].items()
        if caller.endswith(caller_file)
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--patch-px", type=int, default=128)
    parser.add_argument("--stride-px", type=int, default=128)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        path = write_slide(given.folder or Path(temporary) / "slide")
        rounds = [
            profile_of(path, Path(temporary) / f"run{i}", given.patch_px, given.stride_px)
            for i in range(given.rounds + 1)
        ][1:]
    spec = ModelSpec(stains=STAINS, patch_px=128, clusters=14)
    device = Encoder(Model(spec, empty_network(spec).state_dict())).device_name
    medians = {key: round(statistics.median(one[key] for one in rounds), 3) for key in rounds[0]}
    print(json.dumps({"device": device, **medians}, indent=1))


if __name__ == "__main__":
    main()
