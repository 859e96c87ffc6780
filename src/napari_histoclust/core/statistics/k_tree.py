"""Which cluster becomes which as their number grows, and how many patches go along.

n patches, K clusters; "number" is a cluster's, which goes on from K to K (`core/model/solutions.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.model.solutions import crosstab
from napari_histoclust.core.run.recluster import EveryK

Int = NDArray[np.int64]

_GAP = 0.006  # between two clusters of a column, in heights of the drawing
_FAINTEST = 0.002  # share of all patches below which a band would not be seen


@dataclass(frozen=True)
class Node:
    """A cluster at one K: the stretch of its column from `top` to `bottom`, 0 to 1 downwards."""

    k: int
    number: int
    patches: int
    top: float
    bottom: float


@dataclass(frozen=True)
class Band:
    """Patches that go from one cluster at K = `k` to one at K + 1, with its ends in both columns."""

    k: int
    source: int
    target: int
    patches: int
    left: tuple[float, float]
    right: tuple[float, float]


@dataclass(frozen=True, eq=False)
class KTree:
    """Counts of the patches of a run over all K.

    Parameters
    ----------
    ks : range
    sizes : sequence of (K,) int64
        Patches of each cluster, for each K.
    shared : sequence of (K, K + 1) int64
        Patches by their clusters for K and for K + 1.
    parents : mapping of int to int
        As in `Solutions`.
    """

    ks: range
    sizes: tuple[Int, ...]
    shared: tuple[Int, ...]
    parents: Mapping[int, int]

    @cached_property
    def order(self) -> tuple[int, ...]:
        """All numbers from the top down, the same at each K: each beside the one that it comes from."""
        order = [1, 2]
        for number in sorted(self.parents):
            order.insert(order.index(self.parents[number]) + 1, number)
        return tuple(order)

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every cluster of every K."""
        return tuple(node for k in self.ks for node in self._column(k))

    def _column(self, k: int) -> list[Node]:
        """Lay the clusters of one K below each other, in the middle of the height."""
        sizes = self.sizes[k - self.ks.start]
        scale = (1 - _GAP * (len(self.order) - 1)) / max(1, int(sizes.sum()))
        at, column = _GAP * (len(self.order) - k) / 2, []
        for number in (number for number in self.order if number <= k):
            patches = int(sizes[number - 1])
            column.append(Node(k, number, patches, at, at + patches * scale))
            at = column[-1].bottom + _GAP
        return column

    @cached_property
    def bands(self) -> tuple[Band, ...]:
        """What goes from cluster to cluster, but for single patches that no one would see."""
        places = {(node.k, node.number): node for node in self.nodes}
        used = {key: [node.top, node.top] for key, node in places.items()}
        found = []
        for k, shared in zip(self.ks, self.shared, strict=False):
            scale = (1 - _GAP * (len(self.order) - 1)) / max(1, int(shared.sum()))
            for source in (number for number in self.order if number <= k):
                for target in (number for number in self.order if number <= k + 1):
                    patches = int(shared[source - 1, target - 1])
                    one, other = used[k, source], used[k + 1, target]
                    band = Band(
                        k, source, target, patches,
                        (one[0], one[0] + patches * scale), (other[1], other[1] + patches * scale),
                    )  # fmt: skip
                    one[0], other[1] = band.left[1], band.right[1]
                    if patches >= _FAINTEST * shared.sum():
                        found.append(band)
        return tuple(found)

    def node_at(self, k: int, y: float) -> Node | None:
        """Return the cluster of a column at a height, 0 to 1 downwards."""
        column = (node for node in self.nodes if node.k == k)
        return next((node for node in column if node.top <= y <= node.bottom), None)

    def sources(self, k: int, number: int) -> list[tuple[int, float]]:
        """Return the clusters at K - 1 that one comes from, with shares of its patches, largest first."""
        if k == self.ks.start:
            return []
        column = self.shared[k - 1 - self.ks.start][:, number - 1]
        order = np.argsort(-column, kind="stable")
        return [(int(i) + 1, float(column[i] / max(1, column.sum()))) for i in order if column[i]]


def count_tree(every: EveryK) -> Job[KTree]:
    """Sort the patches of a run for each K and count."""
    ks = every.solutions.ks
    sizes, shared = [], []
    before: NDArray[np.int16] | None = None
    for k in ks:
        yield Progress("Sorting the patches for every number of clusters", k - ks.start, len(ks))
        labels = every.at(k).labels
        sizes.append(np.bincount(labels, minlength=k + 1)[1:].astype(np.int64))
        if before is not None:
            shared.append(crosstab(before - 1, labels - 1, k - 1, k))
        before = labels
    return KTree(ks, tuple(sizes), tuple(shared), every.solutions.parents)
