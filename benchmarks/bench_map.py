"""Map a real stack from the command line, end to end: whole processes, medians of several rounds as JSON.

    python benchmarks/bench_map.py [--rounds 5]

The paper's slide (reduced) with the authors' weights, from the shared data. A round is one `napari-histoclust
map` into a fresh folder: start of Python, tissue, reading, encoding, writing.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import napari_histoclust as hc
from napari_histoclust.core.model.import_model import import_model

STAINS = ("HE", "CD31", "CK19", "Ki67", "MT")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    data = Path(os.environ.get("HISTOCLUST_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not data.is_dir():
        print("skipped: the real slide is not here, set HISTOCLUST_SHARED_DATA")
        return
    seconds, patches = [], 0
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        hc.save_model(import_model(data / "kpc_model_128", STAINS, 128), model)
        for round_ in range(given.rounds + 1):  # the first only warms the disk
            out = Path(folder) / str(round_)
            start = time.perf_counter()
            command = [
                "map",
                str(given.stack),
                "--model",
                str(given.model),
                "--patch-px",
                str(given.patch_px),
            ]
            subprocess.run(
                [sys.executable, "-m", "napari_histoclust", *command, "--out", str(out), "--quiet"],
                check=True,
            )
            seconds.append(time.perf_counter() - start)
            patches = len(hc.open_run(out))
    timed = seconds[1:]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        json.dumps(
            {
                "patches": patches,
                "rounds": given.rounds,
                "seconds": {
                    "median": round(statistics.median(timed), 2),
                    "min": round(min(timed), 2),
                    "max": round(max(timed), 2),
                },
                "peak_mib": round(peak),
            }
        )
    )


if __name__ == "__main__":
    main()
