"""Internal validity indices of a clustering: how tight its clusters are and how far apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.validation.measures import INDICES, ClusteredPoints
from napari_histoclust.core.validation.pairs import pair_sums

PAIRS_AT_MOST = 50_000
SILHOUETTE_AT_MOST = 20_000


@dataclass(frozen=True)
class Indices:
    """Indices of one clustering.

    Parameters
    ----------
    n : int
        Points.
    k : int
        Clusters that hold at least one point.
    values : dict of str to float or None
        Each of `INDICES`, in that order; None where one is undefined (its formula divides by
        zero, as with single-member clusters only), never NaN or infinite.
    n_pairs_of, n_silhouette_of : int
        Points whose pairs were compared (C-index, McClain-Rao, Dunn, Xie-Beni) and whose silhouette was
        taken: n, or the size of a seeded sample where n is large. On a sample Dunn comes out higher and
        Xie-Beni lower than on all points, as the closest pair is hardly ever drawn.
    """

    n: int
    k: int
    values: dict[str, float | None]
    n_pairs_of: int
    n_silhouette_of: int

    def document(self) -> dict[str, Any]:
        """What `validate --json` prints."""
        return {"n": self.n, "k": self.k, "indices": dict(self.values)}


def compute_indices(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    seed: int = 765,
    pairs_at_most: int = PAIRS_AT_MOST,
    silhouette_at_most: int = SILHOUETTE_AT_MOST,
) -> Job[Indices]:
    """Compute all `INDICES`: the six of the paper, the silhouette and the Davies-Bouldin index.

    Parameters
    ----------
    features : (n, f) array
        One row a point; computed in float64 with Euclidean distances.
    labels : (n,) integers
        Cluster of each point; any integers.
    seed : int
        Start of the samples that are drawn where n is larger than the two limits.
    pairs_at_most, silhouette_at_most : int
        Largest number of points of which all pairs are compared (time grows with the square).

    Raises
    ------
    HistoclustError
        With fewer than two clusters, values that are not finite, or lengths that differ.

    Notes
    -----
    With n points in K clusters of n_k points, centroids G_k and G, WGSS = sum of squared distances to the
    own centroid, BGSS = sum n_k |G_k - G|^2, N_W and N_B pairs within and between clusters, S_W and S_B the
    sums of their distances:

    - calinski_harabasz (Calinski & Harabasz 1974): (BGSS / (K-1)) / (WGSS / (n-K))
    - log_ss_ratio (Hartigan 1975): ln(BGSS / WGSS)
    - c_index (Hubert & Levin 1976): (S_W - S_min) / (S_max - S_min), the sums of the N_W smallest and largest
    - mcclain_rao (McClain & Rao 1975): (S_W / N_W) / (S_B / N_B)
    - dunn (Dunn 1974): smallest distance between clusters / largest within a cluster
    - xie_beni (Xie & Beni 1991): (WGSS / n) / (smallest distance between clusters)^2
    - silhouette (Rousseeuw 1987) and davies_bouldin (Davies & Bouldin 1979): as scikit-learn computes them
    """
    points, ids, k = _checked(features, labels)
    n = len(points)
    # A shift changes no index, keeps the digits of features far from zero and makes constant ones exactly 0.
    points = points - points[0]
    rows, few = (_sample_of_each(ids, n, seed) for n in (pairs_at_most, silhouette_at_most))
    squares = sums_of_squares(points, ids)
    pairs = yield from pair_sums(points[rows], ids[rows], seed)
    clustered = ClusteredPoints(points, ids, k, *squares, pairs, few)
    values: dict[str, float | None] = {}
    for name, index in INDICES.items():
        yield Progress("Computing indices", len(values), len(INDICES))
        values[name] = index.compute(clustered)
    yield Progress("Computing indices", len(values), len(INDICES))
    return Indices(n, k, values, len(rows), len(few))


def defined_indices(features: ArrayLike, labels: ArrayLike, seed: int = 765) -> Job[Indices]:
    """Compute the indices, all undefined where one cluster holds everything, so that reports can say so."""
    found = len(np.unique(labels))
    if found < 2:
        return Indices(np.shape(labels)[0], found, dict.fromkeys(INDICES), 0, 0)
    return (yield from compute_indices(features, labels, seed=seed))


def _checked(features: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64], int]:
    """Features as float64, labels as 0..K-1 and K."""
    points, given = np.asarray(features, np.float64), np.asarray(labels)
    if points.ndim != 2 or points.shape[:1] != given.shape:
        raise HistoclustError(
            f"Indices need one row of features a label: got features {points.shape} for labels {given.shape}."
        )
    if not np.isfinite(points).all():
        row, column = np.argwhere(~np.isfinite(points))[0] + 1
        raise HistoclustError(f"Row {row}, feature {column} is not a finite number: remove or mend that row.")
    names, ids = np.unique(given, return_inverse=True)
    if len(names) < 2:
        raise HistoclustError(
            f"Indices compare clusters and need at least two, and the labels name {len(names)}."
        )
    return points, ids.astype(np.int64), len(names)


def sample_rows(n: int, at_most: int, seed: int) -> NDArray[np.int64]:
    """Return the sorted rows of a seeded sample, or all rows."""
    if n <= at_most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, at_most, replace=False))


def _sample_of_each(ids: NDArray[np.int64], at_most: int, seed: int) -> NDArray[np.int64]:
    """Rows of a seeded sample that holds every cluster, or all rows."""
    n = len(ids)
    if n <= at_most:
        return np.arange(n)
    shuffled = np.random.default_rng(seed).permutation(n)
    first_of_each = np.unique(ids[shuffled], return_index=True)[1]
    others = np.delete(shuffled, first_of_each)
    return np.sort(np.concatenate([shuffled[first_of_each], others])[: max(at_most, len(first_of_each))])


def sums_of_squares(points: NDArray[np.float64], ids: NDArray[np.int64]) -> tuple[float, float]:
    """WGSS and BGSS of (n, f) points in clusters 0..K-1, each of which holds a point."""
    order = np.argsort(ids, kind="stable")
    sizes = np.bincount(ids)
    starts = np.cumsum(sizes) - sizes
    # Relative to the first point of each cluster, so that a cluster of equal points has exactly no scatter.
    anchors = points[order[starts]]
    offsets = points[order] - np.repeat(anchors, sizes, axis=0)
    means = np.add.reduceat(offsets, starts, axis=0) / sizes[:, None]
    offsets -= np.repeat(means, sizes, axis=0)
    shifts = anchors + means - points.mean(axis=0)
    return float(np.square(offsets).sum()), float((sizes * np.square(shifts).sum(axis=1)).sum())
