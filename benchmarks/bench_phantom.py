"""Generate phantoms of several sizes: time, rate and peak memory, each size in a process of its own.

    python benchmarks/bench_phantom.py [--sizes 2048 8192 16384] [--keep DIR]

Memory must not grow with the size. CPU seconds stand beside the wall clock, which other programs lengthen;
a small phantom first compiles or loads the kernels, outside the measurement.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[2048, 8192, 16384])
    parser.add_argument("--keep", type=Path, help="write the phantoms here and leave them")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        if given.one:
            print(json.dumps(_measure(given.one, folder)))
            return
        print(f"{'side px':>8}{'wall s':>9}{'CPU s':>9}{'Mpx/s':>8}{'peak MiB':>10}{'disk MB':>9}")
        for size in given.sizes:
            _report(size, folder)


def _report(size: int, folder: Path) -> None:
    command = [sys.executable, __file__, "--one", str(size), "--keep", str(folder)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(answer.stdout)
    rate = 5 * size**2 / found["wall_s"] / 1e6
    print(
        f"{size:8}{found['wall_s']:9.1f}{found['cpu_s']:9.1f}{rate:8.1f}"
        f"{found['peak_mib']:10.0f}{found['disk_mb']:9.0f}"
    )


def _measure(size: int, folder: Path) -> dict[str, float]:
    from napari_histoclust.core.jobs import drive
    from napari_histoclust.core.phantom import write_phantom

    drive(write_phantom(folder / "warm", 256))
    wall, cpu = time.perf_counter(), time.process_time()
    out = drive(write_phantom(folder / f"phantom{size}", size))
    return {
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "disk_mb": sum(file.stat().st_size for file in out.iterdir()) / 1e6,
    }


if __name__ == "__main__":
    main()
