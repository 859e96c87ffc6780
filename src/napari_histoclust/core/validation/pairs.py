"""Sums and extremes over all pairs of points, exactly and without a matrix of pairs.

The C-index asks for the sums of the m smallest and of the m largest of N(N-1)/2 distances. They are not
stored: a seeded sample of pairs says between which two distances the m-th must lie, one pass over all pairs
adds up what is below that bracket and keeps only what is inside (under 1 % of the pairs), and the kept ones
are sorted. The result is exact: the pass counts, so a bracket that missed is noticed and made wider. Ties do
no harm, as the ends of a bracket are themselves counted apart and the open interval between two values of the
sample holds few pairs whatever their distribution.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.threads import ahead
from napari_histoclust.core.validation import _kernels as kernels

ROWS = 256
FEW_PAIRS = 500_000
MOST_SAMPLED_PAIRS = 4_000_000
SPREADS = (6.0, 30.0, np.inf)
"""Half width of a bracket in standard deviations of the sampled rank; the next one is tried on a miss."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PairSums:
    """Figures over all pairs of n points; a distance is Euclidean.

    Parameters
    ----------
    within_pairs, between_pairs : int
        Pairs inside a cluster (N_W) and across clusters (N_B).
    within_sum, between_sum : float
        Sums of their distances (S_W, S_B).
    largest_within, smallest_between : float
        Extremes of their distances; 0 and inf where there is no such pair.
    smallest_sum, largest_sum : float
        Sums of the N_W smallest and the N_W largest of all distances (S_min, S_max).
    """

    within_pairs: int
    between_pairs: int
    within_sum: float
    between_sum: float
    largest_within: float
    smallest_between: float
    smallest_sum: float
    largest_sum: float


class _Tally(NamedTuple):
    """What one pass found: figures of the rows added up, and the distances kept in each bracket."""

    figures: Floats
    kept: tuple[Floats, Floats]


def pair_sums(points: Floats, labels: NDArray[np.integer], seed: int = 765) -> Job[PairSums]:
    """Add up all pairs of points.

    Parameters
    ----------
    points : (n, features) float64
        Finite values.
    labels : (n,) integers
        Cluster of each point.
    seed : int
        Start of the sample of pairs; it changes the time taken, never the result beyond rounding.

    Notes
    -----
    Time grows with n^2, memory with n: two threads of one (256, 12) array and the kept distances.
    """
    order = np.argsort(labels, kind="stable")
    points = np.ascontiguousarray(points[order], dtype=np.float64)
    sizes = np.unique_counts(labels).counts
    n = len(points)
    within = int((sizes * (sizes - 1) // 2).sum())
    ranks = (within, n * (n - 1) // 2 - within)
    ends = np.repeat(np.cumsum(sizes), sizes)
    for spread in SPREADS:
        brackets = _find_brackets(points, ranks, spread, seed)
        tally = yield from _pass(np.ascontiguousarray(points.T), ends, brackets)
        sums = [_sum_smallest(tally, brackets, side, ranks[side]) for side in range(2)]
        if sums[0] is not None and sums[1] is not None:
            return _assemble(tally.figures, ranks, sums[0], sums[1])
    raise AssertionError("an unbounded bracket holds every rank")


def _assemble(figures: Floats, ranks: tuple[int, int], smallest: float, below_largest: float) -> PairSums:
    within, between = float(figures[kernels.WITHIN_SUM]), float(figures[kernels.BETWEEN_SUM])
    return PairSums(
        within_pairs=ranks[0],
        between_pairs=ranks[1],
        within_sum=within,
        between_sum=between,
        largest_within=float(figures[kernels.LARGEST_WITHIN]),
        smallest_between=float(figures[kernels.SMALLEST_BETWEEN]),
        smallest_sum=smallest,
        largest_sum=within + between - below_largest,
    )


def _find_brackets(points: Floats, ranks: tuple[int, int], spread: float, seed: int) -> Floats:
    """(2, 2) open intervals that very probably hold the distances of the given ranks."""
    n, pairs = len(points), sum(ranks)
    if pairs <= FEW_PAIRS or np.isinf(spread):
        return np.array([[-1.0, np.inf], [-1.0, np.inf]])
    count = int(np.clip(pairs // 100, FEW_PAIRS, MOST_SAMPLED_PAIRS))
    random = np.random.default_rng(seed)
    i = random.integers(0, n, count)
    j = (i + random.integers(1, n, count)) % n
    sample = np.sort(kernels.pair_distances(points, i, j))
    return np.array([_bracket(sample, rank / pairs, spread) for rank in ranks])


def _bracket(sample: Floats, share: float, spread: float) -> tuple[float, float]:
    """Values of the sorted sample on both sides of the quantile `share`."""
    centre = share * len(sample)
    half = spread * np.sqrt(max(len(sample) * share * (1 - share), 1.0))
    low, high = int(np.floor(centre - half)), int(np.ceil(centre + half))
    return (
        float(sample[low]) if low >= 0 else -1.0,
        float(sample[high]) if high < len(sample) else np.inf,
    )


def _pass(columns: Floats, ends: NDArray[np.int64], brackets: Floats) -> Job[_Tally]:
    """Go once over all pairs, by blocks of rows, in as many threads as there are cores."""
    n = columns.shape[1]
    blocks: list[_Tally] = []
    done, pairs = 0, n * (n - 1) // 2

    def tally_block(rows: tuple[int, int]) -> tuple[int, int, _Tally]:
        return (*rows, _tally_block(columns, ends, *rows, brackets))

    for start, stop, tally in ahead(tally_block, _row_blocks(n), threads=_cores()):
        blocks.append(tally)
        done += (stop - start) * (2 * n - start - stop - 1) // 2
        yield Progress("Comparing pairs of patches", done, pairs)
    return _merge(blocks)


def _cores() -> int:
    """Cores this process may use (a container often grants fewer than the machine has)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _row_blocks(n: int) -> Iterator[tuple[int, int]]:
    for start in range(0, n, ROWS):
        yield start, min(start + ROWS, n)


def _tally_block(columns: Floats, ends: NDArray[np.int64], start: int, stop: int, brackets: Floats) -> _Tally:
    """One block; where more distances fall into a bracket than expected, again with room for them."""
    figures = np.empty((stop - start, kernels.COLUMNS))
    capacity = (stop - start) * columns.shape[1] // 100 + 8 * kernels.TILE
    while True:
        kept = np.empty((2, capacity))
        counts = kernels.tally_rows(columns, ends, start, stop, brackets, figures, kept)
        if counts.max() + kernels.TILE <= capacity:
            low, high = (kept[side, : counts[side]].copy() for side in range(2))
            return _Tally(_add_rows(figures), (low, high))
        capacity = int(counts.max()) + kernels.TILE


def _add_rows(rows: Floats) -> Floats:
    """Add up rows of figures; the two extremes are not sums."""
    total = rows.sum(axis=0)
    total[kernels.LARGEST_WITHIN] = rows[:, kernels.LARGEST_WITHIN].max()
    total[kernels.SMALLEST_BETWEEN] = rows[:, kernels.SMALLEST_BETWEEN].min()
    return np.asarray(total, np.float64)


def _merge(blocks: list[_Tally]) -> _Tally:
    low, high = (np.concatenate([block.kept[side] for block in blocks]) for side in range(2))
    return _Tally(_add_rows(np.stack([block.figures for block in blocks])), (low, high))


def _sum_smallest(tally: _Tally, brackets: Floats, side: int, rank: int) -> float | None:
    """Sum of the `rank` smallest distances, or None where the bracket does not hold that rank."""
    low, high = brackets[side]
    first = kernels.LOW_BELOW + 4 * side
    below, upto, upto_end, total = tally.figures[first : first + 4]
    kept = tally.kept[side]
    if below <= rank <= upto:
        return float(total + _times(rank - below, low))
    if upto < rank <= upto + len(kept):
        smallest = np.partition(kept, int(rank - upto) - 1)[: int(rank - upto)]
        return float(total + _times(upto - below, low) + smallest.sum())
    if upto + len(kept) < rank <= upto_end:
        beyond = rank - upto - len(kept)
        return float(total + _times(upto - below, low) + kept.sum() + _times(beyond, high))
    return None


def _times(count: float, value: float) -> float:
    """Product that is 0 for a count of 0 even where the value is infinite."""
    return count * value if count else 0.0
