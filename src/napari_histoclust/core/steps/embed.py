"""The patches laid out in the plane by UMAP, near ones near."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.validation.indices import sample_rows

if TYPE_CHECKING:
    from umap import UMAP

FIT_AT_MOST = 50_000
NEIGHBOURS = 15
"""umap-learn's default, as the paper uses it."""
CHUNK = 20_000
"""Patches placed at a time; above 10,000 umap-learn takes 30 passes instead of 100, half the time a patch."""
_FEWEST = 5
"""Below this there is no neighbourhood to keep, and the principal plane is shown."""
_FEW = 50
"""Below this umap-learn's spectral start asks for as many eigenvectors as there are points and warns."""


def embed(
    latent: NDArray[np.floating], seed: int = 765, fit_at_most: int = FIT_AT_MOST
) -> Job[NDArray[np.float32]]:
    """Lay patches out in the plane by UMAP.

    Parameters
    ----------
    latent : (n, f) array
        Features, one row a patch.
    seed : int
        Start of all random choices: the same latent and seed give the same picture on one machine.
    fit_at_most : int
        UMAP is fitted on a seeded choice of at most so many patches; the others are placed into it.

    Returns
    -------
    (n, 2) float32.

    Raises
    ------
    HistoclustError
        If a feature is not finite.

    Notes
    -----
    umap-learn (McInnes, Healy & Melville 2018) with its defaults. Fitting cannot be interrupted: a job closed
    meanwhile ends when it returns.
    """
    points = np.asarray(latent, np.float32)
    if not np.isfinite(points).all():
        row = int(np.argwhere(~np.isfinite(points))[0, 0])
        raise HistoclustError(f"Patch {row} has features that are not finite: map the slide again.")
    if not len(points) or not np.ptp(points, axis=0).any():
        return np.zeros((len(points), 2), np.float32)
    if len(points) < _FEWEST:
        return _principal_plane(points)
    yield Progress("Loading UMAP (compiles for up to a minute at its first use)")
    rows = sample_rows(len(points), fit_at_most, seed)
    model = _make_umap(len(rows), seed)
    yield Progress(f"Fitting UMAP on {len(rows)} patches (cannot be interrupted)")
    with _quiet():
        fitted = model.fit_transform(points[rows])
    placed = np.empty((len(points), 2), np.float32)
    placed[rows] = fitted
    yield from _place_others(model, points, np.setdiff1d(np.arange(len(points)), rows), placed)
    return placed


def _principal_plane(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Project on the two directions of largest spread."""
    centred = points - points.mean(axis=0)
    directions = np.linalg.svd(centred, full_matrices=False)[2][:2]
    plane = np.zeros((len(points), 2), np.float32)
    plane[:, : len(directions)] = centred @ directions.T
    return plane


def _make_umap(n: int, seed: int) -> UMAP:
    """UMAP with its defaults, but for what a small number of points forbids."""
    with _quiet():
        from umap import UMAP

    small: dict[str, Any] = {"init": "random"} if n < _FEW else {}
    # One job is what a seed means to umap-learn; with its default it does the same and warns.
    return UMAP(n_neighbors=min(NEIGHBOURS, n - 1), random_state=seed, n_jobs=1, **small)


def _place_others(
    model: UMAP, points: NDArray[np.float32], others: NDArray[np.int64], placed: NDArray[np.float32]
) -> Job[None]:
    for start in range(0, len(others), CHUNK):
        yield Progress("Placing the other patches", start, len(others))
        chunk = others[start : start + CHUNK]
        with _quiet():
            placed[chunk] = model.transform(points[chunk])


class _quiet(warnings.catch_warnings):  # noqa: N801 - a context manager, used as a verb
    """Silence what umap-learn and its libraries say about themselves, not about the user's data."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.filterwarnings("ignore", module=r"(umap|sklearn|pynndescent|scipy|numba)(\..*)?$")
        # A picture in several islands is the rule here, not a fault.
        warnings.filterwarnings("ignore", message="Graph is not fully connected")
