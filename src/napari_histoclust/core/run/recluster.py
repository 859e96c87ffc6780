"""Divide some patches of a run into parts that look different to the model."""

from __future__ import annotations

import warnings
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.run.columns import read_rows
from napari_histoclust.core.run.reader import open_latent

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run

MOST_PARTS = 8

_STARTS = 5
_STEPS, _ROUNDS = 10, 30  # of Lloyd between two yields, 0.2 s, and how often at most
_FITTED_AT_MOST = 20_000  # the centres of more patches than these hardly move
_BLOCK = 65_536  # rows assigned between two yields


def recluster(run: Run, rows: NDArray[np.integer[Any]], parts: int, seed: int = 765) -> Job[NDArray[np.intp]]:
    """Divide patches by k-means on their latent vectors.

    Lloyd's k-means with k-means++ starts (scikit-learn), the best of five by its sum of squares, on the
    latent vectors of the chosen rows alone; nothing is scaled, so that distances mean what they mean to the
    indices of validation. Above 20,000 rows the centres come from a random 20,000 and every row goes to its
    nearest centre.

    Parameters
    ----------
    run : Run
    rows : (m,) integers
        Patch ids, rising.
    parts : int
        2 to 8.
    seed : int
        Start of the random choices.

    Returns
    -------
    (m,) int
        Part of each row, numbered by falling size: 0 is the largest. Fewer parts come out where fewer rows
        differ.

    Raises
    ------
    HistoclustError
        If there are fewer rows than parts, or all are alike.
    """
    if not 2 <= parts <= MOST_PARTS:
        raise ValueError(f"{parts} parts: 2 to {MOST_PARTS}")
    if len(rows) < parts:
        raise HistoclustError(f"Split: {len(rows)} patches cannot be divided into {parts} parts.")
    latent = yield from _read_latent(run, np.asarray(rows))
    centres = yield from _centres(latent, parts, seed)
    nearest = np.empty(len(latent), np.intp)
    for start in range(0, len(latent), _BLOCK):
        yield Progress("Dividing patches", start, len(latent))
        nearest[start : start + _BLOCK] = _nearest(latent[start : start + _BLOCK], centres)
    if nearest.max() == nearest.min():
        raise HistoclustError("Split: these patches look alike to the model and cannot be divided.")
    return _by_size(nearest, parts)


def _read_latent(run: Run, rows: NDArray[np.integer[Any]]) -> Job[NDArray[np.float32]]:
    """Read the latent vectors of these rows; chunks of the store without any of them are left alone."""
    stored = open_latent(run)
    latent, step = np.empty((len(rows), stored.shape[1]), np.float32), stored.chunks[0]
    for start in range(0, stored.shape[0], step):
        first, last = np.searchsorted(rows, (start, start + step))
        if first < last:
            yield Progress("Reading patches", int(first), len(rows))
            latent[first:last] = _chunk(stored, start)[rows[first:last] - start]
    return latent


def _chunk(stored: Any, start: int) -> NDArray[np.float32]:
    return read_rows(stored, start, min(start + stored.chunks[0], stored.shape[0]))


def _centres(latent: NDArray[np.float32], parts: int, seed: int) -> Job[NDArray[np.float32]]:
    """Find the (parts, f) centres."""
    fitted = latent
    if len(latent) > _FITTED_AT_MOST:
        chosen = np.random.default_rng(seed).choice(len(latent), _FITTED_AT_MOST, replace=False)
        fitted = latent[np.sort(chosen)]
    found = []
    for start in range(_STARTS):
        found.append((yield from _one_start(fitted, parts, seed + start, start)))
    return min(found, key=itemgetter(0))[1]


def _one_start(
    latent: NDArray[np.float32], parts: int, seed: int, start: int
) -> Job[tuple[float, NDArray[np.float32]]]:
    """Return the sum of squares and the centres, after as many short rounds as it takes."""
    from sklearn.cluster import KMeans

    centres: Any = "k-means++"
    model: Any = None
    for _ in range(_ROUNDS):
        yield Progress("Searching parts", start, _STARTS)
        model = KMeans(parts, init=centres, n_init=1, max_iter=_STEPS, random_state=seed % 2**32)
        _fit(model, latent)
        centres = model.cluster_centers_
        if model.n_iter_ < _STEPS:
            break
    return float(model.inertia_), np.asarray(centres, np.float32)


def _fit(model: Any, latent: NDArray[np.float32]) -> None:
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ConvergenceWarning
        )  # fewer different rows than parts: looked at later
        model.fit(latent)


def _nearest(latent: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the nearest centre of each row: |x - c|^2 without |x|^2, which all centres share."""
    return np.asarray(np.argmin((centres**2).sum(1) - 2 * latent @ centres.T, axis=1), np.intp)


def _by_size(labels: NDArray[np.intp], parts: int) -> NDArray[np.intp]:
    """Number the parts by falling size."""
    rank = np.empty(parts, np.intp)
    rank[np.argsort(-np.bincount(labels, minlength=parts), kind="stable")] = np.arange(parts)
    return rank[labels]
