"""k-means on the same features: what a clustering must be held against."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.jobs import Job, Progress

RESTARTS = 10
ALL_POINTS_AT_MOST = 50_000
"""Above this, k-means sees mini-batches: one Lloyd step over millions of patches takes seconds."""


@dataclass(frozen=True)
class Agreement:
    """How far two clusterings of the same points agree, whatever their numbering.

    Parameters
    ----------
    adjusted_rand : float
        1 the same, 0 as by chance (Hubert & Arabie 1985).
    normalised_mutual_information : float
        1 the same, 0 independent; arithmetic mean of the entropies.
    """

    adjusted_rand: float
    normalised_mutual_information: float


def agreement(first: NDArray[np.integer], second: NDArray[np.integer]) -> Agreement:
    """Compare two labellings, each (n,) integers."""
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    return Agreement(
        float(adjusted_rand_score(first, second)), float(normalized_mutual_info_score(first, second))
    )


def kmeans_labels(
    features: NDArray[np.floating], k: int, seed: int = 765, restarts: int = RESTARTS
) -> Job[NDArray[np.int32]]:
    """Cluster by k-means, the best of several starts.

    Parameters
    ----------
    features : (n, f) array
        One row a patch.
    k : int
        Clusters; fewer come out where there are fewer distinct points.
    seed : int
        Start of the random choices; restart r uses seed + r.
    restarts : int
        Starts tried (k-means++ each); the one with the smallest sum of squares is kept. Above 50,000 points
        they are mini-batch k-means.

    Returns
    -------
    (n,) int32, 0..k-1.
    """
    k = min(k, len(features))
    best: tuple[float, NDArray[np.int32]] | None = None
    for start in range(restarts):
        yield Progress("Clustering by k-means for comparison", start, restarts)
        inertia, labels = _one_start(features, k, (seed + start) % 2**32)
        if best is None or inertia < best[0]:
            best = inertia, labels
    yield Progress("Clustering by k-means for comparison", restarts, restarts)
    assert best is not None
    return best[1]


def _one_start(features: NDArray[np.floating], k: int, seed: int) -> tuple[float, NDArray[np.int32]]:
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from sklearn.exceptions import ConvergenceWarning

    if len(features) <= ALL_POINTS_AT_MOST:
        model = KMeans(k, n_init=1, random_state=seed)
    else:
        model = MiniBatchKMeans(k, n_init=1, batch_size=8192, random_state=seed)
    with warnings.catch_warnings():
        # Fewer distinct points than clusters: the result says so by having fewer labels.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(features)
    return float(model.inertia_), np.asarray(model.labels_, np.int32)
