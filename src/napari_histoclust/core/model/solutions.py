"""The clusters for every K in one space, and which of them becomes which.

Each K has a k-means of its own, the best of ten starts: on three phantoms it agreed with the truth better
than the levels of Ward's tree (docs/decisions/0018-one-space-every-k.md). The solutions are joined
afterwards: the clusters of K + 1 take the numbers of those of K that they share most patches with, one to
one, and the one left over is numbered K + 1. So a number goes on from K to K, whichever way one came there.
n patches, d axes, K clusters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.model.confidence import Confidence, squared_distances
from napari_histoclust.core.model.kmeans import crowding_weights, kmeans

Float = NDArray[np.float64]

FEWEST, MOST = 2, 40
"""Numbers of clusters that are solved for, beside the one that was asked for."""

_PATCHES_A_CLUSTER = 20
"""On average, at least: of fewer patches fewer K are solved for."""

STARTS = 10
"""Starts of k-means, the best of which is kept."""

WEIGHTS = "model.safetensors"
PREFIX = "solutions."
_CENTRES, _CONFIDENCES, _OVERLAPS = (PREFIX + name for name in ("centres", "confidence", "overlap"))


@dataclass(frozen=True, eq=False)
class Solutions:
    """Centres for K = 2, 3 and so on without a gap.

    Parameters
    ----------
    centres : sequence of (K, d) float32
        Row i is cluster number i + 1.
    confidences : (m, 2) float32
        Temperature and lapse of each K (`core/model/confidence.py`).
    overlaps : sequence of (K, K + 1) int
        Patches that trained by their clusters for K and for K + 1; one fewer than there are K.
    """

    centres: tuple[NDArray[np.float32], ...]
    confidences: NDArray[np.float32]
    overlaps: tuple[NDArray[np.int64], ...]

    @property
    def ks(self) -> range:
        """The numbers of clusters."""
        return range(FEWEST, FEWEST + len(self.centres))

    def centres_of(self, k: int) -> NDArray[np.float32]:
        """Return the (K, d) centres for K = `k`."""
        return self.centres[self._place(k)]

    def confidence_of(self, k: int) -> Confidence:
        """Return what turns distances into probabilities for K = `k`."""
        return Confidence(*self.confidences[self._place(k)].tolist())

    def _place(self, k: int) -> int:
        if k not in self.ks:
            raise ValueError(f"{k} clusters: there are solutions for {self.ks.start} to {self.ks.stop - 1}")
        return k - FEWEST

    @cached_property
    def parents(self) -> Mapping[int, int]:
        """The number from which each number above 2 took most of its patches when it first appeared."""
        return {overlap.shape[1]: int(overlap[:, -1].argmax()) + 1 for overlap in self.overlaps}

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return all as a few arrays, which `solutions_from` takes."""
        flat = [overlap.ravel() for overlap in self.overlaps]
        return {
            _CENTRES: np.concatenate(self.centres),
            _CONFIDENCES: self.confidences,
            _OVERLAPS: np.concatenate([np.zeros(0, np.int64), *flat]),
        }


def solutions_from(tensors: Mapping[str, NDArray[Any]]) -> Solutions | None:
    """Return the solutions that `Solutions.tensors` gave, None where there are none.

    Raises
    ------
    ValueError
        If they are damaged: shapes that do not belong together, or numbers that are none.
    """
    if not any(name.startswith(PREFIX) for name in tensors):
        return None
    if set(tensors) != {_CENTRES, _CONFIDENCES, _OVERLAPS}:
        raise ValueError(f"solutions consist of {sorted(tensors)}")
    stacked, confidences, overlaps = (tensors[name] for name in (_CENTRES, _CONFIDENCES, _OVERLAPS))
    ks = np.arange(FEWEST, FEWEST + len(confidences))
    pairs = ks[:-1] * ks[1:]
    fits = stacked.ndim == 2 and len(stacked) == ks.sum() and overlaps.shape == (pairs.sum(),) and len(ks)
    if not fits or not np.isfinite(stacked).all() or not _are_usable(confidences) or (overlaps < 0).any():
        raise ValueError("solutions do not belong together")
    return Solutions(
        tuple(np.split(stacked, np.cumsum(ks)[:-1])),
        confidences,
        tuple(
            part.reshape(k, k + 1)
            for part, k in zip(np.split(overlaps, np.cumsum(pairs)[:-1]), ks[:-1].tolist(), strict=False)
        ),
    )


def _are_usable(confidences: NDArray[np.float32]) -> bool:
    """Whether they are temperatures above 0 and lapses that are shares."""
    temperature, lapse = confidences.T
    return bool((np.isfinite(temperature) & (temperature > 0) & (lapse >= 0) & (lapse <= 1)).all())


def load_solutions(folder: Path) -> Solutions | None:
    """Read the clusters for every K from a bundle, without PyTorch; None where it has none.

    Raises
    ------
    HistoclustError
        If the file is damaged; where there is no bundle there are no solutions.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / WEIGHTS
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            names = [name for name in file.keys() if name.startswith(PREFIX)]  # noqa: SIM118
            return solutions_from({name: file.get_tensor(name) for name in names})
    except (SafetensorError, OSError, ValueError) as error:
        raise HistoclustError(f"{path}: is damaged ({error}), copy or fit the model again.") from error


def solve(places: Float, clusters: int, seed: int) -> Job[tuple[list[Float], list[NDArray[np.int64]]]]:
    """Find the clusters for K = 2 to 40, or to `clusters` where that is more, and join them.

    Parameters
    ----------
    places : (n, d) float64
        Patches in the metric; there are 20 different ones for a cluster, but for those up to `clusters`.
    clusters : int
    seed : int

    Returns
    -------
    centres : list of (K, d) float64
    overlaps : list of (K, K + 1) int64
        As in `Solutions`.
    """
    last = max(clusters, min(MOST, len(np.unique(places, axis=0)) // _PATCHES_A_CLUSTER))
    found: list[Float] = []
    overlaps: list[NDArray[np.int64]] = []
    labels, weights = np.zeros(len(places), np.int64), crowding_weights(places)
    for k in range(FEWEST, last + 1):
        yield Progress("Finding clusters", k - FEWEST, last + 1 - FEWEST)
        centres = kmeans(places, weights, k, starts=STARTS, seed=seed)
        shared = crosstab(labels, nearest(places, centres), max(1, k - 1), k)
        order = _joined(shared)
        found.append(centres[order])
        labels = nearest(places, found[-1])
        if k > FEWEST:
            overlaps.append(shared[:, order])
    return found, overlaps


def _joined(shared: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return in which order the (K) columns go on with the (K - 1) rows; the one left over is last."""
    from scipy.optimize import linear_sum_assignment

    columns = shared.shape[1]
    if columns == FEWEST:
        return np.argsort(-shared[0], kind="stable")
    taken = linear_sum_assignment(shared, maximize=True)[1]
    return np.append(taken, np.setdiff1d(np.arange(columns), taken))


def nearest(places: Float, centres: Float) -> NDArray[np.int64]:
    """Return the (n,) place in `centres` of the nearest one."""
    return np.asarray(squared_distances(places, centres).argmin(axis=1), np.int64)


def crosstab(
    first: NDArray[np.integer], second: NDArray[np.integer], rows: int, columns: int
) -> NDArray[np.int64]:
    """Count how many patches have label i in `first` and j in `second`, labels from 0."""
    pairs = np.bincount(first.astype(np.int64) * columns + second, minlength=rows * columns)
    return pairs.reshape(rows, columns).astype(np.int64)


def stack_of(
    centres: Sequence[Float], confidences: Sequence[Confidence], overlaps: Sequence[NDArray[np.int64]]
) -> Solutions:
    """Return solutions as they are stored: in 32 bits."""
    return Solutions(
        tuple(part.astype(np.float32) for part in centres),
        np.array([(one.temperature, one.lapse) for one in confidences], np.float32),
        tuple(overlaps),
    )
