"""Gestures in the table of clusters at 10,000, 100,000 and 1,000,000 patches: medians in ms.

    QT_QPA_PLATFORM=offscreen python benchmarks/bench_clusters.py [--rounds 21]

Each line is one gesture with the dock following it: "session" is the change itself, "with the dock" the same
with the table brought up to date. Opening counts every patch once; so do split and carving, whose labels are
others. Saving is what the Save button does with the edits.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from qtpy.QtWidgets import QApplication

from core.runs import write_run
from napari_histoclust.core.patches.grid import PatchGrid
from napari_histoclust.core.run.edits import save_edits
from napari_histoclust.core.run.reader import open_run
from napari_histoclust.core.run.run import Run
from napari_histoclust.session import Session
from napari_histoclust.widgets._jobs import JobRunner
from napari_histoclust.widgets.clusters.dock import ClustersDock
from napari_histoclust.widgets.context import Context

SIZES = (10_000, 100_000, 1_000_000)
K = 14


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    application = QApplication([])
    print(f"{'ms':26}" + "".join(f"{size:>14,}" for size in SIZES))
    columns = []
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            columns.append(measure(made(Path(folder) / str(size), size), rounds, application))
    for name in columns[0]:
        print(f"{name:26}" + "".join(f"{1000 * column[name]:14.2f}" for column in columns))


def made(folder: Path, size: int) -> Run:
    side = int(np.ceil(size**0.5))
    row, col = np.divmod(np.arange(size, dtype=np.int32), np.int32(side))
    grid = PatchGrid((side, side), 128, 128, 0, 1.0, row, col, np.ones(size, np.float32))
    labels = np.random.default_rng(0).integers(1, K + 1, size).astype(np.int16)
    write_run(folder, [grid], labels, K)
    return open_run(folder)


def measure(run: Run, rounds: int, application: QApplication) -> dict[str, float]:
    taken: dict[str, float] = {}
    for following in (False, True):
        context = Context(Session(), JobRunner(), None)  # type: ignore[arg-type]
        _ = run.stain_od  # read by the job that opens a run
        dock = ClustersDock(context) if following else None
        session, palette = context.session, context.session.palette
        start = time.perf_counter()
        session.load(run, ())
        if dock is not None:
            dock.show()
            taken["open the run"] = time.perf_counter() - start
        suffix = ", with the dock" if following else ", session"
        for name, act in gestures(session).items():
            times = []
            for round_ in range(rounds):
                start = time.perf_counter()
                act(round_)
                times.append(time.perf_counter() - start)
                application.processEvents()
            taken[name + suffix] = statistics.median(times)
    palette.carve(np.arange(len(run)) % 5 == 0)
    start = time.perf_counter()
    save_edits(run.path, palette.state)
    taken["save, labels changed"] = time.perf_counter() - start
    return dict(sorted(taken.items()))


def gestures(session: Session) -> dict[str, Callable[[int], object]]:
    """Each leaves the palette so that it can be done again."""
    palette = session.palette

    def merge(round_: int) -> None:
        palette.merge([2 + round_ % (K - 2)], into=1) if round_ % 2 == 0 else palette.undo()

    def choose(round_: int) -> None:
        session.selection.set(palette.shown_labels == 1 + round_ % K)

    def carve(round_: int) -> None:
        palette.carve(session.selection.mask)

    def split(round_: int) -> None:
        members = int((palette.shown_labels == 3).sum())
        palette.split(3, np.arange(members) % 2) if members > 1 else palette.undo()

    return {
        "rename": lambda round_: palette.rename(2, f"name {round_}"),
        "recolour": lambda round_: palette.recolour(2, f"#{round_:06x}"),
        "hide": lambda round_: palette.hide([3], round_ % 2 == 0),
        "merge": merge,
        "choose rows": choose,
        "new cluster": carve,
        "split": split,
    }


if __name__ == "__main__":
    main()
