"""One space for every number of clusters: what is taught once a seed, kept, and compared at each K.

n patches, f features, s stains, i px a side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.atomic import atomic_file
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.model.confidence import regions_of
from napari_histoclust.core.reading import load_npz
from napari_histoclust.core.validation.k_choice import Clustering
from napari_histoclust.core.validation.resampling import (
    Resampled,
    measure_repeats,
    resample,
    resample_structureless,
    shuffled,
)

if TYPE_CHECKING:
    from napari_histoclust.core.model.bundle import Model
    from napari_histoclust.core.model.find_clusters import Taught
    from napari_histoclust.core.model.spec import ModelSpec

_PARTS = 5
"""The patch itself, and those left, above, right and below."""


@dataclass(frozen=True, eq=False)
class Space:
    """The space of one seed, the same with the patches at shuffled places, and points without structure."""

    tissue: Resampled
    shuffled: Resampled
    structureless: Resampled


def teach_space(
    train: Callable[[], Job[Model]],
    spec: ModelSpec,
    pixels: NDArray[np.uint8],
    places: NDArray[np.float64] | None,
    path: Path,
    seed: int,
) -> Job[Space]:
    """Train the encoders of a seed, or read what they said of the patches, and resample the tissue.

    Parameters
    ----------
    train : callable
        Returns the job that trains; it is run only where `path` does not lie there yet.
    spec : ModelSpec
    pixels : (n, 3 s, 2 i, 2 i) uint8
        Patches as the encoders take them.
    places : (n, 3) float64 or None
        Slide, y and x of each, in sides of a patch; without them a patch is a region by itself.
    path : Path
        Keeps what the encoders said.
    seed : int

    Raises
    ------
    HistoclustError
        If `path` is damaged or of other patches, or if the training fails.
    """
    if not path.is_file():
        model = yield from train()
        said = yield from _teach(model, pixels)
        parts = np.stack([said.features, *np.split(said.first, 2), *np.split(said.second, 2)])
        grouped = parts.reshape(*parts.shape[:2], said.groups, -1).astype(np.float32)
        with atomic_file(path, own=True) as partial, partial.open("wb") as stream:
            np.savez(stream, said=grouped, on_tissue=said.on_tissue)
    taught = _read(path, len(pixels))
    regions = np.arange(len(pixels)) if places is None else regions_of(places)
    tissue = yield from resample(taught, spec.latent, regions, seed)
    anywhere, mixed = shuffled(taught, regions, seed)
    elsewhere = yield from resample(anywhere, spec.latent, mixed, seed)
    return Space(tissue, elsewhere, resample_structureless(tissue.places, seed))


def _teach(model: Model, pixels: NDArray[np.uint8]) -> Job[Taught]:
    import torch

    from napari_histoclust.core.model.devices import choose_device
    from napari_histoclust.core.model.find_clusters import teach
    from napari_histoclust.core.model.neighbours import NeighbourNetwork

    network, device = model.network(), choose_device(model.spec.settings)
    assert isinstance(network, NeighbourNetwork), "the autoencoder has a space for each K"
    codes = torch.from_numpy(np.require(pixels, requirements="W"))
    return (yield from teach(network.to(device), codes, np.arange(len(pixels)), device))


def _read(path: Path, patches: int) -> Taught:
    from napari_histoclust.core.model.find_clusters import Taught

    try:
        kept = load_npz(path)
        said, on_tissue = kept["said"], kept["on_tissue"]
    except (HistoclustError, KeyError) as error:
        raise HistoclustError(f"{path}: is damaged, delete it to learn it anew.") from error
    fits = said.ndim == 4 and said.shape[:2] == (_PARTS, patches) and on_tissue.shape == (2 * patches,)
    if not fits or not np.isfinite(said).all():
        raise HistoclustError(f"{path}: is of other patches, delete it to learn it anew.")
    own, left, above, right, below = said.reshape(_PARTS, patches, -1).astype(np.float64)
    first, second = np.concatenate([left, above]), np.concatenate([right, below])
    return Taught(own, first, second, said.shape[2], on_tissue)


def cluster(space: Space, k: int, seed: int) -> Job[list[Clustering]]:
    """Find k clusters in the space and measure how well they repeat, beside both nulls.

    Returns
    -------
    list of Clustering
        Of the tissue ("common"), at shuffled places ("shuffled") and of structureless points ("null");
        indices are not among their values yet.
    """
    found = []
    for series, resampled in (
        ("common", space.tissue),
        ("shuffled", space.shuffled),
        ("null", space.structureless),
    ):
        yield Progress("Finding clusters")
        labels = resampled.labels(k, seed)
        repeats = yield from measure_repeats(resampled, labels, k, seed)
        found.append(Clustering(k, seed, labels, {}, {series: repeats}))  # type: ignore[dict-item]
    return found
