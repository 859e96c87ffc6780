"""Clusters in the metric of trained encoders, and how sure a patch's own is.

n patches that trained, m pairs, f features, d axes, K clusters, b bootstraps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment, minimize_scalar
from scipy.special import log_softmax
from torch import Tensor

from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.model.augment import margin_of
from napari_histoclust.core.model.metric import Float, Metric, learn_metric
from napari_histoclust.core.model.neighbours import UNIT, NeighbourNetwork

STARTS = 10
"""Starts of k-means, the best of which is kept."""

BOOTSTRAPS = 10
_STARTS_OF_BOOTSTRAP = 3


@dataclass(frozen=True, eq=False)
class Taught:
    """Features of the patches, and of the pairs of neighbours around them.

    Parameters
    ----------
    features : (n, f) float64
    first, second : (2 n, f) float64
        The patches left and right of each, then those above and below: pairs that touch.
    encoders : int
        Encoders whose features stand side by side.
    """

    features: Float
    first: Float
    second: Float
    encoders: int

    def metric(self, axes: int, rng: np.random.Generator) -> Metric:
        """Learn the metric from all patches and pairs."""
        return learn_metric(self.features, self.first, self.second, self.encoders, axes=axes, rng=rng)

    def resampled(self, rows: NDArray[np.int64]) -> Taught:
        """Return the patches `rows`, which may repeat, with their pairs."""
        pairs = np.concatenate([rows, rows + len(self.features)])
        return Taught(self.features[rows], self.first[pairs], self.second[pairs], self.encoders)


def find_clusters(
    network: NeighbourNetwork, pixels: Tensor, rows: NDArray[np.int64], seed: int, device: torch.device
) -> Job[None]:
    """Learn metric, centres and temperature from patches, and put them into the network.

    Parameters
    ----------
    network : NeighbourNetwork
        Its encoders are trained.
    pixels : (p, 3 s, 2 i, 2 i) uint8 tensor
        Codes of patches of i px a side, each with half a patch of what lies around it.
    rows : (n,) int64
        Which of them.
    seed : int
    device : torch.device
        Where the network is.
    """
    rng = np.random.default_rng(seed)
    taught = yield from _teach(network, pixels, rows, device)
    metric = taught.metric(network.axes.shape[1], rng)
    yield Progress("Finding clusters")
    places = metric.apply(taught.features)
    centres = _kmeans(places, len(network.centres), STARTS, seed)
    agreement = yield from _agreement(taught, _nearest(places, centres), centres.shape, rng)
    found = {
        "mean": metric.mean,
        "axes": metric.axes,
        "centres": centres,
        "temperature": np.array(fit_temperature(_squared(places, centres), agreement)),
    }
    for name, value in found.items():
        getattr(network, name).copy_(torch.from_numpy(value))


def _teach(
    network: NeighbourNetwork, pixels: Tensor, rows: NDArray[np.int64], device: torch.device
) -> Job[Taught]:
    """Encode the patches, and the four that touch at each one's centre lines."""
    side = pixels.shape[-1] // 2
    middle = margin_of(pixels, side)
    corners = ((middle, middle), (middle, 0), (middle, side), (0, middle), (side, middle))
    parts = []
    for number, (y, x) in enumerate(corners):
        yield Progress("Learning from neighbours", number, len(corners))
        parts.append(_features(network, pixels[..., y : y + side, x : x + side], rows, device))
    own, left, right, above, below = parts
    first, second = np.concatenate([left, above]), np.concatenate([right, below])
    return Taught(own, first, second, len(network.encoders))


@torch.inference_mode()
def _features(
    network: NeighbourNetwork, pixels: Tensor, rows: NDArray[np.int64], device: torch.device
) -> Float:
    network.eval()
    parts = [
        network.features(pixels[torch.from_numpy(chunk)].to(device).float() / UNIT).cpu()
        for chunk in np.array_split(rows, max(1, len(rows) // 256))
    ]
    return torch.cat(parts).double().numpy()


def _kmeans(places: Float, clusters: int, starts: int, seed: int) -> Float:
    from sklearn.cluster import KMeans

    centres: Float = KMeans(clusters, n_init=starts, random_state=seed).fit(places).cluster_centers_
    return centres


def _squared(places: Float, centres: Float) -> Float:
    """Return the (n, K) squared distances, in units of the noise."""
    return np.stack([((places - centre) ** 2).sum(axis=1) for centre in centres], axis=1)


def _nearest(places: Float, centres: Float) -> NDArray[np.int64]:
    return np.asarray(_squared(places, centres).argmin(axis=1))


def _agreement(
    taught: Taught, labels: NDArray[np.int64], shape: tuple[int, ...], rng: np.random.Generator
) -> Job[Float]:
    """Return the (n,) share of bootstraps of the patches that give each patch the cluster it has.

    Each learns metric and clusters anew; its clusters are named after those that they share most patches
    with, one to one.
    """
    kept = np.zeros(len(labels))
    clusters, axes = shape
    for number in range(BOOTSTRAPS):
        yield Progress("Measuring how sure the clusters are", number, BOOTSTRAPS)
        sample = taught.resampled(rng.integers(len(labels), size=len(labels)))
        metric = sample.metric(axes, rng)
        places = metric.apply(sample.features)
        centres = _kmeans(places, clusters, _STARTS_OF_BOOTSTRAP, int(rng.integers(2**31)))
        others = _nearest(metric.apply(taught.features), centres)
        kept += named_after(others, labels, clusters) == labels
    return np.asarray(kept / BOOTSTRAPS)


def named_after(others: NDArray[np.int64], labels: NDArray[np.int64], clusters: int) -> NDArray[np.int64]:
    """Return (n,) `others` with each cluster renamed to the one of `labels` that it overlaps most."""
    overlap = np.zeros((clusters, clusters))
    np.add.at(overlap, (others, labels), 1)
    return np.asarray(linear_sum_assignment(overlap, maximize=True)[1][others])


def fit_temperature(squared: Float, agreement: Float) -> float:
    """Return the factor on the noise with which confidence tells agreement best (largest likelihood).

    Parameters
    ----------
    squared : (n, K) float64
        Squared distances to the centres, in units of the noise.
    agreement : (n,) float64
        Share of the bootstraps that agree, 0..1.
    """

    def loss(log_temperature: float) -> float:
        sure = log_softmax(-0.5 * squared / np.exp(log_temperature), axis=1).max(axis=1)
        unsure = np.log1p(-np.exp(np.minimum(sure, -1e-9)))
        return -float((agreement * sure + (1 - agreement) * unsure).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-1.0, 6.0), method="bounded").x))
