"""A cluster divided in the background, and the result brought to the session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.run.recluster import recluster
from napari_histoclust.viewer.notices import sentences_shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_histoclust.session import Palette
    from napari_histoclust.widgets.context import Context


class Splitting(QObject):
    """Divides one cluster; lives until its job has ended, even if the dock is closed meanwhile.

    Parameters
    ----------
    context : Context
        With a run.
    cluster : int
        A shown id.
    parts : int
        How many to divide it into.

    Raises
    ------
    HistoclustError
        If another job is running.
    """

    def __init__(self, context: Context, cluster: int, parts: int) -> None:
        super().__init__(context.runner)
        self._palette, self._cluster = context.session.palette, cluster
        self._name = self._palette.state.names[cluster - 1]
        self._before = _membership(self._palette, cluster)
        run = context.session.run
        if run is None:
            raise ValueError("there is no run")
        rows = np.flatnonzero(self._palette.shown_labels == cluster)
        job = context.runner.start(f"Splitting {self._name}", recluster(run, rows, parts))
        job.finished.connect(self._on_job_finished)
        job.released.connect(self.deleteLater)

    def _on_job_finished(self, parts: NDArray[np.intp]) -> None:
        with sentences_shown():
            labels, ids = _membership(self._palette, self._cluster)
            if labels is not self._before[0] or ids != self._before[1]:
                raise HistoclustError(f"{self._name}: has changed while it was being split, split it again.")
            self._palette.split(self._cluster, parts)


def _membership(palette: Palette, cluster: int) -> tuple[NDArray[np.int16], frozenset[int]]:
    """What decides which patches a shown cluster has: the labels, and which ids are shown as it."""
    shown_as = palette.state.shown_as
    return palette.labels, frozenset(i for i, shown in enumerate(shown_as, start=1) if shown == cluster)
