"""What a person has made of the clusters: names, colours, merges, splits. The results stay as they are."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.palette import Cluster

if TYPE_CHECKING:
    from napari_histoclust.core.run import Run


@dataclass(frozen=True)
class ClusterEdits:
    """How the clusters are shown at one moment; position i belongs to cluster id i + 1.

    Ids 1..K are the run's; those above came from splits. Merging never renumbers: it is a change of
    `shown_as`, and only a split brings other labels.

    Parameters
    ----------
    names, colours : tuple of str
        Colours are "#rrggbb".
    shown_as : tuple of int
        Cluster id under which each one is shown: its own, or that of the cluster it was merged into.
    hidden, artefacts : frozenset of int
        Ids that are not drawn, and ids marked as no tissue of interest.
    labels : (n,) int16
        Id of each patch before the merges. Left out of comparisons: other labels come with more names.
    """

    names: tuple[str, ...]
    colours: tuple[str, ...]
    shown_as: tuple[int, ...]
    hidden: frozenset[int] = frozenset()
    artefacts: frozenset[int] = frozenset()
    labels: NDArray[np.int16] = field(
        default_factory=lambda: np.zeros(0, np.int16), compare=False, repr=False
    )

    @property
    def shown_ids(self) -> tuple[int, ...]:
        """Ids of the clusters left after the merges, in rising order."""
        return tuple(sorted(set(self.shown_as)))

    @property
    def lookup(self) -> NDArray[np.int16]:
        """(ids + 1,) table: id in `labels` -> id shown; 0 (no tissue) stays 0."""
        return np.array((0, *self.shown_as), np.int16)

    def clusters(self) -> tuple[Cluster, ...]:
        """Return the clusters left after the merges, in rising order of their ids."""
        return tuple(Cluster(i, self.names[i - 1], self.colours[i - 1]) for i in self.shown_ids)


def edited(run: Run, edits: ClusterEdits) -> Run:
    """Return the run as the person has named, merged and split it; its ids may have gaps."""
    return replace(run, labels=edits.lookup[edits.labels], clusters=edits.clusters())
