"""The indices as the formulas are printed, with the N x N matrix: slow, large and plain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def literal_indices(points: NDArray[np.float64], labels: NDArray[np.integer]) -> dict[str, float]:
    n, clusters = len(points), np.unique(labels)
    distance = np.zeros((n, n))
    for f in range(points.shape[1]):
        distance += (points[:, f, None] - points[None, :, f]) ** 2
    distance = np.sqrt(distance)
    i, j = np.triu_indices(n, 1)
    pairs, same = distance[i, j], labels[i] == labels[j]
    within, between = pairs[same], pairs[~same]
    centre = points.mean(axis=0)
    wgss = bgss = 0.0
    for cluster in clusters:
        members = points[labels == cluster]
        own = members.mean(axis=0)
        wgss += ((members - own) ** 2).sum()
        bgss += len(members) * ((own - centre) ** 2).sum()
    ranked = np.sort(pairs)
    smallest, largest = ranked[: len(within)].sum(), ranked[len(ranked) - len(within) :].sum()
    with np.errstate(all="ignore"):
        return {
            "calinski_harabasz": np.divide(bgss / (len(clusters) - 1), np.divide(wgss, n - len(clusters))),
            "log_ss_ratio": np.log(np.divide(bgss, wgss)),
            "c_index": np.divide(within.sum() - smallest, largest - smallest),
            "mcclain_rao": np.divide(
                np.divide(within.sum(), len(within)), np.divide(between.sum(), len(between))
            ),
            "dunn": np.divide(between.min(), within.max(initial=0.0)),
            "xie_beni": np.divide(wgss / n, between.min() ** 2),
        }


def blobs(n: int, features: int, k: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    random = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(k), random.integers(0, k, n - k)])
    return random.normal(size=(n, features)) + 2 * random.normal(size=(k, features))[labels], labels
