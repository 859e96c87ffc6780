"""Twelve numbers a stain of its optical density; nothing is trained.

Mean, spread, mean absolute gradient and spread of the means of 8 x 8 px, each for three colours: whatever the
patch is mirrored or turned by quarters, they stay. n patches, s stains, i px a side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from napari_histoclust.core.model.encoder import EncoderPart, EncoderRecord

if TYPE_CHECKING:
    from napari_histoclust.core.model.spec import ModelSpec

PER_STAIN = 12
_BLOCK_PX = 8
_LEAST_SPREAD = 1e-6


class DensityStatistics(EncoderPart):
    """Statistics of the density in units of the stain's strength, in units of their spread at training."""

    offset: Tensor
    spread: Tensor

    def __init__(self, stains: int) -> None:
        super().__init__()
        self.groups, self.width = stains, PER_STAIN * stains
        self.register_buffer("offset", torch.zeros(self.width))
        self.register_buffer("spread", torch.ones(self.width))

    def measure(self, pictures: Tensor) -> Tensor:
        """Return the (n, 12 s) statistics, stain after stain."""
        n = len(pictures)
        down = pictures.diff(dim=2).abs().mean(dim=(2, 3))
        across = pictures.diff(dim=3).abs().mean(dim=(2, 3))
        blocks = functional.avg_pool2d(pictures, _BLOCK_PX)
        four = (
            pictures.mean(dim=(2, 3)),
            pictures.std(dim=(2, 3), correction=0),
            (down + across) / 2,
            blocks.std(dim=(2, 3), correction=0),
        )
        return torch.stack([part.view(n, self.groups, 3) for part in four], dim=2).reshape(n, self.width)

    def learn(self, measured: Tensor) -> None:
        """Keep mean and spread of each number over the patches."""
        self.offset.copy_(measured.mean(dim=0))
        self.spread.copy_(measured.std(dim=0, correction=0).clamp(min=_LEAST_SPREAD))

    def condense(self, measured: Tensor) -> Tensor:
        """Return each number in units of its spread."""
        return (measured - self.offset) / self.spread


def _make(spec: ModelSpec) -> DensityStatistics:
    return DensityStatistics(len(spec.stains))


ENCODER = EncoderRecord(
    help="mean, spread, gradient and coarse spread of each stain's density; nothing is trained.",
    make=_make,
    input_px=64,
)
