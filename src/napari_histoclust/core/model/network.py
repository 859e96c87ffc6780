"""The network of the paper: encoder, classifier and decoder (Rumman et al. 2023, Methods).

Names of layers are those of the authors' published checkpoints, so that their files load as they are.
n patches, s stains, K clusters; `input_px` is the side of the network's input, 64 in the paper.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

LATENT = 128
"""Channels of the encoder's last layer, and length of a patch's latent vector."""

SLOPE = 0.1
"""Slope of every LeakyReLU below zero."""

_ENCODER = (45, 128, 196, LATENT)
_DECODER = (196, 128, 45)


class Output(NamedTuple):
    """What one pass gives.

    Attributes
    ----------
    hidden : (n, 128, input_px / 16, input_px / 16) tensor
    logits : (n, K, 1, 1) tensor
    picture : (n, 3 s, input_px, input_px) tensor
        The reconstruction, 0..1.
    """

    hidden: Tensor
    logits: Tensor
    picture: Tensor


Block = tuple[nn.Conv2d, nn.BatchNorm2d]


def _norm_by_view(norm: nn.BatchNorm2d, x: Tensor, views: int) -> Tensor:
    """Apply BatchNorm to each view by itself, as the paper's separate passes do, first view first."""
    return torch.cat([norm(view) for view in x.chunk(views)]) if views > 1 else norm(x)


def _pairs(module: nn.Module, convolution: str, norm: str, levels: tuple[int, ...]) -> list[Block]:
    layers: dict[str, Any] = dict(module.named_children())
    return [(layers[f"{convolution}{level}"], layers[f"{norm}{level}"]) for level in levels]


class ConvEncoder(nn.Module):
    """Four times [convolution k4 s2 p1, BatchNorm, LeakyReLU], 3 s - 45 - 128 - 196 - 128 channels.

    907,267 parameters for five stains.
    """

    def __init__(self, stains: int) -> None:
        super().__init__()
        before = 3 * stains
        for level, channels in enumerate(_ENCODER, start=1):
            self.add_module(f"conv{level}", nn.Conv2d(before, channels, 4, stride=2, padding=1))
            self.add_module(f"bnor{level}", nn.BatchNorm2d(channels))
            before = channels

    def blocks(self) -> list[Block]:
        """Return the pairs of convolution and BatchNorm, first to last."""
        return _pairs(self, "conv", "bnor", (1, 2, 3, 4))

    def forward(self, pictures: Tensor, views: int = 1) -> Tensor:
        """Map pictures to h in one pass.

        Parameters
        ----------
        pictures : (views n, 3 s, i, i) tensor
            Values 0..1; all patches of the first view, then all of the second.
        views : int
            BatchNorm takes its statistics from each view by itself, so that one pass over two views
            gives what two passes give.

        Returns
        -------
        (views n, 128, i / 16, i / 16) tensor
        """
        x = pictures
        for convolution, norm in self.blocks():
            x = functional.leaky_relu(_norm_by_view(norm, convolution(x), views), SLOPE)
        return x


class Classifier(nn.Module):
    """Convolution over the whole grid of h, then two of 1x1; 280,846 parameters for 14 clusters.

    The last LeakyReLU, on the logits, is the paper's.
    """

    def __init__(self, clusters: int, grid_px: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(LATENT, LATENT, grid_px)
        self.bnor1 = nn.BatchNorm2d(LATENT)
        self.conv2 = nn.Conv2d(LATENT, LATENT, 1)
        self.conv3 = nn.Conv2d(LATENT, clusters, 1)

    def forward(self, hidden: Tensor, views: int = 1) -> Tensor:
        """Map h of `views` views, one after the other, to (views n, K, 1, 1) logits."""
        x = functional.leaky_relu(_norm_by_view(self.bnor1, self.conv1(hidden), views), SLOPE)
        x = functional.leaky_relu(self.conv2(x), SLOPE)
        return functional.leaky_relu(self.conv3(x), SLOPE)


class Decoder(nn.Module):
    """Four times [bilinear x2, convolution k3 p1, BatchNorm, LeakyReLU]; the last ends in a sigmoid.

    535,347 parameters for five stains and 14 clusters.
    """

    def __init__(self, stains: int, clusters: int) -> None:
        super().__init__()
        before = LATENT + clusters
        for level, channels in zip((4, 3, 2, 1), (*_DECODER, 3 * stains), strict=True):
            self.add_module(f"dcov{level}", nn.Conv2d(before, channels, 3, padding=1))
            self.add_module(f"norm{level}", nn.BatchNorm2d(channels))
            before = channels

    def blocks(self) -> list[Block]:
        """Return the pairs of convolution and BatchNorm, first to last."""
        return _pairs(self, "dcov", "norm", (4, 3, 2, 1))

    def forward(self, hidden: Tensor, logits: Tensor) -> Tensor:
        """Rebuild the pictures, (n, 3 s, i, i) in 0..1, from h and the logits."""
        x = torch.cat([hidden, logits.expand(-1, -1, *hidden.shape[2:])], dim=1)
        *inner, last = self.blocks()
        for block in inner:
            x = functional.leaky_relu(_enlarge(x, block), SLOPE)
        return torch.sigmoid(_enlarge(x, last))


def _enlarge(x: Tensor, block: Block) -> Tensor:
    convolution, norm = block
    x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
    enlarged: Tensor = norm(convolution(x))
    return enlarged


class Network(nn.Module):
    """Encoder, classifier and decoder together.

    Parameters
    ----------
    stains : int
        Number of stains, three channels each.
    clusters : int
        K.
    input_px : int
        Side of the input, a multiple of 16.
    """

    def __init__(self, stains: int, clusters: int, input_px: int = 64) -> None:
        super().__init__()
        self.encoder = ConvEncoder(stains)
        self.input_px = input_px
        self.classifier = Classifier(clusters, input_px // 16)
        self.decoder = Decoder(stains, clusters)

    def forward(self, pictures: Tensor) -> Output:
        """Encode, classify and rebuild (n, 3 s, i, i) pictures in 0..1."""
        hidden = self.encoder(pictures)
        logits = self.classifier(hidden)
        return Output(hidden, logits, self.decoder(hidden, logits))


def latent_vectors(hidden: Tensor) -> Tensor:
    """Describe each patch by 128 numbers that sum to 1: softmax over channels of h, mean over the grid.

    Parameters
    ----------
    hidden : (n, 128, g, g) tensor

    Returns
    -------
    (n, 128) float32 tensor
    """
    return hidden.float().softmax(dim=1).mean(dim=(2, 3))
