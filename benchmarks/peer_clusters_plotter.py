"""The same two gestures in napari-clusters-plotter, for comparison with `bench_window.py`.

    xvfb-run -s "-screen 0 1600x1000x24" python benchmarks/peer_clusters_plotter.py

Needs an environment of its own with napari, a Qt binding and `pip install napari-clusters-plotter==0.11.0`;
it imports nothing of ours. A Labels layer holds one label a patch with the plot's coordinates as features,
which is how that plugin sees objects; "one lasso" hands it the chosen points as its own drawing tool does.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable

import napari
import numpy as np
import pandas as pd
from napari_clusters_plotter import PlotterWidget
from qtpy.QtWidgets import QApplication

_SIDE_PX = 4  # of a patch in the Labels layer


def timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    QApplication.processEvents()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    for n in given.sizes:
        first, lassos = gestures(n, given.rounds)
        print(
            f"{n:>9,} patches: first plot {first:.2f} s, one lasso {statistics.median(lassos):.2f} s",
            flush=True,
        )


def gestures(n: int, rounds: int) -> tuple[float, list[float]]:
    rng = np.random.default_rng(0)
    side = int(np.ceil(np.sqrt(n)))
    labels = np.arange(1, side * side + 1).reshape(side, side).clip(max=n)
    picture = np.kron(labels, np.ones((_SIDE_PX, _SIDE_PX), int))
    ids = np.arange(1, n + 1)
    features = pd.DataFrame({"label": ids, "x": rng.normal(size=n), "y": rng.normal(size=n)})
    viewer = napari.Viewer()
    viewer.window.resize(1600, 1000)
    layer = viewer.add_labels(picture, features=features)
    widget = PlotterWidget(viewer)
    viewer.window.add_dock_widget(widget)
    QApplication.processEvents()

    def plot() -> None:
        viewer.layers.selection.active = layer
        widget.x_axis, widget.y_axis = "x", "y"
        widget.plot_needs_update.emit()

    first = timed(plot)
    lassos = [
        timed(lambda: widget._on_finish_draw((rng.random(n) < 1 / 3).astype(int))) for _ in range(rounds)
    ]
    viewer.close()
    return first, lassos


if __name__ == "__main__":
    main()
