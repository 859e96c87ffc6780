"""The loss and its parts over the epochs: while a model is trained, and afterwards."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QGridLayout, QWidget

from napari_histoclust.core.model.loss_parts import HELD_OUT, PARTS
from napari_histoclust.session.learning_curve import LearningCurve
from napari_histoclust.widgets.chart import COLOURS, Chart, Line

if TYPE_CHECKING:
    from napari_histoclust.core.jobs import Progress

_HINTS = {
    "loss": "What the training lowers: the weighted sum of the parts below.",
    "reconstruction": "How far the patches drawn from the features are from the real ones; it falls while "
    "the model learns what the tissue looks like.",
    "marginal": "How evenly the clusters are used: the higher, the more of them hold patches.",
    "conditional": "How undecided the model is on a single patch: the lower, the clearer the clusters.",
    "consistency": "How differently a patch and its slightly turned and shifted twin are judged.",
    "invariance": "How differently the encoders describe a patch and its surroundings; it falls "
    "while they learn what both share.",
    "spread": "How far the numbers are from being spread out: at 0 no number is wasted.",
    "covariance": "How much the numbers repeat each other.",
}
_TITLES = {
    "marginal": "Evenness (nat)",
    "conditional": "Doubt (nat)",
    "consistency": "Inconsistency (nat)",
    "invariance": "Difference of neighbours",
    "spread": "Lack of spread",
}


class LearningCurves(QWidget):
    """A large chart of the loss and small ones of the parts that it has; hidden while there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._live: LearningCurve | None = None
        self.charts = {name: _chart(name) for name in PARTS}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.charts["loss"], 0, 0, 1, 2)
        for number, name in enumerate(name for name in PARTS if name != "loss"):
            grid.addWidget(self.charts[name], 1 + number // 2, number % 2)
        self._soon = QTimer(self, singleShot=True)  # with the rest of the report: the window is drawn once
        self._soon.timeout.connect(self._on_soon_timeout)
        self.hide()

    @property
    def is_live(self) -> bool:
        """Whether a training is followed."""
        return self._live is not None

    def follow_training(self, epochs: int) -> None:
        """Make ready for the reports of a training of so many epochs."""
        self._live = LearningCurve(epochs)

    def add(self, progress: Progress) -> None:
        """Add what the training reports."""
        if self._live is not None and self._live.add(progress):
            self.show()
            if not self._soon.isActive():
                self._soon.start()

    def show_history(self, history: Sequence[Mapping[str, float]]) -> None:
        """Show what a model remembers of its training: one record an epoch."""
        self._live = None
        self.setVisible(bool(history))
        for name, chart in self.charts.items():
            chart.setVisible(any(name in record for record in history))
            chart.show_lines(
                [
                    _of_records(history, name, "training", COLOURS[0], is_dashed=False),
                    _of_records(history, HELD_OUT + name, "held out", COLOURS[1], is_dashed=True),
                ]
            )

    def _on_soon_timeout(self) -> None:
        if self._live is None:
            return
        for name, (epoch, value) in self._live.curves().items():
            so_far = math.ceil(epoch[-1]) if len(epoch) else 1
            self.charts[name].setVisible(bool(np.isfinite(value).any()))
            self.charts[name].show_lines([Line("", epoch, value)], x_range=(0, so_far))


def _chart(name: str) -> Chart:
    title = _TITLES.get(name, PARTS[name].split("\n")[0])
    chart = Chart(title, "epoch")
    chart.setToolTip(f"{PARTS[name].replace(chr(10), ' ')}. {_HINTS[name]}")
    return chart


def _of_records(
    history: Sequence[Mapping[str, float]], name: str, called: str, colour: str, *, is_dashed: bool
) -> Line:
    points = [(record["epoch"], record[name]) for record in history if name in record]
    epoch, value = np.array(points, np.float64).reshape(-1, 2).T
    is_named = name in ("loss", HELD_OUT + "loss")
    return Line(called if is_named else "", epoch, value, colour=colour, is_dashed=is_dashed)
