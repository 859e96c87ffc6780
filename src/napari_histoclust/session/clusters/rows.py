"""The rows of the table of clusters as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_histoclust.core.statistics.cluster_stats import ClusterSummary, ClusterSums, count_clusters
from napari_histoclust.session.clusters.columns import Column, columns_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_histoclust.core.run.run import Run
    from napari_histoclust.session import Session


@dataclass(frozen=True, slots=True)
class Row:
    """One shown cluster.

    Parameters
    ----------
    summary : ClusterSummary
    selected : int
        How many of its patches are selected.
    is_hidden : bool
    """

    summary: ClusterSummary
    selected: int
    is_hidden: bool

    @property
    def id(self) -> int:
        """Id of the cluster."""
        return self.summary.cluster.id


class RowCounter:
    """Makes the rows of a session; looks at patches only where labels or selection are others than before.

    A merge, a name, a colour or a mark is answered from the sums by id, however many patches there are.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._run = self._columns_for = None  # type: Run | None
        self._columns: tuple[Column, ...] = ()
        self._labels: NDArray[np.int16] | None = None
        self._mask: NDArray[np.bool_] | None = None
        self._sums: ClusterSums | None = None
        self._selected = np.zeros(0, np.intp)

    def columns(self) -> tuple[Column, ...]:
        """Return the columns for the session's run, the same ones as long as it stays."""
        run = self._session.run
        if run is not self._columns_for:
            self._columns_for, self._columns = run, () if run is None else columns_of(run)
        return self._columns

    def rows(self) -> tuple[Row, ...]:
        """Return one row a shown cluster, in rising order of their ids; none without a run."""
        run, state = self._session.run, self._session.palette.state
        if run is None:
            self._run = self._labels = self._mask = self._sums = None
            return ()
        selected = np.bincount(state.lookup, self._count(run), len(state.lookup)).astype(int).tolist()
        assert self._sums is not None
        summaries = self._sums.shown(state.lookup).summaries(state.clusters())
        return tuple(Row(s, selected[s.cluster.id], s.cluster.id in state.hidden) for s in summaries)

    def _count(self, run: Run) -> NDArray[np.intp]:
        """Bring the sums up to date and return the (ids + 1,) selected patches of each id."""
        labels, mask = self._session.palette.labels, self._session.selection.mask
        ids = len(self._session.palette.state.names)
        is_counted = self._run is run and self._labels is labels
        if not is_counted:
            self._sums = count_clusters(run, labels, ids)
        if not is_counted or self._mask is not mask:
            self._selected = np.bincount(labels[self._session.selection.ids], minlength=ids + 1)
        self._run, self._labels, self._mask = run, labels, mask
        return self._selected


@dataclass(frozen=True)
class ClusterTableState:
    """What the dock of clusters shows."""

    has_run: bool
    table: tuple[tuple[Row, ...], tuple[Column, ...]]
    wholly_selected: frozenset[int]


def resolve_clusters(session: Session, counter: RowCounter) -> ClusterTableState:
    """Return what the dock of clusters shows."""
    rows = counter.rows()
    return ClusterTableState(session.run is not None, (rows, counter.columns()), wholly_selected(rows))


def wholly_selected(rows: Sequence[Row]) -> frozenset[int]:
    """Return the clusters that the selection consists of; none if it holds only a part of any."""
    if any(0 < row.selected < row.summary.patches for row in rows):
        return frozenset()
    return frozenset(row.id for row in rows if row.selected)
