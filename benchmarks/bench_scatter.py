"""Drawing and choosing points of the UMAP plot, beside matplotlib's scatter and vispy's Markers.

    python benchmarks/bench_scatter.py [--sizes 10000 100000 1000000 10000000] [--side 800] [--rounds 15]

vispy needs a screen; where there is none: xvfb-run -a -s "-screen 0 1600x1000x24" python ...
matplotlib and vispy are left out above --peers-at-most points. Loading, compiling and the first draw are not
counted; a figure is the median of the rounds and, in brackets, the fastest: believe that on a busy machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

CLUSTERS = 14
TOO_SLOW_S = 20.0  # then one round is enough

Gesture = tuple[str, Callable[[], object]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000, 10_000_000])
    parser.add_argument("--side", type=int, default=800)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--peers-at-most", type=int, default=1_000_000)
    arguments = parser.parse_args()
    for n in arguments.sizes:
        places, labels = blobs(n)
        print(f"\n{n:,} points, {arguments.side} x {arguments.side} px, milliseconds")
        ways = [raster_gestures, dock_gestures]
        if n <= arguments.peers_at_most:
            ways += [matplotlib_gestures, vispy_gestures]
        for way in ways:
            for name, gesture in way(places, labels, arguments.side):
                print(f"  {name:58}{measured(gesture, arguments.rounds)}", flush=True)


def blobs(n: int) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """Clouds as a UMAP has them, in the order of the slide: patches of a cluster mostly follow each other."""
    rng = np.random.default_rng(0)
    labels = np.sort(rng.integers(1, CLUSTERS + 1, n)).astype(np.int16)
    angle = 2 * np.pi * labels / CLUSTERS
    places = 8 * np.stack([np.cos(angle), np.sin(angle)], axis=1) + rng.normal(0, 1.2, (n, 2))
    return places.astype(np.float32), labels


def measured(gesture: Callable[[], object], rounds: int) -> str:
    gesture()
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        gesture()
        seconds.append(time.perf_counter() - started)
        if seconds[0] > TOO_SLOW_S:
            break
    return f"{1e3 * statistics.median(seconds):10.2f}  ({1e3 * min(seconds):.2f})"


def raster_gestures(places: NDArray[np.float32], labels: NDArray[np.int16], side: int) -> Iterator[Gesture]:
    """The plot without a window."""
    from napari_histoclust.session.colouring import Colouring
    from napari_histoclust.session.plot.camera import fitted
    from napari_histoclust.session.plot.plot import Plot
    from napari_histoclust.session.plot.points import make_points

    yield "raster: sort the points (once, in the background)", lambda: make_points(places)
    plot = Plot(make_points(places))
    codes, table = labels.astype(np.uint16), np.random.default_rng(1).random((CLUSTERS + 1, 4), np.float32)
    plot.colour(Colouring(codes, table))
    camera = fitted(plot.points.bounds, side, side)
    yield "raster: draw all", lambda: plot.draw(camera)
    yield "raster: draw a tenth of the plane", lambda: plot.draw(camera.zoomed(10**0.5, 200, 300))
    yield "raster: draw a thousandth of the plane", lambda: plot.draw(camera.zoomed(1000**0.5, 200, 400))
    few, mixed = (np.random.default_rng(2).random(len(labels)) < share for share in (0.0001, 0.3))
    plot.choose(few)
    yield "raster: draw all, one of 10,000 selected", lambda: plot.draw(camera)
    plot.choose(mixed)
    yield "raster: draw all, a third selected here and there", lambda: plot.draw(camera)
    yield "raster: take up a selection", lambda: plot.choose(mixed)
    yield "raster: take up other colours of the clusters", lambda: plot.colour(Colouring(codes, table))
    other = codes[::-1].copy()
    pair = [Colouring(other, table), Colouring(codes, table)]
    yield "raster: take up other codes (twice)", lambda: [plot.colour(colouring) for colouring in pair]
    yield "raster: what is under the mouse", lambda: plot.patch_at(side / 3, side / 3, camera, 6)


def dock_gestures(places: NDArray[np.float32], labels: NDArray[np.int16], side: int) -> Iterator[Gesture]:
    """The canvas as the user has it: repaint and lasso, the selection of the session being set included."""
    os.environ.setdefault("QT_QPA_PLATFORM", "xcb" if os.environ.get("DISPLAY") else "offscreen")
    from qtpy.QtWidgets import QApplication

    from napari_histoclust.session import Selection
    from napari_histoclust.session.colouring import Colouring
    from napari_histoclust.session.plot.plot import Plot
    from napari_histoclust.session.plot.points import make_points
    from napari_histoclust.widgets.scatter.canvas import ScatterCanvas

    application = QApplication.instance() or QApplication(sys.argv[:1])
    plot, canvas, selection = Plot(make_points(places)), ScatterCanvas(), Selection(len(labels))
    table = np.random.default_rng(1).random((CLUSTERS + 1, 4), np.float32)
    plot.colour(Colouring(labels.astype(np.uint16), table))
    canvas.resize(side, side)
    canvas.set_plot(plot)
    canvas.show()

    def repaint() -> None:
        canvas.refresh()
        canvas.repaint()
        application.processEvents()

    def pan() -> None:
        canvas.look(canvas.camera.moved(3, 2))
        canvas.repaint()
        application.processEvents()

    angle = np.linspace(0, 2 * np.pi, 200)
    loops = [
        np.stack([side * (0.5 + r * np.cos(angle)), side * (0.5 + r * np.sin(angle))], 1) for r in (0.4, 0.45)
    ]

    def lasso() -> None:
        loops.reverse()
        selection.set(plot.inside(loops[0], canvas.camera))
        plot.choose(selection.mask)
        repaint()

    yield "window: repaint", repaint
    yield "window: a step of panning", pan
    canvas.fit()
    yield "window: lasso to the selection and the points dimmed", lasso
    canvas.close()


def matplotlib_gestures(
    places: NDArray[np.float32], labels: NDArray[np.int16], side: int
) -> Iterator[Gesture]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.path import Path

    figure = Figure(figsize=(side / 100, side / 100), dpi=100)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.scatter(places[:, 0], places[:, 1], c=labels, s=1, linewidths=0, cmap="tab20")
    yield "matplotlib: scatter, redraw", canvas.draw
    angle = np.linspace(0, 2 * np.pi, 200)
    loop = Path(np.stack([8 * np.cos(angle), 8 * np.sin(angle)], 1))
    yield "matplotlib: points in a lasso (no drawing)", lambda: loop.contains_points(places)


def vispy_gestures(places: NDArray[np.float32], labels: NDArray[np.int16], side: int) -> Iterator[Gesture]:
    if not os.environ.get("DISPLAY"):
        print("  vispy: no screen, left out")
        return
    from matplotlib import colormaps
    from vispy import scene

    canvas = scene.SceneCanvas(size=(side, side), show=True)
    view = canvas.central_widget.add_view()
    view.camera = scene.PanZoomCamera(rect=(-12, -12, 24, 24), aspect=1)
    markers = scene.visuals.Markers(parent=view.scene)
    colours = colormaps["tab20"](labels).astype(np.float32)
    markers.set_data(places, face_color=colours, size=2, edge_width=0)
    yield "vispy: Markers, redraw", lambda: canvas.render(alpha=False)

    def recolour() -> None:
        markers.set_data(places, face_color=colours, size=2, edge_width=0)
        canvas.render(alpha=False)

    yield "vispy: Markers, other colours and redraw", recolour
    canvas.close()


if __name__ == "__main__":
    main()
