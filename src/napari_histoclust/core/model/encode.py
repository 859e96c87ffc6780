"""Patches in, latent vectors and cluster probabilities out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from napari_histoclust.core.config import ComputeSettings
from napari_histoclust.core.model.bundle import Model
from napari_histoclust.core.model.devices import choose_device, choose_precision, readable_memory_errors
from napari_histoclust.core.model.network import SLOPE, latent_vectors

_CHUNK = {"cpu": 64, "cuda": 1024, "mps": 256}


def resize_patches(patches: NDArray[np.uint8], input_px: int, axes: Literal["yx", "xy"] = "yx") -> Tensor:
    """Bring patches to the network's size and layout.

    Bicubic with antialiasing: of the kinds tried on the paper's tiles it alone gives the published
    reconstruction errors (0.006 to 0.028 a cluster).

    Parameters
    ----------
    patches : (n, s, p, p, 3) uint8
        Patches of s stains, axes y, x.
    input_px : int
        Side i of the result.
    axes : "yx" or "xy"
        Order of the image axes in the result.

    Returns
    -------
    (n, 3 s, i, i) uint8 tensor, stored channels last
    """
    n, s, height, width, _ = patches.shape
    pictures = (
        torch.from_numpy(np.require(patches, requirements=["C", "W"]))
        .view(n * s, height, width, 3)
        .permute(0, 3, 1, 2)
    )
    if (height, width) != (input_px, input_px):
        pictures = functional.interpolate(pictures, size=input_px, mode="bicubic", antialias=True)
    order = (0, 2, 3, 1, 4) if axes == "yx" else (0, 3, 2, 1, 4)
    by_stain = pictures.permute(0, 2, 3, 1).reshape(n, s, input_px, input_px, 3)
    stored = by_stain.permute(*order).reshape(n, input_px, input_px, 3 * s)
    return stored.permute(0, 3, 1, 2)


@dataclass(frozen=True, eq=False)
class Encoded:
    """What a model says of n patches.

    Attributes
    ----------
    latent : (n, 128) float32
        Each row sums to 1.
    probabilities : (n, K) float32
        Each row sums to 1.
    """

    latent: NDArray[np.float32]
    probabilities: NDArray[np.float32]

    @cached_property
    def labels(self) -> NDArray[np.int16]:
        """(n,) cluster of each patch, 1..K."""
        labels: NDArray[np.int16] = (self.probabilities.argmax(axis=1) + 1).astype(np.int16)
        return labels

    @cached_property
    def confidence(self) -> NDArray[np.float32]:
        """(n,) largest probability."""
        confidence: NDArray[np.float32] = self.probabilities.max(axis=1)
        return confidence

    @cached_property
    def entropy(self) -> NDArray[np.float32]:
        """(n,) entropy of the probabilities, natural logarithm."""
        p = self.probabilities
        entropy: NDArray[np.float32] = -(p * np.log(p + np.float32(1e-8))).sum(axis=1)
        return entropy


class Encoder:
    """A model made ready to be applied: BatchNorm folded into the convolutions, channels last.

    Patches pass in chunks of one fixed size, the last one padded, so that the result of a patch does not
    depend on how many were given with it.

    Parameters
    ----------
    model : Model
    settings : ComputeSettings
        Device and precision.

    Raises
    ------
    HistoclustError
        If the device is not there.
    """

    def __init__(self, model: Model, settings: ComputeSettings | None = None) -> None:
        settings = settings or ComputeSettings()
        self.spec = model.spec
        self._device = choose_device(settings)
        self._dtype = choose_precision(settings, self._device)
        self.chunk = _CHUNK[self._device.type]
        self._encoder, self._head = _fold(model)
        for part in (self._encoder, self._head):
            part.to(self._device, self._dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def device_name(self) -> str:
        """Processor and precision, for a run's manifest, such as "cpu, bfloat16"."""
        return f"{self._device.type}, {str(self._dtype).removeprefix('torch.')}"

    def encode(self, patches: NDArray[np.uint8]) -> Encoded:
        """Encode (n, s, p, p, 3) uint8 patches, stains in the order of the model."""
        return self.encode_pixels(resize_patches(patches, self.spec.input_px, self.spec.axes))

    def encode_pixels(self, pixels: Tensor) -> Encoded:
        """Encode (n, 3 s, i, i) uint8 pixels as `resize_patches` gives them."""
        latent = np.empty((len(pixels), 128), np.float32)
        probabilities = np.empty((len(pixels), self.spec.clusters), np.float32)
        with torch.inference_mode(), readable_memory_errors():
            for rows, chunk in self._chunks(pixels):
                h, logits = self._apply(chunk)
                size = rows.stop - rows.start
                latent[rows] = latent_vectors(h)[:size].cpu().numpy()
                probabilities[rows] = logits.float().flatten(1).softmax(dim=1)[:size].cpu().numpy()
        return Encoded(latent, probabilities)

    def _chunks(self, pixels: Tensor) -> Iterator[tuple[slice, Tensor]]:
        for start in range(0, len(pixels), self.chunk):
            chunk = pixels[start : start + self.chunk]
            missing = self.chunk - len(chunk)
            if missing:
                chunk = torch.cat([chunk, chunk[:1].expand(missing, -1, -1, -1)])
            yield slice(start, start + self.chunk - missing), chunk

    def _apply(self, chunk: Tensor) -> tuple[Tensor, Tensor]:
        x = chunk.to(self._device, non_blocking=True).to(self._dtype, memory_format=torch.channels_last)
        hidden = self._encoder(x)
        return hidden, self._head(hidden)


class EncodingStream:
    """Patches that come in pieces of any size and pass through the model in full chunks.

    A piece by itself is padded to a whole chunk: 102 patches cost as much as 128 on a processor, and as much
    as 1,024 on a graphics card.

    Parameters
    ----------
    encoder : Encoder
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._waiting: list[Tensor] = []
        self._parts: list[Encoded] = []

    def add(self, patches: NDArray[np.uint8]) -> None:
        """Take (n, s, p, p, 3) uint8 patches and encode what fills whole chunks."""
        spec, size = self._encoder.spec, self._encoder.chunk
        self._waiting.append(resize_patches(patches, spec.input_px, spec.axes))
        whole = sum(len(pixels) for pixels in self._waiting) // size * size
        if whole:
            pixels = torch.cat(self._waiting)
            self._parts.append(self._encoder.encode_pixels(pixels[:whole]))
            self._waiting = [pixels[whole:].clone(memory_format=torch.channels_last)]

    def finish(self) -> Encoded:
        """Encode the rest and return all, in the order in which they came."""
        if self._waiting:
            self._parts.append(self._encoder.encode_pixels(torch.cat(self._waiting)))
            self._waiting = []
        return Encoded(
            np.concatenate([part.latent for part in self._parts]),
            np.concatenate([part.probabilities for part in self._parts]),
        )


def _fold(model: Model) -> tuple[nn.Sequential, nn.Sequential]:
    """Return encoder and classifier without BatchNorm and with the division by 255 in the first weights."""
    network = model.network()
    classifier = network.classifier
    convolutions = [fuse_conv_bn_eval(*block) for block in network.encoder.blocks()]
    convolutions[0].weight.data /= 255.0
    head = [fuse_conv_bn_eval(classifier.conv1, classifier.bnor1), classifier.conv2, classifier.conv3]
    return _stack(convolutions), _stack(head)


def _stack(convolutions: list[nn.Conv2d]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for convolution in convolutions:
        layers += [convolution, nn.LeakyReLU(SLOPE, inplace=True)]
    return nn.Sequential(*layers).eval().requires_grad_(False)
