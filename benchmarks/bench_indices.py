"""All indices of 10,000 patches, beside the straight way that holds all pairs.

    python benchmarks/bench_indices.py [--rows 10000] [--features 16] [--rounds 5] [--table FILE.csv]

Each way runs in a process of its own, so that its peak of memory is its own; loading the libraries and the
compilation by numba (once a machine, then cached) are not counted.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Points, Labels = NDArray[np.float64], NDArray[np.int64]


def main() -> None:
    arguments = _arguments()
    if arguments.way:
        _measure(arguments)
        return
    points, labels = _data(arguments)
    print(
        f"{len(points)} x {points.shape[1]}, {len(np.unique(labels))} clusters, median of {arguments.rounds}"
    )
    print(f"{'way':34}{'seconds':>9}{'peak MB':>9}{'first':>9}  result")
    for way in WAYS:
        given = [argument for argument in sys.argv[1:] if argument]
        subprocess.run([sys.executable, __file__, *given, "--way", way], check=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--features", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--table", type=Path, help="features, label, confidence; instead of random blobs")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    return parser.parse_args()


def _data(arguments: argparse.Namespace) -> tuple[Points, Labels]:
    if arguments.table:
        from napari_histoclust.core.validation.table import read_table

        table = read_table(arguments.table)
        return table.features, table.labels
    random = np.random.default_rng(0)
    labels = random.integers(0, 14, arguments.rows)
    centres = random.normal(size=(14, arguments.features))
    return centres[labels] + random.normal(size=(arguments.rows, arguments.features)), labels


def _measure(arguments: argparse.Namespace) -> None:
    points, labels = _data(arguments)
    compute, few = WAYS[arguments.way], np.arange(min(600, len(points)))
    started = time.perf_counter()
    compute(points[few], np.arange(len(few)) % 14)
    first = time.perf_counter() - started
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = []
    for _ in range(arguments.rounds):
        started = time.perf_counter()
        result = compute(points, labels)
        seconds.append(time.perf_counter() - started)
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{arguments.way:34}{statistics.median(seconds):9.2f}{peak:9.0f}{first:9.2f}  {result}")


def _all_eight(points: Points, labels: Labels) -> str:
    from napari_histoclust.core.jobs import drive
    from napari_histoclust.core.validation.indices import compute_indices

    return _shown(drive(compute_indices(points, labels)).values)


def _pairs_alone(points: Points, labels: Labels) -> str:
    from napari_histoclust.core.jobs import drive
    from napari_histoclust.core.validation.pairs import pair_sums

    sums = drive(pair_sums(points, labels))
    c_index = (sums.within_sum - sums.smallest_sum) / (sums.largest_sum - sums.smallest_sum)
    return _shown({"c_index": c_index, "dunn": sums.smallest_between / sums.largest_within})


def _whole_matrix(points: Points, labels: Labels) -> str:
    """C-index and Dunn from all distances at once, as the formulas are read."""
    from scipy.spatial.distance import pdist

    i, j = np.triu_indices(len(points), 1)
    distances, same = pdist(points), labels[i] == labels[j]
    within = distances[same]
    ranked = np.sort(distances)
    smallest, largest = ranked[: len(within)].sum(), ranked[len(ranked) - len(within) :].sum()
    c_index = (within.sum() - smallest) / (largest - smallest)
    return _shown({"c_index": c_index, "dunn": distances[~same].min() / within.max()})


def _scikit_learn(name: str) -> Callable[[Points, Labels], str]:
    def compute(points: Points, labels: Labels) -> str:
        from sklearn import metrics

        return _shown({name: getattr(metrics, f"{name}_score")(points, labels)})

    return compute


def _shown(values: dict[str, float | None]) -> str:
    return ", ".join(f"{name} {value:.6g}" for name, value in values.items() if value is not None)


WAYS: dict[str, Callable[[Points, Labels], str]] = {
    "all eight indices": _all_eight,
    "the four over pairs alone": _pairs_alone,
    "C-index and Dunn from N x N": _whole_matrix,
    "scikit-learn silhouette": _scikit_learn("silhouette"),
    "scikit-learn Calinski-Harabasz": _scikit_learn("calinski_harabasz"),
    "scikit-learn Davies-Bouldin": _scikit_learn("davies_bouldin"),
}


if __name__ == "__main__":
    main()
