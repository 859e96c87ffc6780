"""Encoders taught by neighbours, the metric on what they say, and the clusters in it.

n patches, s stains, i px a side, e encoders, d axes, K clusters. How they learn: `neighbour_trainer.py`.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_histoclust.core.model.network import SLOPE, Block

WIDTH = 128
"""Numbers that an encoder gives a patch: channels of its last layer, averaged over the grid."""

_CHANNELS = (48, 96, WIDTH)
OPTIONAL = ("lapse",)
"""Buffers that a model of an earlier version lacks, whose initial values change nothing."""

UNIT = 40.0
"""Code of tissue at its stain's own strength, as `core/stains/calibration.py` gives it."""


class NeighbourEncoder(nn.Module):
    """Three times [convolution k4 s2 p1, BatchNorm, LeakyReLU], then the mean over the grid."""

    def __init__(self, stains: int) -> None:
        super().__init__()
        sizes = (3 * stains, *_CHANNELS)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 4, stride=2, padding=1) for before, after in pairwise(sizes)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for channels in _CHANNELS)

    def blocks(self) -> list[Block]:
        """Return the pairs of convolution and BatchNorm, first to last."""
        return list(zip(self.convolutions, self.norms, strict=True))  # type: ignore[arg-type]

    def forward(self, pictures: Tensor) -> Tensor:
        """Map (n, 3 s, i, i) pictures in units of the strength to (n, 128) numbers."""
        x = pictures
        for convolution, norm in self.blocks():
            x = functional.leaky_relu(norm(convolution(x)), SLOPE)
        return x.float().mean(dim=(2, 3))


class NeighbourNetwork(nn.Module):
    """Encoders side by side, the metric on what they say, and the clusters' centres in it.

    Parameters
    ----------
    stains, clusters : int
    encoders : int
        e.
    axes : int
        d.
    """

    mean: Tensor
    axes: Tensor
    centres: Tensor
    temperature: Tensor
    lapse: Tensor

    def __init__(self, stains: int, clusters: int, encoders: int, axes: int) -> None:
        super().__init__()
        self.stains = stains
        self.encoders = nn.ModuleList(NeighbourEncoder(stains) for _ in range(encoders))
        self.register_buffer("mean", torch.zeros(encoders * WIDTH))
        self.register_buffer("axes", torch.zeros(encoders * WIDTH, axes))
        self.register_buffer("centres", torch.zeros(clusters, axes))
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("lapse", torch.zeros(()))

    def features(self, pictures: Tensor) -> Tensor:
        """Return the (n, 128 e) numbers of all encoders for (n, 3 s, i, i) pictures."""
        return torch.cat([encoder(pictures) for encoder in self.encoders], dim=1)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return the (n, d) places in the metric and the (n, K) logits of (n, 3 s, i, i) pictures."""
        return self.label(self.features(pictures))

    def label(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the (n, d) places in the metric and the (n, K) logits of (n, 128 e) features.

        The noise is the unit matrix there, so that the log-likelihood of a cluster is minus half the
        squared distance to its centre; temperature and lapse: `core/model/confidence.py`.
        """
        places = (features - self.mean) @ self.axes
        likely = functional.log_softmax(
            -0.5 * torch.cdist(places, self.centres).square() / self.temperature, dim=1
        )
        by_chance = torch.log(self.lapse / likely.shape[1])  # -inf without any, which adds nothing
        return places, torch.logaddexp(likely + torch.log1p(-self.lapse), by_chance)
