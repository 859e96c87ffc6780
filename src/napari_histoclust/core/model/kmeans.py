"""k-means in which a tissue counts by the room it takes in the metric, not by its area on the slide.

In plain k-means half a slide of liver is cut in two before two small tissues are told apart, and where it is
cut depends on the seed. n patches, d axes, K clusters.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

NEIGHBOURS = 15
"""Which of a patch's neighbours in the metric says how crowded its place is."""

MOST_WEIGHT = 2.0
"""Most that a patch counts, in terms of a typical one: what lies alone is not to rule."""


def crowding_weights(places: Float) -> Float:
    """Return the (n,) weights of patches: the distance to the fifteenth neighbour over its median, at most 2.

    A patch that is there twice, as in a bootstrap, counts twice and crowds once.
    """
    from sklearn.neighbors import NearestNeighbors

    points, row = np.unique(places, axis=0, return_inverse=True)
    neighbours = min(NEIGHBOURS, len(points) - 1)
    if neighbours < 1:
        return np.ones(len(places))
    distances, _ = NearestNeighbors(n_neighbors=neighbours + 1).fit(points).kneighbors(points)
    farthest = distances[:, -1]
    weights = np.minimum(farthest / np.median(farthest), MOST_WEIGHT)
    return np.asarray(weights[row.reshape(-1)])


def kmeans(places: Float, weights: Float, clusters: int, *, starts: int, seed: int) -> Float:
    """Return the (K, d) centres of weighted (n, d) places, the best of some starts."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different places than clusters
        fitted = KMeans(clusters, n_init=starts, random_state=seed).fit(places, sample_weight=weights)
    return np.asarray(fitted.cluster_centers_)
