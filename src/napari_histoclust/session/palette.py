"""How the clusters are called, coloured and merged; the labels of a run never change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.session.history import History

if TYPE_CHECKING:
    from napari_histoclust.core.palette import Cluster

_COLOUR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True)
class PaletteState:
    """How the clusters are shown at one moment; position i belongs to cluster id i + 1.

    Parameters
    ----------
    names, colours : tuple of str
        Colours are "#rrggbb".
    shown_as : tuple of int
        Cluster id under which each one is shown: its own, or that of the cluster it was merged into.
    hidden, artefacts : frozenset of int
        Ids that are not drawn, and ids marked as no tissue of interest.
    """

    names: tuple[str, ...]
    colours: tuple[str, ...]
    shown_as: tuple[int, ...]
    hidden: frozenset[int] = frozenset()
    artefacts: frozenset[int] = frozenset()


class Palette:
    """Names, colours, merges, hidden and artefact clusters, with undo.

    Cluster ids are those of the run, 1..K; merging never renumbers and never touches the labels.

    Parameters
    ----------
    clusters : sequence of Cluster
        Ids 1..K in order.
    """

    changed = Signal()

    def __init__(self, clusters: Sequence[Cluster]) -> None:
        self.reset(clusters)

    def reset(self, clusters: Sequence[Cluster]) -> None:
        """Start anew with other clusters and no history. The session tells, not this method."""
        ids = tuple(cluster.id for cluster in clusters)
        if ids != tuple(range(1, len(ids) + 1)):
            raise ValueError(f"cluster ids {ids} are not 1..{len(ids)}")
        names = tuple(cluster.name for cluster in clusters)
        self._history = History(PaletteState(names, tuple(cluster.colour for cluster in clusters), ids))

    @property
    def state(self) -> PaletteState:
        """The present state, frozen."""
        return self._history.value

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return self._history.can_go_back

    @property
    def can_redo(self) -> bool:
        """Whether there is a change that was taken back."""
        return self._history.can_go_forward

    @property
    def shown_ids(self) -> tuple[int, ...]:
        """Ids of the clusters left after the merges, in rising order."""
        return tuple(sorted(set(self.state.shown_as)))

    @property
    def lookup(self) -> NDArray[np.int16]:
        """(K + 1,) table: id in the run -> id shown; 0 (no tissue) stays 0."""
        return np.array((0, *self.state.shown_as), np.int16)

    def rgba(self) -> NDArray[np.float32]:
        """Return the (K + 1, 4) colours in 0..1 by id in the run; 0 and hidden clusters are transparent."""
        state, table = self.state, np.zeros((len(self.state.names) + 1, 4), np.float32)
        for cluster, shown in enumerate(state.shown_as, start=1):
            if shown not in state.hidden:
                table[cluster] = (*bytes.fromhex(state.colours[shown - 1][1:]), 255)
        table /= 255
        return table

    def rename(self, cluster: int, name: str) -> None:
        """Give a cluster a name.

        Raises
        ------
        HistoclustError
            If the name is empty or another shown cluster has it.
        """
        name = name.strip()
        taken = {self.state.names[other - 1] for other in self.shown_ids if other != cluster}
        if not name or name in taken:
            raise HistoclustError(f'Cluster {cluster}: the name "{name}" is empty or taken, type another.')
        self._put(names=_with(self.state.names, cluster, name))

    def recolour(self, cluster: int, colour: str) -> None:
        """Give a cluster a colour, "#rrggbb".

        Raises
        ------
        HistoclustError
            If it is not written so.
        """
        colour = colour.lower()
        if not _COLOUR.fullmatch(colour):
            raise HistoclustError(f'Cluster {cluster}: "{colour}" is no colour, write it as "#rrggbb".')
        self._put(colours=_with(self.state.colours, cluster, colour))

    def hide(self, clusters: Iterable[int], hidden: bool = True) -> None:
        """Hide clusters, or show them again."""
        self._put(hidden=_toggled(self.state.hidden, clusters, hidden))

    def mark_artefact(self, clusters: Iterable[int], artefact: bool = True) -> None:
        """Mark clusters as artefact, or take the mark back."""
        self._put(artefacts=_toggled(self.state.artefacts, clusters, artefact))

    def merge(self, clusters: Iterable[int], into: int) -> None:
        """Show `clusters`, with all that was merged into them, under the name and colour of `into`."""
        table, target = self.lookup, int(self.lookup[into])
        table[np.isin(table, [int(table[cluster]) for cluster in clusters])] = target
        gone = frozenset(range(1, len(table))) - set(table.tolist())
        self._put(
            shown_as=tuple(table[1:].tolist()),
            hidden=self.state.hidden - gone,
            artefacts=self.state.artefacts - gone,
        )

    def undo(self) -> None:
        """Take the last change back."""
        if self._history.back():
            self.changed.emit()

    def redo(self) -> None:
        """Make the change again that was taken back."""
        if self._history.forward():
            self.changed.emit()

    def _put(self, **changes: object) -> None:
        state = replace(self.state, **changes)  # type: ignore[arg-type]
        if state != self.state:
            self._history.put(state)
            self.changed.emit()


def _with(values: tuple[str, ...], cluster: int, value: str) -> tuple[str, ...]:
    return (*values[: cluster - 1], value, *values[cluster:])


def _toggled(ids: frozenset[int], changed: Iterable[int], on: bool) -> frozenset[int]:
    return ids | frozenset(changed) if on else ids - frozenset(changed)
