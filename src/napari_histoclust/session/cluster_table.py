"""The table of clusters: what stands in its columns, and its rows as plain values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_histoclust.core.statistics.cluster_stats import ClusterSummary, ClusterSums, count_clusters
from napari_histoclust.session.summary import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_histoclust.core.run.run import Run
    from napari_histoclust.core.statistics.composition import Composition
    from napari_histoclust.core.statistics.neighbourhood import Neighbourhood
    from napari_histoclust.session import Session

SHOWN, COLOUR, NAME, PATCHES, SELECTED = range(5)
"""Places of the columns that have a meaning of their own."""

_CLEAR_Z, _NAMED = 3.0, 3
DASH = "–"
_NOT_MEASURED = "This run does not hold it: map the slide again to measure it."


@dataclass(frozen=True)
class Column:
    """One column.

    Parameters
    ----------
    title, hint : str
    value : callable
        What the rows are sorted by; None where there is nothing to say.
    text : callable
        What is written for such a value.
    widest : str
        A text that it should hold.
    spread : callable, optional
        Standard deviation that belongs to the value, told when the mouse rests on it.
    """

    title: str
    hint: str
    value: Callable[[Row], float | str | None]
    text: Callable[[float], str] = str
    widest: str = "0.000"
    spread: Callable[[Row], float | None] | None = None

    def hint_for(self, row: Row) -> str:
        """Return the hint, after the mean and the spread where there is one."""
        value, spread = self.value(row), None if self.spread is None else self.spread(row)
        if spread is None or not isinstance(value, float):
            return self.hint
        return (
            f"Mean {self.text(value)}, standard deviation {self.text(spread)} over its patches. {self.hint}"
        )


def columns_of(run: Run) -> tuple[Column, ...]:
    """Return the columns for a run; the optical densities of its stains and dyes come last."""
    scaled, most = None not in run.um_per_px, f"{len(run):,}"
    return (
        Column("", "Shown or hidden: click the eye", lambda row: row.is_hidden, _nothing),
        Column("", "Number of the cluster; its colour", lambda row: row.id, _nothing),
        Column("Name", "Double-click or F2 to rename", lambda row: row.summary.cluster.name.casefold()),
        Column("Patches", "Number of patches", lambda row: row.summary.patches, _count, most),
        Column("Sel.", "How many of them are selected", lambda row: row.selected, _count_or_nothing, most),
        Column("mm²", "Area in mm²", lambda row: row.summary.area_mm2, _rounded)
        if scaled
        else Column("Mpx", "Area in million px: the scale of a slide is unknown", _area_mpx, _rounded),
        Column("Conf.", "Mean confidence, 0 to 1", lambda row: row.summary.mean_confidence, "{:.2f}".format),
        *(_stain_column(run, number, stain) for number, stain in enumerate(_stains(run))),
        *(_dye_column(number, dye) for number, dye in enumerate(run.dyes if run.dye_od is not None else ())),
    )


def _stains(run: Run) -> tuple[str, ...]:
    """Stains of the run; of a version that did not say, those of its first slide."""
    return run.stains or tuple(image.stain for image in run.manifest.slides[0].inputs)


def _stain_column(run: Run, number: int, stain: str) -> Column:
    hint = f"Mean optical density of {stain}: 0 is clear glass. "
    hint += _NOT_MEASURED if run.stain_od is None else "Compare it between clusters, not between stains."
    mean, spread = (partial(_part, name, number) for name in ("mean_stain_od", "stain_od_sd"))
    return Column(stain, hint, mean, "{:.3f}".format, spread=spread)


def _dye_column(number: int, dye: str) -> Column:
    """Return the column of a dye; its title leaves the stain before it to the hint."""
    hint = f"Amount of {dye} after the dyes are taken apart (Ruifrok and Johnston), as optical density."
    mean, spread = (partial(_part, name, number) for name in ("mean_dye_od", "dye_od_sd"))
    return Column(dye, hint, mean, "{:.3f}".format, spread=spread)


def _part(name: str, number: int, row: Row) -> float | None:
    values = getattr(row.summary, name)
    return None if values is None else float(values[number])


def _area_mpx(row: Row) -> float:
    return row.summary.area_px2 / 1e6


def _nothing(_: float) -> str:
    return ""


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _count_or_nothing(value: float) -> str:
    return f"{value:,.0f}" if value else ""


def _rounded(area: float) -> str:
    """Three decimals below 1, two below 10, one below 100."""
    decimals = next((3 - n for n, end in enumerate((1, 10, 100)) if area < end), 0)
    return f"{area:,.{decimals}f}"


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
        run, state = self._session.scored_run, self._session.palette.state
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
class Outliers:
    """How many patches show something else than the model's tissue, and whether the table counts them."""

    patches: int = 0
    are_counted: bool = False

    def __str__(self) -> str:
        """Say so in the words of a box to tick; empty where there are none."""
        return f"Count {counted(self.patches, 'outlier', 'outliers')}" if self.patches else ""


@dataclass(frozen=True)
class ClusterTableState:
    """What the dock of clusters shows."""

    has_run: bool
    table: tuple[tuple[Row, ...], tuple[Column, ...]]
    wholly_selected: frozenset[int]
    outliers: Outliers


def resolve_clusters(session: Session, counter: RowCounter) -> ClusterTableState:
    """Return what the dock of clusters shows."""
    rows, run = counter.rows(), session.run
    outliers = Outliers() if run is None else Outliers(run.outliers, run.counts_outliers)
    return ClusterTableState(run is not None, (rows, counter.columns()), wholly_selected(rows), outliers)


def wholly_selected(rows: Sequence[Row]) -> frozenset[int]:
    """Return the clusters that the selection consists of; none if it holds only a part of any."""
    if any(0 < row.selected < row.summary.patches for row in rows):
        return frozenset()
    return frozenset(row.id for row in rows if row.selected)


def describe_rows(rows: Sequence[Row]) -> str:
    """Return how many clusters there are and are hidden, and over how many the selection is spread."""
    hidden, selected = sum(row.is_hidden for row in rows), sum(row.selected for row in rows)
    text = counted(len(rows), "cluster", "clusters") + (f", {hidden} hidden" if hidden else "")
    if not selected:
        return text
    spread = sum(row.selected > 0 for row in rows)
    return f"{text}. {counted(selected, 'patch', 'patches')} selected in {spread}"


def describe_neighbours(found: Neighbourhood, cluster: int, names: Sequence[str]) -> tuple[str, ...]:
    """Return sentences on what lies beside a cluster clearly more, or less, often than by chance.

    Parameters
    ----------
    found : Neighbourhood
    cluster : int
        Its id.
    names : sequence of str
        Name of each id, id 1 first.
    """
    ids = [other.id for other in found.clusters]
    z = found.z[ids.index(cluster)].copy()
    own = z[ids.index(cluster)]
    z[ids.index(cluster)] = 0
    z = np.nan_to_num(z)
    order = np.argsort(z)
    more = [f"{names[ids[i] - 1]} ({z[i]:+.0f})" for i in order[::-1][:_NAMED] if z[i] >= _CLEAR_Z]
    less = [f"{names[ids[i] - 1]} ({z[i]:+.0f})" for i in order[:_NAMED] if z[i] <= -_CLEAR_Z]
    parts = [
        f"Beside it more often than by chance: {', '.join(more)}." if more else "",
        f"Less often: {', '.join(less)}." if less else "",
        f"Keeps together: {own:+.0f}." if own >= _CLEAR_Z else "",
        f"(Standard deviations from {found.permutations:,} random arrangements.)",
    ]
    return tuple(filter(None, parts))


def describe_slides(found: Composition, cluster: int) -> str:
    """Return on which slides a cluster lies; empty for a single slide."""
    if len(found.slides) < 2:
        return ""
    column = [other.id for other in found.clusters].index(cluster)
    count = int(np.count_nonzero(found.patches[:, column]))
    most = int(found.share[:, column].argmax())
    share = found.share[most, column]
    return f"On {count} of {len(found.slides)} slides, most on {found.slides[most]} ({share:.0%})."
