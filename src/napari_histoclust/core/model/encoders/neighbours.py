"""Convolutional encoders trained on the slides themselves, so that a patch and its surroundings agree.

How they learn: `core/model/neighbour_trainer.py`. n patches, s stains, i px a side, e encoders.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from napari_histoclust.core.config import FitSettings
from napari_histoclust.core.model.encoder import EncoderPart, EncoderRecord, Features
from napari_histoclust.core.model.network import SLOPE, Block

if TYPE_CHECKING:
    from napari_histoclust.core.model.neighbour_trainer import NeighbourTrainer
    from napari_histoclust.core.model.neighbours import NeighbourNetwork
    from napari_histoclust.core.model.spec import ModelSpec

WIDTH = 128
"""Numbers that an encoder gives a patch: channels of its last layer, averaged over the grid."""

_CHANNELS = (48, 96, WIDTH)


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


class NeighbourEncoders(EncoderPart):
    """e encoders side by side, each trained by itself; a child's name is its number."""

    def __init__(self, stains: int, encoders: int) -> None:
        super().__init__()
        self.stains = stains
        self.width, self.groups = encoders * WIDTH, encoders
        for number in range(encoders):
            self.add_module(str(number), NeighbourEncoder(stains))

    def each(self) -> list[NeighbourEncoder]:
        """Return the encoders."""
        return list(self.children())  # type: ignore[arg-type]

    def measure(self, pictures: Tensor) -> Tensor:
        """Return the (n, 128 e) numbers of all encoders."""
        return torch.cat([encoder(pictures) for encoder in self.each()], dim=1)

    def precision(self, device: torch.device, chosen: torch.dtype) -> torch.dtype:
        """Return what the settings chose."""
        return chosen

    def applied(self, device: torch.device, dtype: torch.dtype) -> Features:
        """Fold BatchNorm and the unit of the codes into the convolutions, channels last."""
        stacks = [
            convolution_stack(
                [fuse_conv_bn_eval(*block) for block in encoder.blocks()], self.unit, device, dtype
            )
            for encoder in self.each()
        ]

        def features(pixels: Tensor) -> Tensor:
            x = pixels.to(dtype, memory_format=torch.channels_last)
            return torch.cat([stack(x).float().mean(dim=(2, 3)) for stack in stacks], dim=1)

        return features


def convolution_stack(
    convolutions: list[nn.Conv2d], unit: float, device: torch.device, dtype: torch.dtype
) -> nn.Sequential:
    """Chain convolutions, each with its LeakyReLU; the first divides its input by `unit`."""
    convolutions[0].weight.data /= unit
    layers = [layer for conv in convolutions for layer in (conv, nn.LeakyReLU(SLOPE, inplace=True))]
    stack = nn.Sequential(*layers).eval().requires_grad_(False)
    return stack.to(device, dtype, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _make(spec: ModelSpec) -> NeighbourEncoders:
    return NeighbourEncoders(len(spec.stains), spec.encoders)


def _trainer(network: NeighbourNetwork, settings: FitSettings) -> NeighbourTrainer:
    from napari_histoclust.core.model.neighbour_trainer import NeighbourTrainer

    return NeighbourTrainer(network, settings)


ENCODER = EncoderRecord(
    help="small networks trained on these slides, so that a patch and its surroundings agree.",
    make=_make,
    trainer=_trainer,
)
