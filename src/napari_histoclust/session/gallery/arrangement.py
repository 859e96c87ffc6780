"""In which order patches are looked at, and which lie next to a patch in latent space."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.run.reader import LatentSpace
from napari_histoclust.core.run.run import Run

Ids = NDArray[np.intp]

SAMPLE = 2000
"""Patches among which a medoid is sought: all pairs of them take 0.1 s."""

NEIGHBOURS = 100
"""Nearest patches that are shown of one."""

_BLOCK = 4096  # rows of latent at a time: 2 MB stay in the processor's cache
_SEED = 0


class Order(StrEnum):
    """In which order the chosen patches come."""

    TYPICAL = "typical"
    CONFIDENT = "confident"
    DOUBTFUL = "doubtful"
    RANDOM = "random"


NAMES = {
    Order.TYPICAL: "Most typical",
    Order.CONFIDENT: "Most confident",
    Order.DOUBTFUL: "Most doubtful",
    Order.RANDOM: "Random",
}
TIPS = {
    Order.TYPICAL: "Nearest to the middle (medoid) of the chosen patches in latent space first",
    Order.CONFIDENT: "Largest probability of its own cluster first",
    Order.DOUBTFUL: "Smallest probability of its own cluster first: between two clusters",
    Order.RANDOM: "Shuffled, the same way each time: a fair sample of what was chosen",
}
NO_RUN = "Map a slide or open a run: the patches that you choose are shown here, every stain of each."
NOTHING_CHOSEN = (
    "Choose patches in the plot, on the tissue or in the table of clusters, or click on a single one to see "
    "those that are most like it."
)


@dataclass(frozen=True, eq=False)
class Arrangement:
    """Patches in order.

    Parameters
    ----------
    ids : (n,) patch ids
    title : str
        What they are; where there are none, what to do.
    of_selection : bool
        Whether they are the chosen ones, which have an order; else the neighbours of one.
    """

    ids: NDArray[np.intp]
    title: str
    of_selection: bool = True


def ordered(space: LatentSpace, ids: Ids, order: Order, scores: Run | None = None) -> Job[Ids]:
    """Put patches in order; equal ones stay in the order of `ids`.

    Parameters
    ----------
    space : LatentSpace
        Of the labelled patches.
    ids : (m,) patch ids
    order : Order
        `TYPICAL`: nearest to the medoid of `ids` in latent space first. `CONFIDENT` and `DOUBTFUL`: largest
        and smallest probability of the own cluster first, among equals the lower and the higher entropy.
        `RANDOM`: shuffled, the same way each time.
    scores : Run, optional
        The run as it is shown, if with another number of clusters than it was mapped with.

    Returns
    -------
    (m,) patch ids
    """
    yield Progress("Sorting patches")
    if order is Order.TYPICAL:
        return (yield from _typical_first(space, ids))
    if order is Order.RANDOM:
        return np.random.default_rng(_SEED).permutation(ids)
    sign = -1 if order is Order.CONFIDENT else 1
    run = scores or space.run
    return ids[np.lexsort((-sign * run.entropy[ids], sign * run.confidence[ids]))]


def neighbours(space: LatentSpace, patch: int, count: int = NEIGHBOURS) -> Job[Ids]:
    """Return `patch` and the `count` patches nearest to it in latent space, nearest first."""
    latent = yield from space.load()
    distance = yield from _distances(latent, np.arange(len(latent)), latent[patch])
    distance[patch] = -1  # before its duplicates
    count = min(count + 1, len(distance))
    nearest = np.argpartition(distance, count - 1)[:count]
    return nearest[np.lexsort((nearest, distance[nearest]))]


def medoid(latent: NDArray[np.float32], ids: Ids) -> int:
    """Return the patch of `ids` with the smallest sum of distances to the others.

    Of more than `SAMPLE` patches, as many are drawn, the same ones each time, and the medoid of these is
    returned: 5,000,000,000 distances among 100,000 would be a matter of minutes.
    """
    if len(ids) > SAMPLE:
        ids = np.random.default_rng(_SEED).choice(ids, SAMPLE, replace=False)
    points = latent[ids].astype(np.float64)
    squares = np.einsum("ij,ij->i", points, points)
    pairs = squares[:, None] + squares - 2 * points @ points.T
    np.fill_diagonal(pairs, 0)
    return int(ids[np.sqrt(pairs.clip(0)).sum(axis=1).argmin()])


def _typical_first(space: LatentSpace, ids: Ids) -> Job[Ids]:
    latent = yield from space.load()
    if not len(ids):
        return ids
    centre = latent[medoid(latent, ids)]
    distance = yield from _distances(latent, ids, centre)
    return ids[np.argsort(distance, kind="stable")]


def _distances(
    latent: NDArray[np.float32], ids: Ids, point: NDArray[np.float32]
) -> Generator[Progress, None, NDArray[np.float32]]:
    """(m,) squared distances of patches to a point."""
    distance = np.empty(len(ids), np.float32)
    for start in range(0, len(ids), _BLOCK):
        apart = latent[ids[start : start + _BLOCK]] - point
        distance[start : start + _BLOCK] = np.einsum("ij,ij->i", apart, apart)
        yield Progress("Measuring distances", min(start + _BLOCK, len(ids)), len(ids))
    return distance


def arrange_chosen(space: LatentSpace, ids: Ids, order: Order, scores: Run | None = None) -> Job[Arrangement]:
    """Put chosen patches in order, as `ordered` does."""
    sorted_ids = yield from ordered(space, ids, order, scores)
    return Arrangement(sorted_ids, title_of(len(ids), order))


def arrange_nearest(space: LatentSpace, patch: int) -> Job[Arrangement]:
    """Put the patches nearest to one in order."""
    ids = yield from neighbours(space, patch)
    count = min(NEIGHBOURS, len(ids) - 1)
    return Arrangement(ids, f"Patch {patch} and the {count} nearest to it in latent space", False)


def title_of(count: int, order: Order) -> str:
    """Return how many patches there are, and in which order."""
    patches = "chosen patch" if count == 1 else "chosen patches"
    first = "in random order" if order is Order.RANDOM else f"{NAMES[order].lower()} first"
    return f"{count:,} {patches}, {first}"
