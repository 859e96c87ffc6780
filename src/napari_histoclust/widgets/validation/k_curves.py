"""One measure over the number of clusters, as mean and spread over the seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QComboBox, QVBoxLayout, QWidget

from napari_histoclust.core.validation.measures import Measure, measures
from napari_histoclust.widgets._controls import scrolled_past, tipped
from napari_histoclust.widgets.chart import COLOURS, Chart, Line

if TYPE_CHECKING:
    from napari_histoclust.session.dock_states import Document

_SHORT = {
    "common": "models",
    "own": "models, own space",
    "kmeans": "k-means",
    "null": "no structure",
    "shuffled": "shuffled",
}
"""Legend of each series; the long names are the chart's tooltip."""


class KCurves(QWidget):
    """A choice of measures and the chart of the one that is chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document: Document = {"figures": [], "series": {}}
        self._shaded: tuple[float, float] | None = None
        self.measure = tipped(scrolled_past(QComboBox(self)), "Which measure is drawn.")
        self._fill(list(measures()))
        self.chart = Chart("", "clusters (K)", rows=12)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.measure)
        column.addWidget(self.chart)
        self.measure.currentIndexChanged.connect(self._on_measure_changed)

    def show_document(self, document: Document) -> None:
        """Show what choose_k.json holds."""
        self._document = document
        known = {figure["measure"] for figure in document["figures"]}
        self._fill([name for name in measures() if name in known])
        borne = document.get("range") or {}
        first, last = borne.get("first"), borne.get("last")
        self._shaded = None if first is None or last is None else (first - 0.5, last + 0.5)
        self._on_measure_changed()

    def _fill(self, names: list[str]) -> None:
        """Offer these measures; the one that is drawn stays, if it is among them."""
        before = self.measure.currentData()
        with QSignalBlocker(self.measure):
            self.measure.clear()
            for name in names:
                self.measure.addItem(_caption(measures()[name]), name)
            self.measure.setCurrentIndex(max(0, names.index(before) if before in names else 0))

    def _on_measure_changed(self, *_: object) -> None:
        name = self.measure.currentData()
        if name is None:
            return
        lines = [
            _line(self._document["figures"], series, name, colour)
            for series, colour in zip(_SHORT, COLOURS, strict=False)
        ]
        self.chart.show_lines([line for line in lines if np.isfinite(line.y).any()], shaded=self._shaded)
        series = "\n".join(
            f"{_SHORT.get(key, key)}: {text}" for key, text in self._document["series"].items()
        )
        self.chart.setToolTip(_hint(measures()[name], series, self._shaded))


def _hint(measure: Measure, series: str, shaded: tuple[float, float] | None) -> str:
    shade = "" if shaded is None else " Shaded are the numbers of clusters that the tissue bears."
    return f"{measure.meaning} The band is the spread.{shade}\n{series}"


def _caption(measure: Measure) -> str:
    return f"{measure.title} ({measure.better}er is better)" if measure.better else measure.title


def _line(figures: list[dict[str, Any]], series: str, measure: str, colour: str) -> Line:
    rows = [f for f in figures if (f["series"], f["measure"]) == (series, measure)]
    table = np.array([[f["k"], *map(_number, (f["mean"], f["spread"]))] for f in rows], np.float64)
    k, mean, spread = table.reshape(-1, 3).T
    return Line(_SHORT[series], k, mean, spread, colour)


def _number(value: float | None) -> float:
    return np.nan if value is None else value
