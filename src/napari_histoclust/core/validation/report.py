"""What the figures say about one clustering, beside a baseline, and what they do not say."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.atomic import check_place, write_json
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job
from napari_histoclust.core.one_writer import alone
from napari_histoclust.core.run.reader import read_latent
from napari_histoclust.core.run.run import counted_run
from napari_histoclust.core.validation.baseline import RESTARTS, Agreement, agreement, kmeans_labels
from napari_histoclust.core.validation.indices import Indices, defined_indices, sample_rows
from napari_histoclust.core.validation.measures import INDICES

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run

VALIDATION = "validation.json"
PATCHES_AT_MOST = 20_000
FORMAT = 1
LATENT = (
    "softmax over the 128 channels of the encoder's last layer, averaged over its places: "
    "128 numbers a patch that sum to 1, learned together with the clusters"
)
METRIC = (
    "axes of the metric taught by neighbouring patches, in units of the noise between neighbours: the space "
    "in which the clusters were found"
)
CAUTION = (
    "The indices tell how compact and how separate the clusters are in these features; they do not tell "
    "whether a cluster is a tissue, they favour round clusters of equal size, and figures of models with "
    "other features or another number of clusters must not be compared with them."
)


@dataclass(frozen=True)
class ValidationReport:
    """Figures on one clustering.

    Parameters
    ----------
    patches : int
        Patches of the run.
    indices : Indices
        Of this clustering, in the clusters that hold a patch, over a seeded sample of at most
        `PATCHES_AT_MOST` patches (`indices.n`).
    baseline : Indices
        The same of k-means with as many clusters, on the same features of the same patches.
    agreement : Agreement
        Between this clustering and k-means.
    sizes : tuple of int
        Patches in each of the clusters 1..K, over all patches.
    mean_confidence : tuple of float or None
        Mean confidence in each cluster, None for an empty one.
    seed : int
        Start of the sample and of k-means.
    features : str
        What the features are.
    outliers : int
        Patches that were left out as such.
    """

    patches: int
    indices: Indices
    baseline: Indices
    agreement: Agreement
    sizes: tuple[int, ...]
    mean_confidence: tuple[float | None, ...]
    seed: int
    features: str
    outliers: int = 0

    @property
    def share_of_empty_clusters(self) -> float:
        """Clusters of the model that no patch belongs to, as a share of all."""
        return self.sizes.count(0) / len(self.sizes)

    @property
    def sentence(self) -> str:
        """What the figures say, in words, and what they do not."""
        parts = [self._comparison()]
        if 0 in self.sizes:
            parts.append(f"{self.sizes.count(0)} of {len(self.sizes)} clusters are empty.")
        if self.indices.n < self.patches:
            parts.append(f"This is taken on {self.indices.n} of {self.patches} patches, drawn at random.")
        if self.outliers:
            parts.append(f"{self.outliers} outliers are left out.")
        return " ".join([*parts, CAUTION])

    def _comparison(self) -> str:
        if self.indices.k < 2:
            return "All patches lie in one cluster, so that there is nothing to compare."
        won, asked = _better(self.indices, self.baseline)
        return (
            f"In its own feature space this clustering is better than k-means on {won} of {asked} indices, "
            f"and agrees with it to an adjusted Rand index of {self.agreement.adjusted_rand:.2f}."
        )

    def document(self) -> dict[str, Any]:
        """What validation.json holds."""
        return self.indices.document() | {
            "format": FORMAT,
            "patches": self.patches,
            "outliers_left_out": self.outliers,
            "points_in_pairs": self.indices.n_pairs_of,
            "points_in_silhouette": self.indices.n_silhouette_of,
            "features": self.features,
            "seed": self.seed,
            "kmeans": self.baseline.document() | {"seed": self.seed, "restarts": RESTARTS},
            "agreement_with_kmeans": asdict(self.agreement),
            "clusters": [
                {"id": i, "patches": size, "mean_confidence": confidence}
                for i, (size, confidence) in enumerate(
                    zip(self.sizes, self.mean_confidence, strict=True), start=1
                )
            ],
            "share_of_empty_clusters": self.share_of_empty_clusters,
            "sentence": self.sentence,
        }


def _better(ours: Indices, other: Indices) -> tuple[int, int]:
    """On how many of the indices that both have `ours` is better, and how many those are."""
    won = asked = 0
    for name, index in INDICES.items():
        mine, theirs = ours.values[name], other.values[name]
        if mine is not None and theirs is not None:
            asked += 1
            won += index.is_better(mine, theirs)
    return won, asked


def validate_run(run: Run, seed: int = 765, at_most: int = PATCHES_AT_MOST) -> Job[ValidationReport]:
    """Validate a run and write its validation.json.

    Raises
    ------
    HistoclustError
        If the disk refuses, or another process writes into the run.
    """
    check_place(run.path / VALIDATION)  # before the work that could not be kept
    return (yield from alone(run.path, "validate", _validate(run, seed, at_most)))


def _validate(run: Run, seed: int, at_most: int) -> Job[ValidationReport]:
    left = counted_run(run)
    latent = yield from read_latent(left)
    report = yield from validate_clustering(
        latent, left.labels, left.confidence, len(run.clusters), _description(run), seed, at_most
    )
    report = replace(report, outliers=len(run) - len(left))
    write_json(run.path / VALIDATION, report.document())
    return report


def _description(run: Run) -> str:
    """Return what the latent numbers of a run are; without a bundle those of the paper's network."""
    from napari_histoclust.core.model.bundle import load_spec

    try:
        taught = load_spec(run.path / "model").architecture == "neighbours_3"
    except HistoclustError:
        taught = False
    return METRIC if taught else LATENT


def validate_clustering(
    features: NDArray[np.floating],
    labels: NDArray[np.integer],
    confidence: NDArray[np.floating],
    clusters: int,
    description: str,
    seed: int = 765,
    at_most: int = PATCHES_AT_MOST,
) -> Job[ValidationReport]:
    """Compute all figures of a `ValidationReport`.

    Parameters
    ----------
    features : (n, f) array
    labels : (n,) integers, 1..clusters
    confidence : (n,) array
    clusters : int
        Clusters the model can give.
    description : str
        What the features are.
    """
    rows = sample_rows(len(labels), at_most, seed)
    points, own = np.asarray(features[rows], np.float64), labels[rows]
    indices = yield from defined_indices(points, own, seed)
    other = yield from kmeans_labels(points, max(indices.k, 2), seed)
    baseline = yield from defined_indices(points, other, seed)
    sizes = np.bincount(labels, minlength=clusters + 1)[1:]
    sums = np.bincount(labels, weights=confidence, minlength=clusters + 1)[1:]
    return ValidationReport(
        patches=len(labels),
        indices=indices,
        baseline=baseline,
        agreement=agreement(own, other),
        sizes=tuple(sizes.tolist()),
        mean_confidence=tuple(float(s / n) if n else None for s, n in zip(sums, sizes, strict=True)),
        seed=seed,
        features=description,
    )
