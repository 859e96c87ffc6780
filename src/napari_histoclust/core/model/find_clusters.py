"""Clusters in the metric of trained encoders, and how sure a patch's own is.

n patches that trained, m pairs, f features, d axes, K clusters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, logit
from torch import Tensor

from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.model.augment import margin_of
from napari_histoclust.core.model.confidence import (
    FITTED,
    Bootstrap,
    Confidence,
    Reliability,
    agreement,
    draw_bootstraps,
    measure_confidence,
    regions_of,
    reliability,
    squared_distances,
)
from napari_histoclust.core.model.encoder import UNITS, EncoderPart
from napari_histoclust.core.model.kmeans import kmeans
from napari_histoclust.core.model.metric import Float, Metric, learn_metric
from napari_histoclust.core.model.neighbours import NeighbourNetwork
from napari_histoclust.core.model.outliers import learn_familiar
from napari_histoclust.core.model.solutions import Solutions, solve, stack_of

_CHUNK = 256
_STARTS_OF_BOOTSTRAP = 3
_FAINT = 0.25  # of the strength of a stain: what is fainter is glass
_LEAST_TISSUE = 0.5
_EACH_MEASURED_TO, _MEASURED_EVERY = 15, 5

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Taught:
    """Features of the patches, and of the pairs of neighbours around them.

    Parameters
    ----------
    features : (n, f) float64
    first, second : (2 n, f) float64
        The patches left and right of each, then those above and below: pairs that touch.
    groups : int
        Groups of features of equal width, see `EncoderPart`.
    on_tissue : (2 n,) bool
        Pairs that teach: both lie on tissue.
    """

    features: Float
    first: Float
    second: Float
    groups: int
    on_tissue: NDArray[np.bool_]

    def metric(self, axes: int, rng: np.random.Generator) -> Metric:
        """Learn the metric from all patches and pairs."""
        teaching = self.on_tissue if self.on_tissue.any() else slice(None)
        first, second = self.first[teaching], self.second[teaching]
        return learn_metric(self.features, first, second, self.groups, axes=axes, rng=rng)

    def resampled(self, rows: NDArray[np.int64]) -> Taught:
        """Return the patches `rows`, which may repeat, with their pairs."""
        pairs = np.concatenate([rows, rows + len(self.features)])
        taught = self.features[rows], self.first[pairs], self.second[pairs]
        return Taught(*taught, self.groups, self.on_tissue[pairs])


def find_clusters(
    network: NeighbourNetwork,
    pixels: Tensor,
    rows: NDArray[np.int64],
    seed: int,
    device: torch.device,
    places: Float | None = None,
) -> Job[tuple[Solutions, Reliability]]:
    """Learn metric, centres and confidence from patches, and put them into the network.

    Parameters
    ----------
    network : NeighbourNetwork
        Its encoder is trained, if it is one that is trained; here it learns what it needs of the patches.
    pixels : (p, 3 s, 2 i, 2 i) uint8 tensor
        Codes of patches of i px a side, each with half a patch of what lies around it.
    rows : (n,) int64
        Which of them.
    seed : int
    device : torch.device
        Where the network is.
    places : (p, 3) float64, optional
        Slide, y and x of each, in sides of a patch; without them bootstraps draw single patches, which finds
        the clusters surer than they are.

    Returns
    -------
    Solutions
        The clusters for every K; those of the network's own K are in the network too. None of it depends on
        that K, but for what is above 40.
    Reliability
        Of the confidence for the own K, on bootstraps that it was not fitted to.
    """
    rng = np.random.default_rng(seed)
    familiar, distances = yield from learn_familiar(pixels, rows, pixels.shape[-1] // 2)
    rows = rows[distances <= familiar.farthest]  # else pen or a hole gets a cluster of its own
    taught = yield from teach(network, pixels, rows, device)
    axes = network.axes.shape[1]
    metric = taught.metric(axes, rng)
    here, clusters = metric.apply(taught.features), len(network.centres)
    centres, overlaps = yield from solve(here, clusters, seed)
    regions = np.arange(len(rows)) if places is None else regions_of(places[rows])
    bootstraps = yield from draw_bootstraps(taught, axes, regions, rng)
    confidences = yield from _confidences(bootstraps[:FITTED], here, centres, seed)
    solutions = stack_of(centres, confidences, overlaps)
    own = solutions.confidence_of(clusters)
    squared = squared_distances(here, centres[clusters - len(centres[0])])
    held_out, labels = bootstraps[FITTED:], squared.argmin(axis=1)
    kept = yield from agreement(held_out, labels, clusters, kmeans_of, seed + FITTED)
    found = {
        "mean": metric.mean,
        "axes": metric.axes,
        "centres": solutions.centres_of(clusters),
        "temperature": np.array(own.temperature),
        "lapse": np.array(own.lapse),
        "familiar_mean": familiar.mean.numpy(),
        "familiar_axes": familiar.axes.numpy(),
        "farthest": np.array(familiar.farthest),
    }
    for name, value in found.items():
        getattr(network, name).copy_(torch.from_numpy(value))
    return solutions, reliability(own.probabilities(squared).max(axis=1), kept.mean(axis=0))


def _confidences(
    bootstraps: list[Bootstrap], places: Float, centres: list[Float], seed: int
) -> Job[list[Confidence]]:
    """Return the confidence for each K; between those that are measured it is interpolated."""
    ks = [len(part) for part in centres]
    measured = [part for part in centres if _is_measured(len(part), ks[-1])]
    fitted = []
    for number, part in enumerate(measured):
        job = measure_confidence(bootstraps, places, part, kmeans_of, seed, held_out=0)
        fitted.append((yield from _as_part(job, number, len(measured)))[0])
    at = [len(part) for part in measured]
    temperatures = np.exp(np.interp(ks, at, np.log([one.temperature for one in fitted])))
    lapses = expit(np.interp(ks, at, logit([one.lapse for one in fitted])))
    return [Confidence(float(t), float(lapse)) for t, lapse in zip(temperatures, lapses, strict=True)]


def _is_measured(k: int, last: int) -> bool:
    """Every K that people mostly choose; above, where a k-means is dear and one K is like the next, some."""
    return k <= _EACH_MEASURED_TO or k % _MEASURED_EVERY == 0 or k == last


def _as_part(job: Job[T], number: int, parts: int) -> Job[T]:
    """Say how many parts are done, in place of how far one of them is."""
    try:
        while True:
            yield replace(next(job), done=number, total=parts)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        job.close()


def kmeans_of(bootstrap: Bootstrap, clusters: int, seed: int) -> Float:
    """Return the (K, d) centres of what a bootstrap has drawn."""
    return kmeans(bootstrap.sample, bootstrap.weights, clusters, starts=_STARTS_OF_BOOTSTRAP, seed=seed)


def teach(
    network: NeighbourNetwork, pixels: Tensor, rows: NDArray[np.int64], device: torch.device
) -> Job[Taught]:
    """Encode patches, and around each the two pairs that touch at its centre lines.

    Parameters
    ----------
    network : NeighbourNetwork
        Its encoders are trained.
    pixels : (p, 3 s, 2 i, 2 i) uint8 tensor
        Codes of patches of i px a side, each with half a patch of what lies around it.
    rows : (n,) int64
        Which of them.
    device : torch.device
        Where the network is.
    """
    side = pixels.shape[-1] // 2
    middle = margin_of(pixels, side)
    corners = ((middle, middle), (middle, 0), (middle, side), (0, middle), (side, middle))
    encoder = network.encoders.eval()
    encoder.ready(device)
    chunks = np.array_split(rows, max(1, len(rows) // (encoder.chunk or _CHUNK)))
    measured, tissue, done = [], [], 0
    for y, x in corners:
        parts = []
        for chunk in chunks:
            yield Progress("Learning from neighbours", done, len(corners) * len(rows))
            window = pixels[torch.from_numpy(chunk), :, y : y + side, x : x + side]
            parts.append(_measured(encoder, window.to(device)))
            tissue.append(_on_tissue(window, encoder.unit))
            done += len(chunk)
        measured.append(torch.cat(parts))
    with torch.no_grad():
        encoder.learn(measured[0])
        own, left, right, above, below = (
            encoder.condense(part.to(device)).cpu().double().numpy() for part in measured
        )
    first, second = np.concatenate([left, above]), np.concatenate([right, below])
    _, *lies = torch.cat(tissue).view(len(corners), -1).numpy()
    both = np.concatenate([lies[0] & lies[1], lies[2] & lies[3]])
    return Taught(own, first, second, encoder.groups, both)


@torch.inference_mode()
def _measured(encoder: EncoderPart, pixels: Tensor) -> Tensor:
    return encoder.measure(pixels.float() / encoder.unit).cpu()


def _on_tissue(pixels: Tensor, unit: float) -> Tensor:
    """Return (n,) whether half of each patch is denser than glass in some stain; plain colours always are."""
    if unit != UNITS["codes"]:
        return torch.ones(len(pixels), dtype=torch.bool)
    n, channels, side, _ = pixels.shape
    density = pixels.reshape(n, channels // 3, 3, side, side).float().mean(dim=2).amax(dim=1)
    dense: Tensor = (density > _FAINT * unit).float().mean(dim=(1, 2)) >= _LEAST_TISSUE
    return dense
