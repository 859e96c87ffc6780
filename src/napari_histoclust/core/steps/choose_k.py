"""How many clusters? One model for each K and seed, and the figures that can be compared between them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from napari_histoclust.core.atomic import atomic_file, check_place, read_json, write_json
from napari_histoclust.core.config import FitSettings
from napari_histoclust.core.errors import HistoclustError, SettingError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.one_writer import LOCK
from napari_histoclust.core.steps.one_space import Space, cluster, teach_space
from napari_histoclust.core.validation.baseline import kmeans_labels
from napari_histoclust.core.validation.indices import defined_indices
from napari_histoclust.core.validation.k_choice import Clustering, KChoice, Series, summarise
from napari_histoclust.core.validation.space import DESCRIPTION, common_space, structureless

if TYPE_CHECKING:
    from torch import Tensor

    from napari_histoclust.core.model.bundle import Model
    from napari_histoclust.core.model.spec import ModelSpec

T = TypeVar("T")

FITS = "fits"
INPUTS = "inputs.json"
_NULL_SEED = 20_000
"""Seed of the structureless points: the same ones for every k-means, whose stability is asked."""


def choose_k(
    pixels: NDArray[np.uint8] | Tensor,
    spec: ModelSpec,
    settings: FitSettings,
    ks: Sequence[int],
    seeds: Sequence[int],
    folder: Path,
    codes: NDArray[np.uint8] | None = None,
    places: NDArray[np.float64] | None = None,
) -> Job[KChoice]:
    """Cluster the same patches with each K and seed and compare the clusterings.

    The paper's method trains a model for each K and seed; where neighbours teach, the space does not depend
    on K: it is learned once a seed, each K is a k-means in it, and how well the clusters repeat in halves and
    bootstraps of the tissue decides which K stand (`core/validation/k_range.py`).

    Each finished model leaves its labels and indices in `folder`/fits, a model under way its checkpoint, so
    that the same call goes on where it stopped, and a call with more K or seeds adds to what is there.

    Parameters
    ----------
    pixels : (n, 3 s, i + 2 m, i + 2 m) uint8
        The sampled patches as they are on the slide.
    spec : ModelSpec
        Stains, patch size and scale of the models; its number of clusters is replaced.
    settings : FitSettings
        How each model is trained; clusters and seed are replaced.
    ks, seeds : sequence of int
        Numbers of clusters and seeds.
    folder : Path
        Receives choose_k.csv, choose_k.json, indices.png and the finished parts.
    codes : array of the same shape, optional
        The patches as `train` takes them, where that is something else.
    places : (n, 3) float64, optional
        Slide, y and x of each, in sides of a patch: which patches lie in one region.

    Raises
    ------
    HistoclustError
        If `folder` holds something else or parts of other patches or settings, or if a training fails.
    """
    given: NDArray[np.uint8] = np.asarray(pixels)
    ks, seeds = sorted(set(ks)), list(dict.fromkeys(seeds))
    if not ks or not seeds:
        raise HistoclustError("choose-k: give at least one number of clusters and one seed.")
    from napari_histoclust.core.model.augment import inner

    settings.model_copy(update={"clusters": ks[-1]}).check()
    yield Progress("Checking what is there")
    _claim(folder, given, spec, settings)
    space = yield from common_space(inner(given, spec.input_px))
    taught = given if codes is None else codes
    comparison = _Comparison(taught, spec, settings, folder / FITS, space, places)
    clusterings: list[Clustering] = []
    order = [(k, seed) for k, seed in product(ks, seeds)]
    if settings.method == "neighbours":
        order.sort(key=lambda part: seeds.index(part[1]))  # one space after the other
    for number, (k, seed) in enumerate(order, start=1):
        where = f"K = {k}, seed {seed} ({number} of {len(ks) * len(seeds)})"
        clusterings += yield from _prefixed(where, comparison.part(k, seed))
    details = _details(spec, settings, space)
    choice = KChoice(tuple(ks), tuple(seeds), len(given), summarise(clusterings), details)
    yield Progress("Drawing the curves")
    _write(choice, folder)
    return choice


def _prefixed(where: str, job: Job[T]) -> Job[T]:
    """Say before each text of the job where in the whole it stands."""
    try:
        while True:
            progress = next(job)
            yield replace(progress, text=f"{where}: {progress.text}")
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        job.close()


def _details(spec: ModelSpec, settings: FitSettings, space: NDArray[np.float32]) -> dict[str, Any]:
    return {
        "stains": list(spec.stains),
        "common_space": {"features": DESCRIPTION, "axes": space.shape[1]},
        "settings": settings.model_dump(mode="json", exclude={"clusters", "seed"}),
    }


def _claim(folder: Path, pixels: NDArray[np.uint8], spec: ModelSpec, settings: FitSettings) -> None:
    """Make the folder ours, or see that it already is, for the same patches and settings."""
    from napari_histoclust.core.model.identity import checksum_of_pixels, settings_identity

    document = {
        "format": 2 if settings.method == "neighbours" else 1,  # 1 kept no pairs of neighbours
        "patches": checksum_of_pixels(pixels),
        "stains": list(spec.stains),
        "settings": settings_identity(settings, "clusters", "seed"),
    }
    path = folder / FITS / INPUTS
    if path.is_file():
        before = read_json(path)
        with suppress(ValidationError, LookupError, TypeError):  # damaged: not the same
            stored = FitSettings.model_validate(before["settings"])  # other versions know other settings
            before["settings"] = settings_identity(stored, "clusters", "seed")
        if before != document:
            raise SettingError(
                "{}: compares models of other patches or settings: give {out} another folder.", folder
            )
        return
    check_comparison_folder(folder)
    write_json(path, document)


def check_comparison_folder(folder: Path) -> None:
    """Raise HistoclustError if `folder` holds something else than a comparison, or cannot be written."""
    check_place(folder)
    if not folder.exists() or (folder / FITS / INPUTS).is_file():
        return
    # what a kill leaves before INPUTS has its name is a folder with hidden files alone
    inside = {path.name for path in folder.iterdir()} - {LOCK} if folder.is_dir() else {""}
    begun = [path.name for path in (folder / FITS).iterdir()] if inside == {FITS} else []
    if inside - {FITS} or not all(name.startswith(".partial-") for name in begun):
        raise SettingError("{}: holds something else: give {out} a new or empty folder.", folder)


@dataclass(frozen=True, eq=False)
class _Comparison:
    """What all parts of a comparison have in common."""

    pixels: NDArray[np.uint8]
    spec: ModelSpec
    settings: FitSettings
    folder: Path
    space: NDArray[np.float32]
    places: NDArray[np.float64] | None
    spaces: dict[int, Space] = field(default_factory=dict)

    @cached_property
    def structureless(self) -> NDArray[np.float32]:
        """(n, axes) points without clusters."""
        return structureless(self.space, _NULL_SEED)

    def part(self, k: int, seed: int) -> Job[list[Clustering]]:
        """Our model, k-means and k-means on structureless points; kept when done, and then only read."""
        path = self.folder / f"k{k:03d}_seed{seed}.json"
        checkpoint = path.with_suffix(".checkpoint")
        if path.is_file():
            checkpoint.unlink(missing_ok=True)  # a kill after the part had its name
            return _read_part(path, len(self.pixels))
        parts = [
            (yield from _kmeans("kmeans", self.space, k, seed)),
            (yield from _kmeans("null", self.structureless, k, seed)),
        ]
        if self.settings.method == "neighbours":
            parts = yield from self._cluster(k, seed, *parts)
        else:
            parts = [(yield from self._fit(k, seed, checkpoint)), *parts]
        write_json(path, [_as_document(part) for part in parts])
        checkpoint.unlink(missing_ok=True)
        return parts

    def _fit(self, k: int, seed: int, checkpoint: Path) -> Job[Clustering]:
        import torch

        from napari_histoclust.core.model.augment import inner
        from napari_histoclust.core.model.encode import Encoder

        model = yield from self._train(k, seed, checkpoint)
        yield Progress("Labelling the patches")
        patches = inner(self.pixels, self.spec.input_px)
        pixels = torch.from_numpy(np.require(patches, requirements=["C", "W"]))
        encoded = Encoder(model, model.spec.settings).encode_pixels(pixels)
        return (yield from self._with_indices(Clustering(k, seed, encoded.labels, {}), encoded.latent))

    def _cluster(self, k: int, seed: int, kmeans: Clustering, null: Clustering) -> Job[list[Clustering]]:
        """Find k clusters in the space of a seed, which is learned at the first K and kept."""
        if seed not in self.spaces:
            self.spaces.clear()  # one at a time: it holds the places of all patches many times over
            path = self.folder / f"space_seed{seed}.npz"
            checkpoint = path.with_suffix(".checkpoint")
            self.spaces[seed] = yield from teach_space(
                lambda: self._train(self.settings.clusters, seed, checkpoint),
                self.spec, self.pixels, self.places, path, seed,
            )  # fmt: skip
            checkpoint.unlink(missing_ok=True)
        space = self.spaces[seed]
        ours, elsewhere, without = yield from cluster(space, k, seed)
        ours = yield from self._with_indices(ours, space.tissue.places)
        return [ours, elsewhere, kmeans, replace(null, repeats=without.repeats)]

    def _train(self, k: int, seed: int, checkpoint: Path) -> Job[Model]:
        from napari_histoclust.core.model.train import train

        settings = self.settings.model_copy(update={"clusters": k, "seed": seed})
        spec = self.spec.model_copy(update={"clusters": k, "settings": settings})
        return (yield from train(self.pixels, spec, settings, checkpoint))

    def _with_indices(self, part: Clustering, points: NDArray[np.floating]) -> Job[Clustering]:
        own = yield from defined_indices(points, part.labels)
        common = yield from defined_indices(self.space, part.labels)
        return replace(part, values={"own": own.values, "common": common.values})


def _read_part(path: Path, patches: int) -> list[Clustering]:
    """Read what is known of one K and seed."""
    documents = read_json(path)
    try:
        parts = [_from_document(document) for document in documents]
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise HistoclustError(f"{path}: is damaged, delete it to compute it anew.") from error
    if any(len(part.labels) != patches for part in parts):
        raise HistoclustError(f"{path}: is of other patches, delete it to compute it anew.")
    return parts


def _kmeans(series: Series, points: NDArray[np.float32], k: int, seed: int) -> Job[Clustering]:
    """One start of k-means, as one training has one start: its spread over seeds is then comparable."""
    labels = yield from kmeans_labels(points, k, seed, restarts=1)
    indices = yield from defined_indices(points, labels)
    return Clustering(k, seed, labels, {series: indices.values})


def _as_document(part: Clustering) -> dict[str, Any]:
    values = {series: dict(figures) for series, figures in part.values.items()}
    document = {"k": part.k, "seed": part.seed, "indices": values, "labels": part.labels.tolist()}
    repeats = {series: dict(figures) for series, figures in part.repeats.items()}
    return document | ({"repeats": repeats} if repeats else {})


def _from_document(document: dict[str, Any]) -> Clustering:
    labels = np.array(document["labels"], np.int32)
    repeats = document.get("repeats", {})
    return Clustering(document["k"], document["seed"], labels, document["indices"], repeats)


def _write(choice: KChoice, folder: Path) -> None:
    from napari_histoclust.core.figures.curves import draw_choice

    with atomic_file(folder / "choose_k.csv", own=True) as partial:
        partial.write_text(choice.table(), encoding="utf-8")
    write_json(folder / "choose_k.json", choice.document())
    draw_choice(choice, folder / "indices.png")
