"""The ways of clustering that `bench_trust.py` compares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from bench_agreement import mean_colours
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from napari_histoclust.core.jobs import drive
from napari_histoclust.core.model.encode import calibrated, resize_patches
from napari_histoclust.core.patches.reader import read_patches
from napari_histoclust.core.stains.calibration import SlideMeasures

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Method:
    """A training by the program, and other labels for the same patches that come of it.

    Parameters
    ----------
    preset : str
    settings : dict
        In place of the preset's.
    beside : dict
        Functions from (stack, model, run, K, seed) to labels of the run's patches, by name.
    """

    preset: str
    settings: dict[str, Any] = field(default_factory=dict)
    beside: dict[str, Callable[..., NDArray[np.integer]]] = field(default_factory=dict)


def plain_kmeans(points: Numbers, clusters: int, seed: int) -> NDArray[np.integer]:
    labels: NDArray[np.integer] = KMeans(clusters, n_init=10, random_state=seed).fit_predict(points)
    return labels


def on_colours(stack: Any, _: Any, run: Any, clusters: int, seed: int) -> NDArray[np.integer]:
    """Cluster the mean colours of the patches: the simplest baseline."""
    return plain_kmeans(mean_colours(stack, run), clusters, seed)


def on_features(stack: Any, model: Any, run: Any, clusters: int, seed: int) -> NDArray[np.integer]:
    """Cluster what the encoder says, without a metric."""
    return plain_kmeans(features(stack, model, run), clusters, seed)


def leiden(stack: Any, model: Any, run: Any, clusters: int, seed: int) -> NDArray[np.integer]:
    """Cluster the graph of 15 neighbours of the features by Leiden, as LazySlide does, with about K clusters.

    Needs igraph, which is not installed by default (its licence is not ours).
    """
    import igraph
    from sklearn.neighbors import kneighbors_graph

    points = features(stack, model, run)
    graph = kneighbors_graph(points, 15).tocoo()
    network = igraph.Graph(n=len(points), edges=list(zip(graph.row, graph.col, strict=True))).simplify()
    best: tuple[int, NDArray[np.integer]] | None = None
    low, high = 0.001, 4.0
    igraph.set_random_number_generator(__import__("random").Random(seed))
    for _ in range(16):
        resolution = (low * high) ** 0.5
        found = network.community_leiden("modularity", resolution=resolution, n_iterations=4)
        labels = np.array(found.membership)
        off = len(found) - clusters
        if best is None or abs(off) < best[0]:
            best = abs(off), labels
        low, high = (low, resolution) if off > 0 else (resolution, high)
        if off == 0:
            break
    assert best is not None, "there are 16 tries"
    return best[1]


def features(stack: Any, model: Any, run: Any) -> Numbers:
    """Return the (n, f) features of a run's patches, before the metric."""
    spec, network, grid = model.spec, model.network().eval(), run.grids[0]
    tables = None
    if spec.scaling == "tissue_strength":
        side = round(grid.patch_px * grid.downsample)
        tables = drive(SlideMeasures().calibration(stack, spec.stains, side)).tables()
    network.encoders.ready(torch.device("cpu"))
    parts = []
    with torch.inference_mode():
        for _, patches in read_patches(stack, grid, 0, len(run), spec.stains):
            pixels = calibrated(resize_patches(patches, spec.input_px, spec.axes), tables)
            for chunk in pixels.split(256):
                parts.append(network.features(chunk.float() / network.encoders.unit).numpy())
    return np.concatenate(parts).astype(np.float64)


METHODS: dict[str, Method] = {
    "robust": Method(
        "robust",
        beside={"colours, k-means": on_colours, "robust's encoders, k-means": on_features},
    ),
    "one encoder": Method("robust", {"encoders": 1}),
    "two encoders": Method("robust", {"encoders": 2}),
    "statistics": Method("robust", {"encoder": "statistics"}, beside={"statistics, k-means": on_features}),
    "imagenet": Method(
        "robust",
        {"encoder": "imagenet"},
        beside={"imagenet, k-means": on_features, "imagenet, Leiden": leiden},
    ),
    "quick": Method("quick"),
    "paper, 100 epochs": Method("paper", {"epochs": 100, "patches": 2_500}),
}
