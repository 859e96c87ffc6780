"""Take the pictures of the tour: drive the real window through every step and photograph it.

    xvfb-run -s "-screen 0 1600x1000x24" python docs/make_tour.py STACK RUN [--out docs/images/tour]
        [--size 1600x1000] [--theme dark] [--seconds 25]

RUN is a finished run of STACK; it is copied first, as the tour renames and merges clusters. The tour trains
for a few seconds only and then cancels.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
import numpy as np
from napari.settings import get_settings
from PIL import Image
from qtpy.QtCore import QEventLoop, QPoint, Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_histoclust.core.config import FitSettings
from napari_histoclust.viewer.window import add_dock
from napari_histoclust.widgets.context import context_of
from napari_histoclust.widgets.workspace import open_workspace

_QUALITY = 88  # of WebP: a sixth of a PNG, and the small swatches keep their colours


class Tour:
    """One window and its camera."""

    def __init__(self, out: Path, size: tuple[int, int], theme: str) -> None:
        self._out, self._number = out, 0
        get_settings().appearance.theme = theme
        self.viewer = napari.Viewer()
        self.viewer.window.resize(*size)
        self.context = context_of(self.viewer)
        open_workspace(self.viewer)
        self.session = self.context.session
        self.settle(1)

    def dock(self, title: str) -> Any:
        """Bring a dock to the front and return its widget."""
        dock, widget = add_dock(self.viewer, title)
        dock.raise_()
        return widget

    def settle(self, seconds: float) -> None:
        """Let napari run; QTest.qWait would keep Python from every other thread meanwhile."""
        loop = QEventLoop()
        QTimer.singleShot(round(seconds * 1000), loop.quit)
        loop.exec()

    def wait_for(self, reached: Callable[[], bool], seconds: float = 300) -> None:
        for _ in range(round(seconds * 10)):
            if reached():
                return
            self.settle(0.1)
        raise TimeoutError(f"not reached in {seconds} s")

    def idle(self) -> None:
        self.wait_for(lambda: self.context.runner.job is None)

    def photograph(self, name: str, seconds: float = 2.5) -> None:
        """Wait until everything is drawn, and save what the whole window looks like."""
        self.settle(seconds)
        self._number += 1
        picture = Image.fromarray(self.viewer.screenshot(canvas_only=False)[..., :3])
        self._out.mkdir(parents=True, exist_ok=True)
        file = self._out / f"{self._number:02d}_{name}.webp"
        picture.save(file, quality=_QUALITY, method=6)
        print(file, flush=True)


def walk(tour: Tour, stack: Path, run: Path, train_s: float) -> None:
    tour.photograph("start")
    slides = tour.dock("Slides")
    slides.add_paths([stack])
    tour.idle()
    tour.photograph("slides")
    train(tour, train_s)
    slides.open_run_from(run)
    tour.idle()
    tour.dock("Clusters")
    tour.photograph("mapped", 4)
    explore(tour)
    edit(tour)
    tour.dock("Validation")
    tour.photograph("validation")
    tour.dock("Results")
    tour.photograph("results")
    tour.session.mark_saved()


def train(tour: Tour, seconds: float) -> None:
    model = tour.dock("Model")
    patch_px = 16 if tour.session.stacks[0].um_per_px is None else 128
    model.fit_form.set_value("quick", FitSettings.resolve("quick", FitSettings(patch_px=patch_px)))
    tour.photograph("settings")
    model.train()
    tour.wait_for(lambda: not model.curves.isHidden())
    tour.settle(seconds)
    tour.photograph("training", 0.1)
    model.train_button.click()
    tour.idle()


def explore(tour: Tour) -> None:
    run, session = tour.session.run, tour.session
    lasso(tour.dock("UMAP").canvas)
    tour.photograph("lasso", 4)
    biggest = int(np.bincount(run.labels).argmax())
    patch = int(np.flatnonzero((run.labels == biggest) & (run.confidence > 0.9))[0])
    session.set_focus(patch)
    session.selection.set([patch])
    tour.context.scene.go_to(patch)
    tour.photograph("patch", 4)
    tour.context.scene.fit()
    session.selection.clear()
    session.set_focus(None)
    tour.context.scene.stains.blend(session.stacks[0].stains[0], session.stacks[0].stains[-1], 0.5)
    session.set_colour_by("confidence")
    tour.photograph("confidence", 3)
    session.set_colour_by("cluster")
    tour.context.scene.stains.show(session.stacks[0].reference)


def lasso(canvas: Any) -> None:
    """Draw a loop around the left third of the plot with the mouse."""
    w, h = canvas.width(), canvas.height()
    corners = [
        QPoint(round(w * x), round(h * y)) for x, y in ((0.02, 0.02), (0.4, 0.02), (0.4, 0.98), (0.02, 0.98))
    ]
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QTest.mousePress(canvas, left, none, corners[0])
    for corner in corners[1:]:
        QTest.mouseMove(canvas, corner)
        QApplication.processEvents()
    QTest.mouseRelease(canvas, left, none, corners[-1])


def edit(tour: Tour) -> None:
    palette, run = tour.session.palette, tour.session.run
    order = np.argsort(-np.bincount(run.labels, minlength=len(run.clusters) + 1))
    first, second, third = (int(cluster) for cluster in order[:3])
    palette.rename(first, "tissue A")
    palette.merge([second], into=first)
    palette.rename(third, "tissue B")
    tour.session.selection.set(palette.shown_labels == first)
    tour.dock("Clusters")
    tour.photograph("clusters", 4)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stack", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "images" / "tour")
    parser.add_argument("--size", default="1600x1000")
    parser.add_argument("--theme", choices=["dark", "light"], default="dark")
    parser.add_argument("--seconds", type=float, default=25.0)
    given = parser.parse_args()
    width, height = (int(side) for side in given.size.split("x"))
    with tempfile.TemporaryDirectory() as temporary:
        run = Path(temporary) / given.run.name
        shutil.copytree(given.run, run)
        tour = Tour(given.out, (width, height), given.theme)
        walk(tour, given.stack, run, given.seconds)
        tour.viewer.close()


if __name__ == "__main__":
    main()
