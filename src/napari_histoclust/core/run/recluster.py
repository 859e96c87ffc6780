"""Sort the patches of a run anew without a look at their pixels: into another K, or some of them into parts.

Another K is an edit like a merge or a split: the run stays as it was mapped.
"""

from __future__ import annotations

import warnings
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError, SettingError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.model.posterior import Scores, probabilities_of, scores_of
from napari_histoclust.core.model.solutions import Solutions, load_solutions
from napari_histoclust.core.run.columns import read_rows
from napari_histoclust.core.run.edits import ClusterEdits, edited, load_edits, save_edits, unedited
from napari_histoclust.core.run.lineage import Lineage, Looks, Said
from napari_histoclust.core.run.reader import open_latent, open_run, read_latent

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run

MOST_PARTS = 8

NO_SOLUTIONS = (
    "the model of this run knows its own number of clusters only: train one with the robust preset of this "
    "version to choose another."
)

_STARTS = 5
_STEPS, _ROUNDS = 10, 30  # of Lloyd between two yields, 0.2 s, and how often at most
_FITTED_AT_MOST = 20_000  # the centres of more patches than these hardly move
_BLOCK = 65_536  # rows assigned between two yields
_PIECE = 8_192  # rows whose probabilities for 40 clusters stay in the cache


class EveryK:
    """The labels of a run for each number of clusters that its model knows.

    Parameters
    ----------
    run : Run
        As it was mapped, whole.
    solutions : Solutions
        Those of its model.
    latent : (n, d) float32
        Places of its patches in the metric.
    """

    def __init__(self, run: Run, solutions: Solutions, latent: NDArray[np.float32]) -> None:
        self.run, self.solutions, self.own = run, solutions, len(run.clusters)
        self._latent = latent
        self._lineage = Lineage(run.clusters, solutions.parents)
        self._found = {self.own: Scores(run.labels, run.confidence, run.entropy)}

    def at(self, k: int) -> Scores:
        """Return labels, confidence and entropy for K = `k`, to the bit as a model of that K maps them."""
        if k not in self._found:
            self._found[k] = self.computed(k)
        return self._found[k]

    def computed(self, k: int) -> Scores:
        """Return the same, computed now."""
        centres, confidence = self.solutions.centres_of(k), self.solutions.confidence_of(k)
        n = len(self._latent)
        found = Scores(np.empty(n, np.int16), np.empty(n, np.float32), np.empty(n, np.float32))
        for start in range(0, n, _PIECE):
            rows = slice(start, start + _PIECE)
            piece = scores_of(probabilities_of(self._latent[rows], centres, confidence))
            found.labels[rows], found.confidence[rows], found.entropy[rows] = piece
        for column in found:
            column.setflags(write=False)
        return found

    def edited(self, edits: ClusterEdits, k: int) -> ClusterEdits:
        """Return the clusters for K = `k`; names and marks are carried, merges and splits are not."""
        said = self._said(edits)
        looks, scores = self._lineage.looks(k, said), self.at(k)
        is_own = k == self.own
        return ClusterEdits(
            looks.names,
            looks.colours,
            tuple(range(1, k + 1)),
            looks.hidden,
            looks.artefacts,
            scores.labels,
            k=0 if is_own else k,
            said=said,
            **({} if is_own else {"confidence": scores.confidence, "entropy": scores.entropy}),
        )

    def looks(self, edits: ClusterEdits) -> dict[int, Looks]:
        """Return how the clusters look for each K, from what is shown at one."""
        said = self._said(edits)
        return {k: self._lineage.looks(k, said) for k in self.solutions.ks}

    def _said(self, edits: ClusterEdits) -> tuple[Said, ...]:
        """Return all that was said of clusters, that at the present K included."""
        k = edits.k or self.own
        base = range(1, k + 1)
        now = Looks(
            edits.names[:k],
            edits.colours[:k],
            edits.hidden.intersection(base),
            edits.artefacts.intersection(base),
        )
        return self._lineage.heard(k, edits.said, now)

    def handiwork(self, edits: ClusterEdits) -> str:
        """Return what another K would lose, such as "merges and splits"; empty if nothing."""
        merged = edits.shown_as != tuple(range(1, len(edits.shown_as) + 1))
        split = len(edits.names) > (edits.k or self.own)
        return " and ".join([*(["merges"] if merged else []), *(["splits"] if split else [])])


def hindrance_of(run: Run) -> str:
    """Return why the run cannot be sorted into another K, empty if it can; reads no more than a header.

    Raises
    ------
    HistoclustError
        If its model is damaged.
    """
    solutions = load_solutions(run.path / "model")
    is_known = solutions is not None and len(run.clusters) in solutions.ks
    return "" if is_known and run.store_rows is None else NO_SOLUTIONS


def every_k(run: Run) -> Job[EveryK]:
    """Read what another number of clusters needs: the model's solutions and the patches' places.

    Raises
    ------
    HistoclustError
        If the run's model has no solutions, or is damaged.
    """
    solutions = load_solutions(run.path / "model")
    if solutions is None or len(run.clusters) not in solutions.ks or run.store_rows is not None:
        raise HistoclustError(f"{run.path}: {NO_SOLUTIONS}")
    latent = yield from read_latent(run)
    if latent.shape[1:] != solutions.centres[0].shape[1:]:
        raise HistoclustError(f"{run.path}: its model is not the one that mapped it, map the slide again.")
    return EveryK(run, solutions, latent)


def change_k(folder: Path, k: int, *, drop: bool = False) -> Job[Run]:
    """Sort a run into another number of clusters, on top of what was saved of it, and save that.

    Parameters
    ----------
    folder : Path
        The run folder.
    k : int
    drop : bool
        Whether merges and splits that were saved may go.

    Returns
    -------
    Run
        As it now shows.

    Raises
    ------
    HistoclustError
        If the run has no solution for `k`, or merges and splits would be lost.
    """
    run = open_run(folder)
    every = yield from every_k(run)
    ks = every.solutions.ks
    if k not in ks:
        raise SettingError("{clusters} {}: the model of {} knows {} to {}.", k, folder, ks[0], ks[-1])
    before = load_edits(run) or unedited(run)
    lost = every.handiwork(before)
    if lost and not drop and k != (before.k or every.own):
        raise SettingError(
            "{}: holds {} made in the window, which another number of clusters would lose: give {drop_edits} "
            "if they may go.",
            folder,
            lost,
        )
    edits = every.edited(before, k)
    save_edits(folder, edits)
    return edited(run, edits)


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
