"""Which clusters lie beside which, more often or less often than by chance.

Two patches are neighbours where their places on the lattice lie side by side (four neighbours). Where patches
overlap, the nearest four that share no tissue with a patch are taken, as overlapping ones look alike of
themselves. Chance is the labels dealt out anew among the patches of each slide: the places and the sizes of
the clusters stay, what lies beside what does not (as `nhood_enrichment` of squidpy has it; Palla et al.,
Nature Methods 2022).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba
import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.palette import Cluster
from napari_histoclust.core.run.run import counted_run

if TYPE_CHECKING:
    from napari_histoclust.core.patches.grid import PatchGrid
    from napari_histoclust.core.run.run import Run

    Int = NDArray[np.int64]
    Float = NDArray[np.float64]

_BATCH_PAIRS = 2_000_000  # pairs of neighbours that a thread counts between two yields, some 15 ms


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """Neighbouring patches by their clusters, beside what chance gives.

    Row and column i belong to `clusters[i]`. All matrices are symmetric: a pair of neighbours is counted from
    both sides, so that a row adds up to the neighbours that the cluster's patches have.

    Parameters
    ----------
    clusters : tuple of Cluster
        All k clusters of the run, also those without a patch.
    counts : (k, k) int64
        Neighbours in cluster j of the patches in cluster i.
    expected, spread : (k, k) float64
        Mean and standard deviation of the counts over the permutations.
    p : (k, k) float64
        Two-sided: twice the smaller share of arrangements, the real one counted among them, that are at
        least (or at most) as large; at most 1. The smallest there can be is 2 / (permutations + 1).
    permutations : int
        How often the labels were dealt out anew.
    seed : int
        Start of the random numbers.
    """

    clusters: tuple[Cluster, ...]
    counts: Int
    expected: Float
    spread: Float
    p: Float
    permutations: int
    seed: int

    @property
    def z(self) -> Float:
        """(k, k) how many standard deviations the counts lie above chance; NaN where chance does not vary."""
        known = self.spread > 0
        difference = self.counts - self.expected
        return np.asarray(
            np.divide(difference, self.spread, where=known, out=np.full(known.shape, np.nan)), np.float64
        )


def neighbourhood(
    run: Run, permutations: int = 1000, seed: int = 0, slides: Sequence[int] | None = None
) -> Job[Neighbourhood]:
    """Count neighbouring patches by cluster, and as often with the labels dealt out anew.

    The result depends on the seed alone, not on the number of threads.

    Parameters
    ----------
    run : Run
    permutations : int
        At least 2.
    seed : int
        0 or more.
    slides : sequence of int, optional
        Which slides; all if not given.

    Raises
    ------
    HistoclustError
        If there are fewer than two permutations.
    """
    if permutations < 2:
        raise HistoclustError(f"permutations={permutations}: give at least 2, or there is no spread.")
    run = counted_run(run)
    chosen = range(len(run.slides)) if slides is None else slides
    labels, bounds = _labels(run, chosen)
    pairs = _pairs([run.grids[slide] for slide in chosen], bounds)
    k = len(run.clusters)
    counts = _both_ways(_count(labels, *pairs, k))
    tally = _Tally(counts)
    seeds = np.random.SeedSequence(seed).generate_state(permutations).astype(np.uint32)
    yield from _shuffle(labels, bounds, pairs, k, seeds, tally)
    return Neighbourhood(
        run.clusters, counts, tally.expected, tally.spread, tally.p, permutations=permutations, seed=seed
    )


class _Tally:
    """Sums over the permutations, so that these need not be kept.

    Parameters
    ----------
    observed : (k, k) int64
        The real counts; differences from them are summed, which loses no digits.
    """

    def __init__(self, observed: Int) -> None:
        self._observed = observed
        self._n = 0
        self._sum, self._squares = np.zeros(observed.shape), np.zeros(observed.shape)
        self._above, self._below = np.zeros(observed.shape), np.zeros(observed.shape)

    def add(self, counts: Int) -> None:
        """Add (n, k, k) counts of n permutations."""
        difference = counts - self._observed
        self._n += len(counts)
        self._sum += difference.sum(0)
        self._squares += (difference.astype(np.float64) ** 2).sum(0)
        self._above += (difference >= 0).sum(0)
        self._below += (difference <= 0).sum(0)

    @property
    def expected(self) -> Float:
        return np.asarray(self._observed + self._sum / self._n, np.float64)

    @property
    def spread(self) -> Float:
        variance = self._squares / self._n - (self._sum / self._n) ** 2
        return np.sqrt(np.maximum(variance, 0))

    @property
    def p(self) -> Float:
        smaller = np.minimum(self._above, self._below)
        return np.asarray(np.minimum(1, 2 * (smaller + 1) / (self._n + 1)), np.float64)


def neighbour_pairs(grid: PatchGrid) -> tuple[Int, Int]:
    """Return the patches a and b of each pair of neighbours on a lattice, each pair once; two (e,) int64."""
    step = max(1, -(-grid.patch_px // grid.stride_px))  # nearest places that share no tissue
    ids = grid.ids
    starts, ends = [], []
    for a, b in ((ids[step:], ids[:-step]), (ids[:, step:], ids[:, :-step])):
        both = (a >= 0) & (b >= 0)
        starts.append(a[both])
        ends.append(b[both])
    return np.concatenate(starts).astype(np.int64), np.concatenate(ends).astype(np.int64)


def _labels(run: Run, slides: Sequence[int]) -> tuple[NDArray[np.int16], Int]:
    """Place in `run.clusters` of each patch of the slides, and the slides' bounds among them."""
    place = np.zeros(max(cluster.id for cluster in run.clusters) + 1, np.int16)
    place[[cluster.id for cluster in run.clusters]] = np.arange(len(run.clusters))
    parts = [place[run.labels[run.rows(slide)]] for slide in slides]
    bounds = np.cumsum([0, *(len(part) for part in parts)])
    return np.concatenate(parts), bounds.astype(np.int64)


def _pairs(grids: Sequence[PatchGrid], bounds: Int) -> tuple[Int, Int]:
    """Pairs of all slides, as rows of the labels put together."""
    parts = [neighbour_pairs(grid) for grid in grids]
    shifted = [(a + first, b + first) for (a, b), first in zip(parts, bounds.tolist(), strict=False)]
    return np.concatenate([a for a, _ in shifted]), np.concatenate([b for _, b in shifted])


def _shuffle(
    labels: NDArray[np.int16],
    bounds: Int,
    pairs: tuple[Int, Int],
    k: int,
    seeds: NDArray[np.uint32],
    tally: _Tally,
) -> Job[None]:
    """Count all permutations, shared out among threads."""
    threads = max(1, os.cpu_count() or 1)
    size = max(1, min(len(seeds) // 4, _BATCH_PAIRS // max(1, len(pairs[0]))))
    batches = [seeds[start : start + size] for start in range(0, len(seeds), size)]
    with ThreadPoolExecutor(threads, thread_name_prefix="shuffle") as pool:
        for start in range(0, len(batches), threads):
            yield Progress("Shuffling the clusters", start * size, len(seeds))
            round_ = batches[start : start + threads]
            for counts in pool.map(lambda batch: _deal(labels, bounds, *pairs, k, batch), round_):
                tally.add(_both_ways(counts))


def _both_ways(counts: Int) -> Int:
    """Count each pair from its other side too."""
    return np.asarray(counts + counts.swapaxes(-1, -2))


@numba.njit(nogil=True, cache=True)
def _count(labels: NDArray[np.int16], a: Int, b: Int, k: int) -> Int:
    """(k, k) pairs by the labels of their ends."""
    counts = np.zeros((k, k), np.int64)
    for i in range(len(a)):
        counts[labels[a[i]], labels[b[i]]] += 1
    return counts


@numba.njit(nogil=True, cache=True)
def _deal(labels: NDArray[np.int16], bounds: Int, a: Int, b: Int, k: int, seeds: NDArray[np.uint32]) -> Int:
    """(seeds, k, k) counts after the labels of each slide were dealt out anew; one start a permutation."""
    counts = np.zeros((len(seeds), k, k), np.int64)
    for i in range(len(seeds)):
        # numba's own random numbers: their state is one a thread and has nothing to do with numpy's
        np.random.seed(seeds[i])  # noqa: NPY002
        dealt = labels.copy()
        for slide in range(len(bounds) - 1):
            np.random.shuffle(dealt[bounds[slide] : bounds[slide + 1]])  # noqa: NPY002
        counts[i] = _count(dealt, a, b, k)
    return counts
