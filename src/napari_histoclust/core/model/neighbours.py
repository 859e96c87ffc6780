"""An encoder, the metric on what it says, and the clusters in it.

n patches, s stains, i px a side, f features, d axes, K clusters.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_histoclust.core.model.encoder import UNITS, EncoderPart

OPTIONAL = ("lapse", "familiar_mean", "familiar_axes", "farthest")
"""Buffers that a model of an earlier version lacks, whose initial values change nothing."""

UNIT = UNITS["codes"]
"""Code of tissue at its stain's own strength, as `core/stains/calibration.py` gives it."""


class NeighbourNetwork(nn.Module):
    """An encoder, the metric on what it says, and the clusters' centres in it.

    Parameters
    ----------
    encoder : EncoderPart
    clusters : int
    axes : int
        d.
    stains : int
    """

    mean: Tensor
    axes: Tensor
    centres: Tensor
    temperature: Tensor
    lapse: Tensor
    familiar_mean: Tensor
    familiar_axes: Tensor
    farthest: Tensor

    def __init__(self, encoder: EncoderPart, clusters: int, axes: int, stains: int) -> None:
        super().__init__()
        self.encoders = encoder  # the name that bundles know
        self.register_buffer("mean", torch.zeros(encoder.width))
        self.register_buffer("axes", torch.zeros(encoder.width, axes))
        self.register_buffer("centres", torch.zeros(clusters, axes))
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("lapse", torch.zeros(()))
        self.register_buffer("familiar_mean", torch.zeros(6 * stains))  # these three: `outliers.py`
        self.register_buffer("familiar_axes", torch.zeros(6 * stains, 6 * stains))
        self.register_buffer("farthest", torch.tensor(torch.finfo(torch.float32).max))

    def features(self, pictures: Tensor) -> Tensor:
        """Return the (n, f) features of (n, 3 s, i, i) pictures."""
        features: Tensor = self.encoders(pictures)
        return features

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return the (n, d) places in the metric and the (n, K) logits of (n, 3 s, i, i) pictures."""
        return self.label(self.features(pictures))

    def label(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the (n, d) places in the metric and the (n, K) logits of (n, f) features.

        The noise is the unit matrix there, so that the log-likelihood of a cluster is minus half the
        squared distance to its centre; temperature and lapse: `core/model/confidence.py`.
        """
        places = (features - self.mean) @ self.axes
        likely = functional.log_softmax(
            -0.5 * torch.cdist(places, self.centres).square() / self.temperature, dim=1
        )
        by_chance = torch.log(self.lapse / likely.shape[1])  # -inf without any, which adds nothing
        return places, torch.logaddexp(likely + torch.log1p(-self.lapse), by_chance)
