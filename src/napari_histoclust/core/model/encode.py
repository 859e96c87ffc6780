"""Patches in, latent vectors and cluster probabilities out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from napari_histoclust.core.model.bundle import Model
from napari_histoclust.core.model.confidence import Confidence
from napari_histoclust.core.model.devices import choose_device, choose_precision, readable_memory_errors
from napari_histoclust.core.model.encoders.neighbours import convolution_stack
from napari_histoclust.core.model.neighbours import NeighbourNetwork
from napari_histoclust.core.model.network import Network, latent_vectors
from napari_histoclust.core.model.outliers import Familiar
from napari_histoclust.core.model.posterior import Scores, probabilities_of, scores_of
from napari_histoclust.core.settings import ComputeSettings

Tables = NDArray[np.uint8] | None
Applied = Callable[[Tensor], tuple[Tensor, Tensor]]

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


def calibrated(pixels: Tensor, tables: Tables) -> Tensor:
    """Return the codes of (n, 3 s, h, w) uint8 pixels by (3 s, 256) tables; without tables the pixels.

    They are stored in the order of the pixels.
    """
    if tables is None:
        return pixels
    codes = torch.empty_like(pixels)
    for channel, table in enumerate(torch.from_numpy(tables)):
        codes[:, channel] = table[pixels[:, channel].int()]
    return codes


@dataclass(frozen=True, eq=False)
class Encoded:
    """What a model says of n patches.

    Attributes
    ----------
    latent : (n, l) float32
        128 numbers that sum to 1 (the paper's network), or the place in the metric.
    probabilities : (n, K) float32
        Each row sums to 1.
    distance : (n,) float32 or None
        From what the model has seen (`core/model/outliers.py`); None for a model that was not taught it.
    """

    latent: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    distance: NDArray[np.float32] | None = None

    @property
    def labels(self) -> NDArray[np.int16]:
        """(n,) cluster of each patch, 1..K."""
        return self._scores.labels

    @property
    def confidence(self) -> NDArray[np.float32]:
        """(n,) largest probability."""
        return self._scores.confidence

    @property
    def entropy(self) -> NDArray[np.float32]:
        """(n,) entropy of the probabilities, natural logarithm."""
        return self._scores.entropy

    @cached_property
    def _scores(self) -> Scores:
        return scores_of(self.probabilities)


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
        If the device is not there, or the frozen network that the model was made with.
    """

    def __init__(self, model: Model, settings: ComputeSettings | None = None) -> None:
        settings = settings or ComputeSettings()
        self.spec = model.spec
        self._device = choose_device(settings)
        self._dtype = choose_precision(settings, self._device)
        network = model.network()
        self._familiar = Familiar.of(model.state)
        self._apply = _applied(network, self._device, self._dtype)
        self.chunk = _CHUNK[self._device.type]
        if isinstance(network, NeighbourNetwork):
            self.chunk = network.encoders.chunk or self.chunk
            self._dtype = network.encoders.precision(self._device, self._dtype)

    @property
    def farthest(self) -> float | None:
        """Distance beyond which a patch is an outlier; None for a model that cannot tell."""
        return None if self._familiar is None else self._familiar.farthest

    @property
    def device_name(self) -> str:
        """Processor and precision, for a run's manifest, such as "cpu, bfloat16"."""
        return f"{self._device.type}, {str(self._dtype).removeprefix('torch.')}"

    def encode(self, patches: NDArray[np.uint8], tables: Tables = None) -> Encoded:
        """Encode (n, s, p, p, 3) uint8 patches, stains in the order of the model."""
        return self.encode_pixels(self.prepare(patches, tables))

    def prepare(self, patches: NDArray[np.uint8], tables: Tables = None) -> Tensor:
        """Bring patches to the network's size and, where the model asks for it, calibrate them.

        Parameters
        ----------
        patches : (n, s, p, p, 3) uint8
        tables : (3 s, 256) uint8 or None
            Codes of the px values on the patches' slide; None for a model that takes px values as they are.

        Returns
        -------
        (n, 3 s, i, i) uint8 tensor
        """
        return calibrated(resize_patches(patches, self.spec.input_px, self.spec.axes), tables)

    def encode_pixels(self, pixels: Tensor) -> Encoded:
        """Encode (n, 3 s, i, i) uint8 pixels as `prepare` gives them."""
        latent = np.empty((len(pixels), self.spec.latent), np.float32)
        probabilities = np.empty((len(pixels), self.spec.clusters), np.float32)
        with torch.inference_mode(), readable_memory_errors():
            for rows, chunk in self._chunks(pixels):
                numbers, shares = self._apply(chunk.to(self._device, non_blocking=True))
                size = rows.stop - rows.start
                latent[rows] = numbers[:size].float().cpu().numpy()
                probabilities[rows] = shares[:size].cpu().numpy()
        return Encoded(latent, probabilities, self._distances(pixels))

    def _distances(self, pixels: Tensor) -> NDArray[np.float32] | None:
        """Ask the pixels themselves, in chunks of the same size."""
        if self._familiar is None:
            return None
        parts = [self._familiar.distance(chunk) for chunk in torch.split(pixels, self.chunk)]
        return np.concatenate([np.zeros(0, np.float32), *parts])

    def _chunks(self, pixels: Tensor) -> Iterator[tuple[slice, Tensor]]:
        for start in range(0, len(pixels), self.chunk):
            chunk = pixels[start : start + self.chunk]
            missing = self.chunk - len(chunk)
            if missing:
                chunk = torch.cat([chunk, chunk[:1].expand(missing, -1, -1, -1)])
            yield slice(start, start + self.chunk - missing), chunk


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
        self._encoded = 0

    def add(self, patches: NDArray[np.uint8], tables: Tables = None) -> Iterator[int]:
        """Take (n, s, p, p, 3) uint8 patches of one slide and encode what fills whole chunks.

        Yields
        ------
        int
            After each chunk, the patches encoded so far: large networks take seconds for one.
        """
        size = self._encoder.chunk
        self._waiting.append(self._encoder.prepare(patches, tables))
        whole = sum(len(pixels) for pixels in self._waiting) // size * size
        if whole:
            pixels = torch.cat(self._waiting)
            self._waiting = [pixels[whole:].clone(memory_format=torch.channels_last)]
            for start in range(0, whole, size):
                self._parts.append(self._encoder.encode_pixels(pixels[start : start + size]))
                self._encoded += size
                yield self._encoded

    def finish(self) -> Encoded:
        """Encode the rest and return all, in the order in which they came."""
        if self._waiting:
            self._parts.append(self._encoder.encode_pixels(torch.cat(self._waiting)))
            self._waiting = []
        return joined(self._parts)


def joined(parts: Sequence[Encoded]) -> Encoded:
    """Return what a model says of patches that passed in several parts, one after the other."""
    distances = [part.distance for part in parts if part.distance is not None]
    return Encoded(
        np.concatenate([part.latent for part in parts]),
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate(distances) if distances else None,
    )


def _applied(network: Network | NeighbourNetwork, device: torch.device, dtype: torch.dtype) -> Applied:
    """Return the function from (n, 3 s, i, i) uint8 pixels to (n, l) numbers and (n, K) probabilities."""
    if isinstance(network, NeighbourNetwork):
        return _AppliedNeighbours(network, device, dtype)
    return _AppliedAutoencoder(network, device, dtype)


class _AppliedAutoencoder:
    """Encoder and classifier without BatchNorm and with the division by 255 in the first weights."""

    def __init__(self, network: Network, device: torch.device, dtype: torch.dtype) -> None:
        classifier = network.classifier
        convolutions = [fuse_conv_bn_eval(*block) for block in network.encoder.blocks()]
        head = [fuse_conv_bn_eval(classifier.conv1, classifier.bnor1), classifier.conv2, classifier.conv3]
        self._encoder = convolution_stack(convolutions, 255.0, device, dtype)
        self._head = convolution_stack(head, 1.0, device, dtype)
        self._dtype = dtype

    def __call__(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self._encoder(pixels.to(self._dtype, memory_format=torch.channels_last))
        return latent_vectors(hidden), self._head(hidden).float().flatten(1).softmax(dim=1)


class _AppliedNeighbours:
    """The encoder as it applies itself, and the metric in 32 bits."""

    def __init__(self, network: NeighbourNetwork, device: torch.device, dtype: torch.dtype) -> None:
        self._features = network.encoders.applied(device, dtype)
        self._centres = network.centres.numpy()
        self._confidence = Confidence(float(network.temperature), float(network.lapse))
        self._label = network.to(device).label

    def __call__(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return places and probabilities, the latter to the bit as a change of K finds them."""
        places = self._label(self._features(pixels))[0].float().cpu()
        shares = probabilities_of(places.numpy(), self._centres, self._confidence)
        return places, torch.from_numpy(shares)
