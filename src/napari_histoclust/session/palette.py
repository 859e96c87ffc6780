"""How the clusters are called, coloured, merged and split, with undo; the labels of a run never change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count, islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.palette import further_colours, rgb
from napari_histoclust.core.run.edits import ClusterEdits
from napari_histoclust.core.run.lineage import part_letter
from napari_histoclust.session.history import History, describe_change

if TYPE_CHECKING:
    from napari_histoclust.core.palette import Cluster

_COLOUR = re.compile(r"#[0-9a-f]{6}")


class Palette:
    """Names, colours, merges, splits, hidden and artefact clusters, with undo.

    Cluster ids are those of the run, 1..K, and those above K come from splits; merging never renumbers and
    never touches the labels.

    Parameters
    ----------
    clusters : sequence of Cluster
        Ids 1..K in order.
    labels : (n,) int16, optional
        Cluster of each patch.
    """

    changed = Signal()

    def __init__(self, clusters: Sequence[Cluster], labels: NDArray[np.int16] | None = None) -> None:
        self.reset(clusters, labels)

    def reset(self, clusters: Sequence[Cluster], labels: NDArray[np.int16] | None = None) -> None:
        """Start anew with other clusters and no history. The session notifies, not this method."""
        ids = tuple(cluster.id for cluster in clusters)
        if ids != tuple(range(1, len(ids) + 1)):
            raise ValueError(f"cluster ids {ids} are not 1..{len(ids)}")
        names = tuple(cluster.name for cluster in clusters)
        colours = tuple(cluster.colour for cluster in clusters)
        labels = np.zeros(0, np.int16) if labels is None else labels
        self.load(ClusterEdits(names, colours, ids, labels=labels))

    def load(self, edits: ClusterEdits) -> None:
        """Start anew from saved edits, with no history. The session notifies, not this method."""
        self._history = History(edits)
        self._shown: tuple[ClusterEdits, NDArray[np.int16]] | None = None

    @property
    def state(self) -> ClusterEdits:
        """The present state, frozen."""
        return self._history.value

    @property
    def labels(self) -> NDArray[np.int16]:
        """(n,) id of each patch before the merges; another array after a split."""
        return self.state.labels

    @property
    def shown_labels(self) -> NDArray[np.int16]:
        """(n,) id under which each patch is shown."""
        if self._shown is None or self._shown[0] is not self.state:
            self._shown = self.state, self.lookup[self.labels]
        return self._shown[1]

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return self._history.can_go_back

    @property
    def can_redo(self) -> bool:
        """Whether there is a change that was taken back."""
        return self._history.can_go_forward

    @property
    def undo_text(self) -> str:
        """What `undo` takes back ("merging into Liver"), empty where there is nothing."""
        before = self._history.previous
        return "" if before is None else describe_change(before, self.state)

    @property
    def redo_text(self) -> str:
        """What `redo` makes again, empty where there is nothing."""
        after = self._history.following
        return "" if after is None else describe_change(self.state, after)

    @property
    def shown_ids(self) -> tuple[int, ...]:
        """Ids of the clusters left after the merges, in rising order."""
        return self.state.shown_ids

    @property
    def lookup(self) -> NDArray[np.int16]:
        """(ids + 1,) table: id in `labels` -> id shown; 0 (no tissue) stays 0."""
        return self.state.lookup

    def rgba(self) -> NDArray[np.float32]:
        """Return the (ids + 1, 4) colours in 0..1 by id in `labels`; 0 and hidden ones are transparent."""
        state, table = self.state, np.zeros((len(self.state.names) + 1, 4), np.float32)
        for cluster, shown in enumerate(state.shown_as, start=1):
            if shown not in state.hidden:
                table[cluster] = (*rgb(state.colours[shown - 1]), 255)
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
        if name != self.state.names[cluster - 1]:
            self._check_name(name, f"Cluster {cluster}")
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

    def show_only(self, clusters: Iterable[int]) -> None:
        """Hide all clusters but these."""
        self._put(hidden=frozenset(self.shown_ids) - frozenset(clusters))

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

    def split(self, cluster: int, parts: NDArray[np.integer[Any]]) -> None:
        """Divide a shown cluster; its first part keeps the id and the colour.

        Parameters
        ----------
        cluster : int
            A shown id.
        parts : (m,) int array
            Part of each of its patches, 0 and up, in the order of their patch ids.

        Raises
        ------
        HistoclustError
            If all patches are in one part.
        """
        members = np.flatnonzero(self.shown_labels == cluster)
        if parts.shape != members.shape:
            raise ValueError(f"{parts.shape} parts for {len(members)} patches of cluster {cluster}")
        present = np.flatnonzero(np.bincount(parts))
        if len(present) < 2:
            raise HistoclustError(f"{self.state.names[cluster - 1]}: does not fall into parts, try others.")
        names = self._free_names(f"{self.state.names[cluster - 1]} {part_letter(i)}" for i in count(1))
        first, *others = islice(names, len(present))
        ids = np.zeros(int(present[-1]) + 1, np.int16)
        ids[present] = [cluster, *self._next_ids(len(others))]
        self._put(
            labels=_relabelled(self.labels, members, ids[parts]),
            **self._enlarged(others, _with(self.state.names, cluster, first), like=cluster),
        )

    def carve(self, patches: NDArray[np.bool_], name: str | None = None) -> int:
        """Make chosen patches a cluster of their own, wherever they were before.

        Parameters
        ----------
        patches : (n,) bool
            Which.
        name : str, optional
            "New cluster", with a number where that is taken, if not given.

        Returns
        -------
        int
            Id of the new cluster.

        Raises
        ------
        HistoclustError
            If no patch is chosen, or the name is empty or taken.
        """
        if not patches.any():
            raise HistoclustError(
                "New cluster: nothing is selected, choose patches in the plot or on the slide."
            )
        name = next(self._free_names(_numbered("New cluster"))) if name is None else name.strip()
        self._check_name(name, "New cluster")
        new = self._next_ids(1)[0]
        self._put(labels=_relabelled(self.labels, patches, np.int16(new)), **self._enlarged([name]))
        return new

    def _check_name(self, name: str, who: str) -> None:
        if not name or not list(self._free_names([name])):
            raise HistoclustError(f'{who}: the name "{name}" is empty or taken, type another.')

    def _next_ids(self, count: int) -> range:
        return range(len(self.state.names) + 1, len(self.state.names) + 1 + count)

    def _free_names(self, wanted: Iterable[str]) -> Iterator[str]:
        """Those of `wanted` that no shown cluster has."""
        taken = {self.state.names[other - 1] for other in self.shown_ids}
        return (name for name in wanted if name not in taken)

    def _enlarged(
        self, added: Sequence[str], names: tuple[str, ...] | None = None, like: int | None = None
    ) -> dict[str, object]:
        """State with further clusters called `added`, which have the marks of cluster `like`."""
        state, ids = self.state, self._next_ids(len(added))
        return {
            "names": (*(state.names if names is None else names), *added),
            "colours": (*state.colours, *further_colours(state.colours, len(added))),
            "shown_as": (*state.shown_as, *ids),
            "hidden": _toggled(state.hidden, ids, like in state.hidden),
            "artefacts": _toggled(state.artefacts, ids, like in state.artefacts),
        }

    def show_k(self, edits: ClusterEdits) -> None:
        """Show another number of clusters; undo goes back to before the first of several in a row."""
        before = self._history.previous
        if edits == self.state:
            return
        if before is not None and before.k != self.state.k:
            self._history.amend(edits)
        else:
            self._history.put(edits)
        self.changed.emit()

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


def _relabelled(
    labels: NDArray[np.int16], patches: NDArray[np.generic], ids: NDArray[np.int16] | np.int16
) -> NDArray[np.int16]:
    labels = labels.copy()
    labels[patches] = ids
    labels.setflags(write=False)
    return labels


def _numbered(name: str) -> Iterator[str]:
    """The name, then "<name> 2", "<name> 3" and so on."""
    return (f"{name} {i}" if i > 1 else name for i in count(1))


def _toggled(ids: frozenset[int], changed: Iterable[int], on: bool) -> frozenset[int]:
    return ids | frozenset(changed) if on else ids - frozenset(changed)
