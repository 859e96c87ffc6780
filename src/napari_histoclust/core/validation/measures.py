"""Measures of a clustering: a record each with name, title, which way is better, meaning and formula."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_histoclust.core.validation.pairs import PairSums

_SKLEARN_MIB = 32


@dataclass(frozen=True)
class Measure:
    """A figure on a clustering.

    Attributes
    ----------
    name : str
        What files and `--json` call it.
    title : str
        What figures, reports and the window call it.
    better : "high", "low" or ""
        Which way is better; "" where neither is.
    meaning : str
        One sentence for the reader of a table.
    """

    name: str
    title: str
    better: Literal["high", "low", ""]
    meaning: str

    def is_better(self, value: float, other: float) -> bool:
        """Return whether a value is better than another one."""
        return value > other if self.better == "high" else value < other


@dataclass(frozen=True, eq=False)
class ClusteredPoints:
    """What the formulas of the indices are made of.

    Attributes
    ----------
    points : (n, f) float64
    ids : (n,) int64
        Cluster of each point, 0..k-1.
    k : int
        Clusters, each of which holds a point.
    within_ss, between_ss : float
        WGSS and BGSS.
    pairs : PairSums
        Of all points or of a sample.
    silhouette_rows : (m,) int64
        Points whose silhouette is taken.
    """

    points: NDArray[np.float64]
    ids: NDArray[np.int64]
    k: int
    within_ss: float
    between_ss: float
    pairs: PairSums
    silhouette_rows: NDArray[np.int64]

    @property
    def is_spread(self) -> bool:
        """Whether a cluster has two points and not all points are one."""
        return self.k < len(self.points) and self.within_ss + self.between_ss > 0


@dataclass(frozen=True)
class Index(Measure):
    """An internal validity index.

    Attributes
    ----------
    compute : callable
        Returns the index of `ClusteredPoints`, None where it is undefined; never NaN or infinite.
    """

    compute: Callable[[ClusteredPoints], float | None]


def _ratio(numerator: float, denominator: float) -> float | None:
    """Quotient, or None where it is undefined or infinite."""
    if denominator == 0 or not math.isfinite(denominator):
        return None
    quotient = numerator / denominator
    return quotient if math.isfinite(quotient) else None


def _calinski_harabasz(of: ClusteredPoints) -> float | None:
    ratio, n = _ratio(of.between_ss, of.within_ss), len(of.points)
    return None if ratio is None or n == of.k else ratio * (n - of.k) / (of.k - 1)


def _log_ss_ratio(of: ClusteredPoints) -> float | None:
    ratio = _ratio(of.between_ss, of.within_ss)
    return math.log(ratio) if ratio else None


def _c_index(of: ClusteredPoints) -> float | None:
    pairs = of.pairs
    if not pairs.within_pairs:
        return None
    return _ratio(pairs.within_sum - pairs.smallest_sum, pairs.largest_sum - pairs.smallest_sum)


def _mcclain_rao(of: ClusteredPoints) -> float | None:
    mean_within = _ratio(of.pairs.within_sum, of.pairs.within_pairs)
    mean_between = of.pairs.between_sum / of.pairs.between_pairs
    return None if mean_within is None else _ratio(mean_within, mean_between)


def _dunn(of: ClusteredPoints) -> float | None:
    return _ratio(of.pairs.smallest_between, of.pairs.largest_within)


def _xie_beni(of: ClusteredPoints) -> float | None:
    return _ratio(of.within_ss / len(of.points), of.pairs.smallest_between**2)


def _silhouette(of: ClusteredPoints) -> float | None:
    from sklearn import config_context
    from sklearn.metrics import silhouette_score

    points, ids = of.points[of.silhouette_rows], of.ids[of.silhouette_rows]
    if not of.is_spread or len(np.unique(ids)) == len(ids):
        return None
    with config_context(working_memory=_SKLEARN_MIB):
        return _ratio(float(silhouette_score(points, ids)), 1.0)


def _davies_bouldin(of: ClusteredPoints) -> float | None:
    from sklearn.metrics import davies_bouldin_score

    return _ratio(float(davies_bouldin_score(of.points, of.ids)), 1.0) if of.is_spread else None


_INDICES = (
    Index(
        "calinski_harabasz",
        "Calinski-Harabasz",
        "high",
        "How far the cluster centres lie apart, compared with the scatter inside the clusters, corrected for "
        "their number.",
        _calinski_harabasz,
    ),
    Index(
        "log_ss_ratio",
        "Log SS ratio",
        "high",
        "The logarithm of the scatter between the clusters over the scatter inside them; it rises with the "
        "number of clusters by itself.",
        _log_ss_ratio,
    ),
    Index(
        "c_index",
        "C-index",
        "low",
        "Where the distances inside the clusters lie between the smallest and the largest that there are: "
        "0 is best, 1 is worst.",
        _c_index,
    ),
    Index(
        "mcclain_rao",
        "McClain-Rao",
        "low",
        "The mean distance of two patches of one cluster over that of two patches of two clusters.",
        _mcclain_rao,
    ),
    Index(
        "dunn",
        "Dunn",
        "high",
        "The smallest distance between two clusters over the widest cluster; one stray patch decides it.",
        _dunn,
    ),
    Index(
        "xie_beni",
        "Xie-Beni",
        "low",
        "The mean squared distance to the own centre over the smallest squared distance between two "
        "clusters; one stray patch decides it.",
        _xie_beni,
    ),
    Index(
        "silhouette",
        "Silhouette",
        "high",
        "How much closer a patch is to its own cluster than to the next one, in the mean: 1 is best, 0 is on "
        "the border, below 0 is in the wrong cluster.",
        _silhouette,
    ),
    Index(
        "davies_bouldin",
        "Davies-Bouldin",
        "low",
        "How much each cluster overlaps the one most like it, in the mean.",
        _davies_bouldin,
    ),
)
INDICES: dict[str, Index] = {index.name: index for index in _INDICES}
"""The indices by name, in the order of tables and files."""

CLUSTERS_USED = Measure(
    "clusters_used",
    "Clusters that hold a patch",
    "",
    "How many of the clusters asked for hold a patch at all.",
)
STABILITY = Measure(
    "stability",
    "Agreement of two seeds (ARI)",
    "high",
    "How alike the clusters of two trainings are that differ only in their random start: 1 is the same, 0 is "
    "no better than chance.",
)


HALVES = Measure(
    "halves_agreement",
    "Two halves of the tissue agree (ARI)",
    "high",
    "How alike the clusters are that two halves of the tissue give to all patches, each with a metric and "
    "k-means of its own: 1 is the same, 0 is no better than chance.",
)
FOUND_AGAIN = Measure(
    "clusters_found_again",
    "Clusters found in both halves",
    "high",
    "How many clusters of one half of the tissue come back in the other one: they share three quarters of "
    "the patches that are in either.",
)
BITS = Measure(
    "shared_bits",
    "What neighbours share (bits)",
    "high",
    "How many bits the cluster of a patch tells of the patch beside it, in the half of the tissue that "
    "taught nothing: 0 is nothing, and more clusters can always tell a little more.",
)
BOOTSTRAP_AGREEMENT = Measure(
    "bootstrap_agreement",
    "Bootstraps of the tissue agree (ARI)",
    "high",
    "How alike the clusters are when some regions of the tissue are left out and others count twice: 1 is "
    "the same, 0 is no better than chance.",
)
REPEATS = (HALVES, FOUND_AGAIN, BITS, BOOTSTRAP_AGREEMENT)
"""What says whether clusters come back in other tissue; only where one space serves every K."""


def measures() -> dict[str, Measure]:
    """Return all that is compared over the number of clusters, by name."""
    told = {measure.name: measure for measure in (*REPEATS, STABILITY, CLUSTERS_USED)}
    return told | dict(INDICES)
