"""The inner loops over pairs of points, compiled by numba.

They hold no lock of the interpreter, so that plain threads run them side by side; numba's own parallel loops
are not used, as some of its threading layers end the process when two threads enter them at once (umap-learn
may be running). Points arrive sorted by cluster and transposed: the partners of a row in its own cluster are
then one contiguous range, every loop runs over neighbours in memory, and nothing is decided pair by pair.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

TILE = 512
"""Columns treated at a time: 512 x 128 float64 (half a MiB) stay in a core's second-level cache."""

WITHIN_SUM, BETWEEN_SUM, LARGEST_WITHIN, SMALLEST_BETWEEN = range(4)
LOW_BELOW, LOW_UPTO, LOW_UPTO_END, LOW_SUM = range(4, 8)
HIGH_BELOW, HIGH_UPTO, HIGH_UPTO_END, HIGH_SUM = range(8, 12)
COLUMNS = 12
"""One row of these a point: sums and extremes over its pairs, then four figures a bracket."""

# Sums may be taken in any order (that is what lets them run eight at a time); nothing else is relaxed.
_ANY_ORDER = {"reassoc", "nsz"}


@numba.njit(nogil=True, cache=True)
def _distances(columns: NDArray[np.float64], i: int, start: int, stop: int, out: NDArray[np.float64]) -> None:
    """Euclidean distances of point i to points start..stop, into out[: stop - start]."""
    features, width = columns.shape[0], stop - start
    out[:width] = 0.0
    whole = features - features % 4
    for f in range(0, whole, 4):
        # Slices, as an index start + j might be negative for all the compiler knows and would be tested.
        u, v = columns[f, start:stop], columns[f + 1, start:stop]
        w, x = columns[f + 2, start:stop], columns[f + 3, start:stop]
        a, b, c, d = columns[f, i], columns[f + 1, i], columns[f + 2, i], columns[f + 3, i]
        for j in range(width):
            p, q, r, s = u[j] - a, v[j] - b, w[j] - c, x[j] - d
            out[j] += (p * p + q * q) + (r * r + s * s)
    for f in range(whole, features):
        u, a = columns[f, start:stop], columns[f, i]
        for j in range(width):
            p = u[j] - a
            out[j] += p * p
    for j in range(width):
        out[j] = np.sqrt(out[j])


@numba.njit(nogil=True, cache=True, fastmath=_ANY_ORDER)
def _within(distances: NDArray[np.float64], row: NDArray[np.float64]) -> None:
    """Add pairs inside a cluster to a row of figures."""
    total, largest = 0.0, row[LARGEST_WITHIN]
    for value in distances:
        total += value
        largest = max(largest, value)
    row[WITHIN_SUM] += total
    row[LARGEST_WITHIN] = largest


@numba.njit(nogil=True, cache=True, fastmath=_ANY_ORDER)
def _between(distances: NDArray[np.float64], row: NDArray[np.float64]) -> None:
    """Add pairs across clusters to a row of figures."""
    total, smallest = 0.0, row[SMALLEST_BETWEEN]
    for value in distances:
        total += value
        smallest = min(smallest, value)
    row[BETWEEN_SUM] += total
    row[SMALLEST_BETWEEN] = smallest


@numba.njit(nogil=True, cache=True, fastmath=_ANY_ORDER)
def _bracket(distances: NDArray[np.float64], low: float, high: float, row: NDArray[np.float64]) -> int:
    """Count pairs below, up to `low` and up to `high`, sum those below; return how many lie between."""
    below, upto, inside, upto_end, total = 0, 0, 0, 0, 0.0
    for value in distances:
        below += value < low
        upto += value <= low
        inside += (value > low) & (value < high)
        upto_end += value <= high
        total += value if value < low else 0.0
    row[0] += below
    row[1] += upto
    row[2] += upto_end
    row[3] += total
    return inside


@numba.njit(nogil=True, cache=True)
def _keep(
    distances: NDArray[np.float64], low: float, high: float, kept: NDArray[np.float64], count: int
) -> None:
    """Store the distances strictly between `low` and `high` from kept[count] on."""
    for value in distances:
        kept[count] = value
        count += (value > low) & (value < high)


@numba.njit(nogil=True, cache=True)
def tally_rows(
    columns: NDArray[np.float64],
    ends: NDArray[np.int64],
    start: int,
    stop: int,
    brackets: NDArray[np.float64],
    figures: NDArray[np.float64],
    kept: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Figures of all pairs (i, j) with start <= i < stop and j > i.

    Parameters
    ----------
    columns : (features, n) float64
        Points sorted by cluster, one a column.
    ends : (n,) int64
        For each point, where its cluster ends in that order.
    brackets : (2, 2) float64
        Two open intervals of distance; the distances in them are kept.
    figures : (stop - start, COLUMNS) float64
        Receives the figures of each row.
    kept : (2, capacity) float64
        Receives the distances in each bracket, as long as there is room.

    Returns
    -------
    (2,) int64 : distances in each bracket. With more than capacity - TILE of them, `kept` is not complete.
    """
    n = columns.shape[1]
    buffer = np.empty(TILE)
    counts = np.zeros(2, np.int64)
    figures[:] = 0.0
    figures[:, SMALLEST_BETWEEN] = np.inf
    for left in range(start + 1, n, TILE):
        right = min(left + TILE, n)
        for i in range(start, min(stop, right - 1)):
            first = max(left, i + 1)
            _distances(columns, i, first, right, buffer)
            distances, row = buffer[: right - first], figures[i - start]
            split = min(max(ends[i] - first, 0), right - first)
            _within(distances[:split], row)
            _between(distances[split:], row)
            for b in range(2):
                low, high = brackets[b]
                inside = _bracket(distances, low, high, row[LOW_BELOW + 4 * b : LOW_BELOW + 4 * b + 4])
                if inside > 0 and counts[b] + right - first <= kept.shape[1]:
                    _keep(distances, low, high, kept[b], counts[b])
                counts[b] += inside
    return counts


@numba.njit(nogil=True, cache=True)
def pair_distances(
    points: NDArray[np.float64], i: NDArray[np.int64], j: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Distances of the listed pairs of (n, features) points."""
    distances = np.empty(len(i))
    for p in range(len(i)):
        total = 0.0
        for f in range(points.shape[1]):
            difference = points[i[p], f] - points[j[p], f]
            total += difference * difference
        distances[p] = np.sqrt(total)
    return distances
