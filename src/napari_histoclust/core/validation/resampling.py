"""How far clusters of one part of the tissue come back in another, and what touching patches share.

n patches, f features, d axes, K clusters. Parts are made of whole regions: patches that touch look alike, so
that parts of single patches would hold the same tissue twice and agree whatever the clusters are worth.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.model.confidence import (
    Bootstrap,
    draw_bootstrap,
    draw_bootstraps,
    squared_distances,
)
from napari_histoclust.core.model.kmeans import crowding_weights, kmeans
from napari_histoclust.core.validation.baseline import agreement
from napari_histoclust.core.validation.measures import BITS, BOOTSTRAP_AGREEMENT, FOUND_AGAIN, HALVES
from napari_histoclust.core.validation.space import structureless

if TYPE_CHECKING:
    from napari_histoclust.core.model.find_clusters import Taught

Float = NDArray[np.float64]
Int = NDArray[np.int64]

DIVISIONS, BOOTSTRAPS = 4, 4
"""Divisions of the tissue into halves, and bootstraps of it, for each seed."""

FOUND_FROM = 0.75
"""Overlap (Jaccard) from which a cluster counts as found again: a valid, stable cluster (Hennig 2007)."""

_STARTS = 10
"""Starts of each k-means, as many as a model takes: with fewer, chance starts pass for unstable tissue."""


@dataclass(frozen=True, eq=False)
class Half:
    """What one half of the tissue teaches.

    Parameters
    ----------
    teaching : (m, d) float64
        Places of its patches in its own metric.
    everybody : (n, d) float64
        Places of all patches in that metric.
    first, second : (h, d) float64
        Places of the pairs that touch in the other half; empty where nothing has a place.
    """

    teaching: Float
    everybody: Float
    first: Float
    second: Float

    @cached_property
    def weights(self) -> Float:
        """(m,) weights of the patches that teach, see `crowding_weights`."""
        return crowding_weights(self.teaching)


@dataclass(frozen=True, eq=False)
class Resampled:
    """One tissue, its halves and its bootstraps, ready for every K.

    Parameters
    ----------
    places : (n, d) float64
        Of all patches in the metric of all.
    divisions : tuple of pairs of Half
    bootstraps : tuple of Bootstrap
    """

    places: Float
    divisions: tuple[tuple[Half, Half], ...]
    bootstraps: tuple[Bootstrap, ...]

    def labels(self, k: int, seed: int) -> Int:
        """Return the (n,) clusters, 0..K-1, of all patches as a model finds them."""
        return nearest(self.places, find_centres(self.places, self._weights, k, seed))

    @cached_property
    def _weights(self) -> Float:
        return crowding_weights(self.places)


def resample(taught: Taught, axes: int, regions: Int, seed: int) -> Job[Resampled]:
    """Learn the metric of the whole tissue, of its halves and of bootstraps of it.

    Parameters
    ----------
    taught : Taught
        Features of n patches and of the pairs around them.
    axes : int
        d.
    regions : (n,) int64
        From `regions_of`.
    seed : int

    Raises
    ------
    HistoclustError
        If all patches of a part look alike.
    """
    rng = np.random.default_rng(seed)
    whole = taught.metric(axes, rng).apply(taught.features)
    divisions = []
    for number in range(DIVISIONS):
        yield Progress("Learning from halves of the tissue", number, DIVISIONS)
        one, two = split_in_halves(regions, rng)
        divisions.append((_half(taught, axes, one, two, rng), _half(taught, axes, two, one, rng)))
    bootstraps = yield from draw_bootstraps(taught, axes, regions, rng, BOOTSTRAPS)
    return Resampled(whole, tuple(divisions), tuple(bootstraps))


def shuffled(taught: Taught, regions: Int, seed: int) -> tuple[Taught, Int]:
    """Return the same patches at shuffled places: pairs drawn at random, and regions of anything."""
    from napari_histoclust.core.model.find_clusters import Taught

    rng = np.random.default_rng(seed)
    second, on_tissue = taught.second.copy(), np.flatnonzero(taught.on_tissue)
    second[on_tissue] = taught.second[rng.permutation(on_tissue)]
    anywhere = Taught(taught.features, taught.first, second, taught.groups, taught.on_tissue)
    return anywhere, rng.permutation(regions)


def resample_structureless(places: Float, seed: int) -> Resampled:
    """Return points of one Gaussian with the variances of the places, and halves and bootstraps of them."""
    points = structureless(np.asarray(places, np.float32), seed).astype(np.float64)
    rng, nowhere = np.random.default_rng(seed), np.zeros((0, points.shape[1]))
    single = np.arange(len(points))
    halves = [split_in_halves(single, rng) for _ in range(DIVISIONS)]
    return Resampled(
        points,
        tuple(
            (Half(points[one], points, nowhere, nowhere), Half(points[two], points, nowhere, nowhere))
            for one, two in halves
        ),
        tuple(Bootstrap(points[draw_bootstrap(single, rng)], points) for _ in range(BOOTSTRAPS)),
    )


def split_in_halves(regions: Int, rng: np.random.Generator) -> tuple[Int, Int]:
    """Return the rows of two sets of whole regions, drawn at random and as equal in patches as that allows.

    Parameters
    ----------
    regions : (n,) int64
        Region of each patch, 0 and up without gaps.
    """
    sizes = np.bincount(regions)
    in_first = np.zeros(len(sizes), bool)
    filled = [0, 0]
    for region in rng.permutation(len(sizes)):
        side = int(filled[1] < filled[0])
        in_first[region] = side == 0
        filled[side] += int(sizes[region])
    is_first = in_first[regions]
    return np.flatnonzero(is_first), np.flatnonzero(~is_first)


def _half(taught: Taught, axes: int, own: Int, other: Int, rng: np.random.Generator) -> Half:
    part, rest = taught.resampled(own), taught.resampled(other)
    metric = part.metric(axes, rng)
    of = (part.features, taught.features, rest.first[rest.on_tissue], rest.second[rest.on_tissue])
    return Half(*(metric.apply(features) for features in of))


def measure_repeats(
    resampled: Resampled, labels: NDArray[np.integer], k: int, seed: int
) -> Job[Mapping[str, list[float]]]:
    """Measure how well k clusters repeat: one value a division or bootstrap.

    Parameters
    ----------
    resampled : Resampled
    labels : (n,) integers
        Clusters of the whole tissue, beside which the bootstraps are held.
    k : int
    seed : int

    Returns
    -------
    mapping of measure name to list of float
        See `core/validation/measures.py`; without bits where nothing has a place.
    """
    found: dict[str, list[float]] = {}
    rng = np.random.default_rng([seed, k])
    for number, halves in enumerate(resampled.divisions):
        yield Progress("Comparing halves of the tissue", number, len(resampled.divisions))
        for name, value in _of_division(halves, k, seed + number, rng):
            found.setdefault(name, []).append(value)
    for number, bootstrap in enumerate(resampled.bootstraps):
        yield Progress("Comparing bootstraps of the tissue", number, len(resampled.bootstraps))
        centres = find_centres(bootstrap.sample, bootstrap.weights, k, seed + number)
        same = agreement(labels, nearest(bootstrap.everybody, centres)).adjusted_rand
        found.setdefault(BOOTSTRAP_AGREEMENT.name, []).append(same)
    return found


def _of_division(
    halves: tuple[Half, Half], k: int, seed: int, rng: np.random.Generator
) -> Iterator[tuple[str, float]]:
    centres = [find_centres(half.teaching, half.weights, k, seed) for half in halves]
    one, two = (nearest(half.everybody, c) for half, c in zip(halves, centres, strict=True))
    yield HALVES.name, agreement(one, two).adjusted_rand
    yield FOUND_AGAIN.name, float(found_again(one, two, k))
    if len(halves[0].first) and len(halves[1].first):
        bits = [
            shared_bits(nearest(half.first, c), nearest(half.second, c), rng)
            for half, c in zip(halves, centres, strict=True)
        ]
        yield BITS.name, float(np.mean(bits))


def find_centres(places: Float, weights: Float, k: int, seed: int) -> Float:
    """Return the (K, d) centres of the best of ten k-means; fewer than K places are repeated."""
    if len(places) < k:
        places, weights = np.resize(places, (k, places.shape[1])), np.resize(weights, k)
    return kmeans(places, weights, k, starts=_STARTS, seed=seed % 2**32)


def nearest(places: Float, centres: Float) -> Int:
    """Return the (n,) number, from 0, of the centre nearest to each place."""
    return np.asarray(squared_distances(places, centres).argmin(axis=1), np.int64)


def found_again(one: Int, two: Int, k: int) -> int:
    """Return how many clusters of one labelling are found in another: pairs that overlap by three quarters.

    Clusters are paired one to one so that most patches are shared; the overlap of a pair is the patches in
    both over the patches in either (Jaccard). At three quarters Hennig (Computational Statistics & Data
    Analysis 52, 2007) calls a cluster valid and stable.

    Parameters
    ----------
    one, two : (n,) int64, 0..K-1
    k : int
        K.
    """
    from scipy.optimize import linear_sum_assignment

    shared = np.bincount(one * k + two, minlength=k * k).reshape(k, k)
    rows, columns = linear_sum_assignment(shared, maximize=True)
    both = shared[rows, columns]
    either = shared.sum(axis=1)[rows] + shared.sum(axis=0)[columns] - both
    return int(np.count_nonzero((both >= FOUND_FROM * either) & (both > 0)))


def shared_bits(first: Int, second: Int, rng: np.random.Generator) -> float:
    """Return how many bits a patch's cluster tells of its neighbour's, beyond what random pairs tell.

    The mutual information of both labels, less that of the same labels paired at random, which is not zero
    for a finite number of pairs.

    Parameters
    ----------
    first, second : (m,) int64
        Clusters of the patches of each pair.
    rng : Generator
        Pairs them at random.
    """
    from sklearn.metrics import mutual_info_score

    by_chance = mutual_info_score(first, rng.permutation(second))
    return float(mutual_info_score(first, second) - by_chance) / float(np.log(2))
