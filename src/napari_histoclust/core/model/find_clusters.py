"""Clusters in the metric of trained encoders, and how sure a patch's own is.

n patches that trained, m pairs, f features, d axes, K clusters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.model.augment import margin_of
from napari_histoclust.core.model.confidence import (
    Reliability,
    draw_bootstraps,
    measure_confidence,
    regions_of,
)
from napari_histoclust.core.model.encoder import EncoderPart
from napari_histoclust.core.model.metric import Float, Metric, learn_metric
from napari_histoclust.core.model.neighbours import NeighbourNetwork

STARTS = 10
"""Starts of k-means, the best of which is kept."""

_CHUNK = 256
_STARTS_OF_BOOTSTRAP = 3


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
    """

    features: Float
    first: Float
    second: Float
    groups: int

    def metric(self, axes: int, rng: np.random.Generator) -> Metric:
        """Learn the metric from all patches and pairs."""
        return learn_metric(self.features, self.first, self.second, self.groups, axes=axes, rng=rng)

    def resampled(self, rows: NDArray[np.int64]) -> Taught:
        """Return the patches `rows`, which may repeat, with their pairs."""
        pairs = np.concatenate([rows, rows + len(self.features)])
        return Taught(self.features[rows], self.first[pairs], self.second[pairs], self.groups)


def find_clusters(
    network: NeighbourNetwork,
    pixels: Tensor,
    rows: NDArray[np.int64],
    seed: int,
    device: torch.device,
    places: Float | None = None,
) -> Job[Reliability]:
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
    Reliability
        Of the confidence, on bootstraps that it was not fitted to.
    """
    rng = np.random.default_rng(seed)
    taught = yield from teach(network, pixels, rows, device)
    axes = network.axes.shape[1]
    metric = taught.metric(axes, rng)
    yield Progress("Finding clusters")
    here = metric.apply(taught.features)
    centres = _kmeans(here, len(network.centres), STARTS, seed)
    regions = np.arange(len(rows)) if places is None else regions_of(places[rows])
    bootstraps = yield from draw_bootstraps(taught, axes, regions, rng)
    confidence, checked = yield from measure_confidence(bootstraps, here, centres, _kmeans_of_bootstrap, seed)
    assert checked is not None, "some bootstraps are held out"
    found = {
        "mean": metric.mean,
        "axes": metric.axes,
        "centres": centres,
        "temperature": np.array(confidence.temperature),
        "lapse": np.array(confidence.lapse),
    }
    for name, value in found.items():
        getattr(network, name).copy_(torch.from_numpy(value))
    return checked


def _kmeans_of_bootstrap(places: Float, clusters: int, seed: int) -> Float:
    return _kmeans(places, clusters, _STARTS_OF_BOOTSTRAP, seed)


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
    measured, done = [], 0
    for y, x in corners:
        parts = []
        for chunk in chunks:
            yield Progress("Learning from neighbours", done, len(corners) * len(rows))
            window = pixels[torch.from_numpy(chunk), :, y : y + side, x : x + side]
            parts.append(_measured(encoder, window.to(device)))
            done += len(chunk)
        measured.append(torch.cat(parts))
    with torch.no_grad():
        encoder.learn(measured[0])
        own, left, right, above, below = (
            encoder.condense(part.to(device)).cpu().double().numpy() for part in measured
        )
    first, second = np.concatenate([left, above]), np.concatenate([right, below])
    return Taught(own, first, second, encoder.groups)


@torch.inference_mode()
def _measured(encoder: EncoderPart, pixels: Tensor) -> Tensor:
    return encoder.measure(pixels.float() / encoder.unit).cpu()


def _kmeans(places: Float, clusters: int, starts: int, seed: int) -> Float:
    from sklearn.cluster import KMeans

    centres: Float = KMeans(clusters, n_init=starts, random_state=seed).fit(places).cluster_centers_
    return centres
