"""How sure a patch's cluster is: a posterior that tells how often other tissue would give it the same.

The model's posterior is fitted to what bootstraps of the tissue do to each patch, and checked on bootstraps
that took no part in the fit. n patches, f features, d axes, K clusters, b bootstraps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment, minimize
from scipy.special import expit, softmax

from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.model.kmeans import crowding_weights

if TYPE_CHECKING:
    from napari_histoclust.core.model.find_clusters import Taught

Float = NDArray[np.float64]
Int = NDArray[np.int64]
FindCentres = Callable[["Bootstrap", int, int], Float]
"""Returns (K, d) centres for a bootstrap, K and a seed."""

FITTED, HELD_OUT = 20, 10
"""Bootstraps that confidence is fitted to, and bootstraps that it is checked on."""

BINS = 15
"""Bins of the reliability curve (Guo et al. 2017)."""

_REGION_SIDES = (16, 8, 4, 2)
_LEAST_REGIONS = 40
_BOUNDS = ((-1.0, 8.0), (-8.0, 4.0))  # logarithm of the temperature, log-odds of the lapse


@dataclass(frozen=True)
class Confidence:
    """Two numbers that turn distances into probabilities.

    Parameters
    ----------
    temperature : float
        Factor on the noise: how far the borders between clusters move from one bootstrap to the next.
    lapse : float
        Share of bootstraps, 0..1, in which a patch's cluster is a matter of chance wherever it lies, as a
        whole cluster can come out otherwise (the lapse rate of Wichmann & Hill 2001).
    """

    temperature: float = 1.0
    lapse: float = 0.0

    def probabilities(self, squared: Float) -> Float:
        """Return (n, K) probabilities for (n, K) squared distances in units of the noise."""
        likely = softmax(-0.5 * squared / self.temperature, axis=1)
        return np.asarray((1 - self.lapse) * likely + self.lapse / squared.shape[1])


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """A metric learned from a sample of the patches that was drawn with replacement.

    Parameters
    ----------
    sample : (m, d) float64
        Places of the patches that were drawn.
    everybody : (n, d) float64
        Places of all patches.
    """

    sample: Float
    everybody: Float

    @cached_property
    def weights(self) -> Float:
        """(m,) weights of the sample, see `crowding_weights`."""
        return crowding_weights(self.sample)


@dataclass(frozen=True)
class Reliability:
    """Confidence beside what it promises, bin by bin (Guo et al. 2017, section 2).

    Parameters
    ----------
    patches : tuple of int
        In each of the equal bins from 0 to 1.
    confidence : tuple of float
        Mean of the patches of each bin; 0 where there is none.
    kept : tuple of float
        Mean share of the bootstraps in which they keep their cluster.
    """

    patches: tuple[int, ...]
    confidence: tuple[float, ...]
    kept: tuple[float, ...]

    @property
    def error(self) -> float:
        """Expected calibration error: mean difference of both over the patches, 0..1."""
        n, sure, kept = (np.array(part) for part in (self.patches, self.confidence, self.kept))
        return float(np.abs(n * (sure - kept)).sum() / max(1, n.sum()))

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        bins = zip(self.patches, self.confidence, self.kept, strict=True)
        return {
            "expected_calibration_error": round(self.error, 4),
            "bins": [[n, round(sure, 4), round(kept, 4)] for n, sure, kept in bins],
        }


def reliability(confidence: Float, kept: Float) -> Reliability:
    """Compare (n,) confidence with the (n,) share of bootstraps that keep each patch's cluster."""
    bins = np.minimum((confidence * BINS).astype(np.intp), BINS - 1)
    patches = np.bincount(bins, minlength=BINS)
    means = [np.bincount(bins, part, BINS) / np.maximum(patches, 1) for part in (confidence, kept)]
    return Reliability(tuple(patches.tolist()), *(tuple(mean.tolist()) for mean in means))


def regions_of(places: Float) -> Int:
    """Return the (n,) region of each patch: squares of one slide, as large as leave 40 of them.

    Patches that touch look alike, so that a bootstrap of single patches would draw the same tissue again and
    find everything sure.

    Parameters
    ----------
    places : (n, 3) float64
        Slide, y and x, the last two in sides of a patch.
    """
    for side in _REGION_SIDES:
        squares = np.floor(places / (1, side, side))
        _, regions = np.unique(squares, axis=0, return_inverse=True)
        if regions.max() + 1 >= _LEAST_REGIONS:
            return np.asarray(regions.reshape(-1), np.int64)
    return np.arange(len(places))


def draw_bootstrap(regions: Int, rng: np.random.Generator) -> Int:
    """Return the rows of as many regions as there are, drawn with replacement.

    Parameters
    ----------
    regions : (n,) int64
        Region of each patch, 0 and up without gaps.
    """
    order = np.argsort(regions, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(regions))[:-1])
    return np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))])


def draw_bootstraps(
    taught: Taught, axes: int, regions: Int, rng: np.random.Generator, count: int = FITTED + HELD_OUT
) -> Job[list[Bootstrap]]:
    """Learn the metric anew from each of `count` bootstraps of the tissue; they serve every K.

    Parameters
    ----------
    taught : Taught
        Of n patches.
    axes : int
        d.
    regions : (n,) int64
        From `regions_of`; `np.arange(n)` where places are unknown.
    """
    drawn = []
    for number in range(count):
        yield Progress("Learning from bootstraps of the tissue", number, count)
        sample = taught.resampled(draw_bootstrap(regions, rng))
        metric = sample.metric(axes, rng)
        drawn.append(Bootstrap(metric.apply(sample.features), metric.apply(taught.features)))
    return drawn


def agreement(
    bootstraps: Sequence[Bootstrap], labels: Int, clusters: int, find: FindCentres, seed: int
) -> Job[NDArray[np.bool_]]:
    """Return (b, n): whether each bootstrap gives each patch the cluster that it has.

    Each finds clusters anew, which are named after those that they share most patches with, one to one.

    Parameters
    ----------
    bootstraps : sequence of Bootstrap
    labels : (n,) int64, 0..K-1
    clusters : int
        K.
    find : callable
        Finds the centres.
    seed : int
    """
    kept = np.zeros((len(bootstraps), len(labels)), bool)
    for number, bootstrap in enumerate(bootstraps):
        yield Progress("Measuring how sure the clusters are", number, len(bootstraps))
        centres = find(bootstrap, clusters, seed + number)
        others = squared_distances(bootstrap.everybody, centres).argmin(axis=1)
        kept[number] = named_after(others, labels, clusters) == labels
    return kept


def squared_distances(places: Float, centres: Float) -> Float:
    """Return the (n, K) squared distances, in units of the noise."""
    return np.stack([((places - centre) ** 2).sum(axis=1) for centre in centres], axis=1)


def named_after(others: Int, labels: Int, clusters: int) -> Int:
    """Return (n,) `others` with each cluster renamed to the one of `labels` that it overlaps most."""
    overlap = np.zeros((clusters, clusters))
    np.add.at(overlap, (others, labels), 1)
    return np.asarray(linear_sum_assignment(overlap, maximize=True)[1][others])


def fit_confidence(squared: Float, kept: Float) -> Confidence:
    """Return the temperature and lapse that tell best how often a patch keeps its cluster.

    Best is the largest likelihood of what the bootstraps did.

    Parameters
    ----------
    squared : (n, K) float64
        Squared distances to the centres, in units of the noise.
    kept : (n,) float64
        Share of the bootstraps that keep each patch's cluster, 0..1.
    """

    def confidence(values: Float) -> Confidence:
        return Confidence(float(np.exp(values[0])), float(expit(values[1])))

    def loss(values: Float) -> float:
        sure = confidence(values).probabilities(squared).max(axis=1).clip(1e-9, 1 - 1e-9)
        return -float((kept * np.log(sure) + (1 - kept) * np.log1p(-sure)).mean())

    found = minimize(loss, (2.0, -3.0), method="Nelder-Mead", bounds=_BOUNDS, options={"fatol": 1e-6})
    return confidence(found.x)


def measure_confidence(
    bootstraps: Sequence[Bootstrap],
    places: Float,
    centres: Float,
    find: FindCentres,
    seed: int,
    held_out: int = HELD_OUT,
) -> Job[tuple[Confidence, Reliability | None]]:
    """Fit confidence to the first bootstraps and check it on the last ones.

    Parameters
    ----------
    bootstraps : sequence of Bootstrap
    places : (n, d) float64
        Of all patches, in the model's own metric.
    centres : (K, d) float64
    find : callable
        Finds the centres of a bootstrap.
    seed : int
    held_out : int
        Bootstraps that confidence is not fitted to; with none of them there is no reliability.
    """
    squared = squared_distances(places, centres)
    kept = yield from agreement(bootstraps, squared.argmin(axis=1), len(centres), find, seed)
    fitted = len(bootstraps) - held_out
    found = fit_confidence(squared, kept[:fitted].mean(axis=0))
    if not held_out:
        return found, None
    sure = found.probabilities(squared).max(axis=1)
    return found, reliability(sure, kept[fitted:].mean(axis=0))
