"""How long the window stands still while a model is trained and a slide is mapped.

    xvfb-run -s "-screen 0 1600x1000x24" python benchmarks/bench_stalls.py [STACK] [--patch-px 16]

A timer of the GUI thread beats every 5 ms; a stall is how much later than that a beat comes. The whole
workspace is open, and the mouse moves over the canvas meanwhile. Without STACK a phantom of 4,096 px is made.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
import numpy as np
from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtTest import QTest

from napari_histoclust.core.jobs import drive
from napari_histoclust.viewer.window import add_dock
from napari_histoclust.widgets.context import Context, context_of
from napari_histoclust.widgets.workspace import open_workspace

_BEAT_MS = 5


class Heartbeat:
    """Delays of a timer of the GUI thread, in ms."""

    def __init__(self) -> None:
        self._timer = QTimer(interval=_BEAT_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_timer_timeout)
        self.reset()
        self._timer.start()

    def reset(self) -> None:
        self.delays: list[float] = []
        self._last = time.perf_counter()

    def _on_timer_timeout(self) -> None:
        now = time.perf_counter()
        self.delays.append(max(0.0, (now - self._last) * 1000 - _BEAT_MS))
        self._last = now

    def summary(self) -> dict[str, float]:
        delays = np.array(self.delays)
        # What a person meets is time, not beats: the share of time that falls into stalls longer than this.
        p50, p99 = np.percentile(delays, [50, 99])
        return {
            "beats": len(delays),
            "median_ms": round(float(p50), 1),
            "p99_ms": round(float(p99), 1),
            "longest_ms": round(float(delays.max()), 1),
            "share_of_time_in_stalls_over_50_ms": round(float(delays[delays > 50].sum() / delays.sum()), 3),
        }


class Mouse:
    """A mouse that wanders over the canvas."""

    def __init__(self, widget: Any) -> None:
        self._widget, self._step = widget, 0
        self._timer = QTimer(interval=40)
        self._timer.timeout.connect(self._on_timer_timeout)
        self._timer.start()

    def _on_timer_timeout(self) -> None:
        self._step += 1
        w, h = self._widget.width(), self._widget.height()
        QTest.mouseMove(self._widget, QPoint(self._step * 7 % max(1, w), self._step * 5 % max(1, h)))


def measured(context: Context, beat: Heartbeat, start: Callable[[], object]) -> dict[str, float]:
    """Run one job of the window to its end and return the stalls meanwhile."""
    began = time.perf_counter()
    beat.reset()
    start()
    while context.runner.job is not None:
        QTest.qWait(50)
    return beat.summary() | {"seconds": round(time.perf_counter() - began, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stack", type=Path, nargs="?")
    parser.add_argument("--patch-px", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=8)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        stack = given.stack or Path(temporary) / "slide"
        if given.stack is None:
            from napari_histoclust.core.phantom import write_phantom

            drive(write_phantom(stack, size_px=4096, seed=0))
        print(json.dumps(stalls(stack, Path(temporary), given.patch_px, given.epochs), indent=1))


def stalls(stack: Path, folder: Path, patch_px: int, epochs: int) -> dict[str, Any]:
    viewer = napari.Viewer()
    viewer.window.resize(1600, 1000)
    context = context_of(viewer)
    open_workspace(viewer)
    slides, model = (add_dock(viewer, title)[1] for title in ("Slides", "Model"))
    beat = Heartbeat()
    QTest.qWait(3000)
    found: dict[str, Any] = {}
    slides.add_paths([stack])
    while context.runner.job is not None:
        QTest.qWait(50)
    form = model.fit_form
    form.set_value("quick", form.value().model_copy(update={"patch_px": patch_px, "epochs": epochs}))
    QTest.qWait(2000)
    mouse = Mouse(slides.window().centralWidget())
    beat.reset()
    QTest.qWait(5000)
    found["idle"] = beat.summary()
    found["training, the first time (torch is loaded)"] = measured(context, beat, model.train)
    found["training"] = measured(context, beat, model.train)
    found["mapping"] = measured(context, beat, lambda: model.map_to(folder / "run"))
    found["UMAP"] = measured(context, beat, model.embed)
    del mouse
    viewer.close()
    return found


if __name__ == "__main__":
    main()
