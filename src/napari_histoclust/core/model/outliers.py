"""What a patch shows that the tissue does not: pen, folds, blur, bubbles, another tissue.

An encoder is taught to look past a stain's strength and a missing stain, so that it cannot say what is odd:
the pixels are asked themselves. A patch is described by how dense and how finely drawn each channel is, and
its distance is that of Mahalanobis from the patches that the model was trained on, in units of their spread.
n patches, s stains, i px a side, 6 s numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_histoclust.core.jobs import Job, Progress

UNIT = 40.0
"""Code of tissue at its stain's own strength, as `core/stains/calibration.py` gives it."""

FENCE = 4.0
"""Interquartile ranges above the upper quartile from which a patch is an outlier.

Tukey's "far out" is 3; 4 loses less rare tissue (0.1 % of a phantom's patches against 0.4 %) and finds pen
and folds as well.
"""

_FAINTEST_DETAIL = 0.01  # in units of the strength: below it a channel is as good as blank
_LEAST_VARIANCE = 1e-3  # of the largest axis: smaller ones are the noise of the px values
_ROUNDS, _LEAST_KEPT = 30, 0.95
_CHUNK = 256
Float = NDArray[np.float64]
BUFFERS = ("familiar_mean", "familiar_axes", "farthest")


@dataclass(frozen=True, eq=False)
class Familiar:
    """What a model has seen, as pixels show it.

    Parameters
    ----------
    mean : (6 s,) float32 tensor
    axes : (6 s, 6 s) float32 tensor
        Whiten the patches that trained, divided by the root of 6 s: their mean squared distance is 1.
    farthest : float
        Distance beyond which a patch is an outlier.
    """

    mean: Tensor
    axes: Tensor
    farthest: float

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> Familiar | None:
        """Return what the weights of a model say; None for a model that was not taught it."""
        if not set(BUFFERS) <= set(state):
            return None
        return cls(state["familiar_mean"], state["familiar_axes"], float(state["farthest"]))

    def blind_to(self, stains: Sequence[int]) -> Familiar:
        """Return what is known of the other stains, for slides that lack those with these numbers."""
        channels = np.array([3 * stain + colour for stain in stains for colour in range(3)], np.int64)
        axes = self.axes.double().numpy()
        seen = np.ones(len(axes), bool)
        seen[channels] = seen[channels + len(axes) // 2] = False
        spread = np.linalg.pinv(axes @ axes.T)[np.ix_(seen, seen)]  # len(axes) times the covariance
        variance, vectors = np.linalg.eigh(np.linalg.pinv(spread) * len(axes) / seen.sum())
        blind = np.zeros_like(axes)
        blind[np.ix_(seen, seen)] = vectors * np.sqrt(variance.clip(0))
        return replace(self, axes=torch.from_numpy(blind).float())

    def distance(self, codes: Tensor) -> NDArray[np.float32]:
        """Return the (n,) distances of (n, 3 s, i, i) uint8 calibrated patches; a common one has 1."""
        far = ((describe_pixels(codes) - self.mean.to(codes.device)) @ self.axes.to(codes.device)).norm(dim=1)
        return np.asarray(far.cpu().numpy(), np.float32)


def describe_pixels(codes: Tensor) -> Tensor:
    """Return mean density and logarithm of the mean detail of each channel, (n, 6 s) float32.

    Detail is the absolute Laplacian, which blur takes away first.

    Parameters
    ----------
    codes : (n, 3 s, i, i) uint8 tensor
    """
    x = codes.float() / UNIT
    around = x[..., 2:, 1:-1] + x[..., :-2, 1:-1] + x[..., 1:-1, 2:] + x[..., 1:-1, :-2]
    detail = (4 * x[..., 1:-1, 1:-1] - around).abs().mean(dim=(2, 3))
    return torch.cat([x.mean(dim=(2, 3)), torch.log(detail + _FAINTEST_DETAIL)], dim=1)


def learn_familiar(
    codes: Tensor, rows: NDArray[np.int64], side_px: int
) -> Job[tuple[Familiar, NDArray[np.float32]]]:
    """Learn what the patches that train look like, and their own (n,) distances.

    Parameters
    ----------
    codes : (p, 3 s, i + 2 m, i + 2 m) uint8 tensor
        Patches with what lies around them.
    rows : (n,) int64
        Which of them.
    side_px : int
        i.
    """
    margin = (codes.shape[-1] - side_px) // 2
    inner = slice(margin, margin + side_px)
    parts: list[Tensor] = []
    for chunk in np.array_split(rows, max(1, len(rows) // _CHUNK)):
        yield Progress("Learning what the tissue looks like", len(parts) * _CHUNK, len(rows))
        parts.append(describe_pixels(codes[torch.from_numpy(chunk)][..., inner, inner]).cpu())
    mean, axes, distances = settle(torch.cat(parts).double().numpy())
    found = Familiar(torch.from_numpy(mean).float(), torch.from_numpy(axes).float(), fence(distances))
    return found, distances.astype(np.float32)


def settle(described: Float) -> tuple[Float, Float, Float]:
    """Return mean, axes and the (n,) distances, learned without the outliers of (n, f) described patches.

    What is odd widens the spread that it is measured in, and so hides itself; it is left out and the rest
    learned anew until nothing changes.
    """
    kept = np.ones(len(described), bool)
    for _ in range(_ROUNDS):
        mean, axes = whiten(described[kept])
        distances = np.linalg.norm((described - mean) @ axes, axis=1)
        within = distances <= fence(distances)
        if (within == kept).all():
            break
        kept = within
    return mean, axes, distances


def whiten(described: Float) -> tuple[Float, Float]:
    """Return the (f,) mean and (f, f) axes along which (n, f) numbers have variance 1 / f each."""
    mean, spread = described.mean(axis=0), described.std(axis=0)
    spread[spread < 1e-6] = np.inf  # a channel without any variance says nothing
    variance, vectors = np.linalg.eigh(np.cov(((described - mean) / spread).T, bias=True))
    least = max(_LEAST_VARIANCE * variance.max(), 1e-12)
    scaled = vectors / np.sqrt(np.maximum(variance, least) * len(mean))
    return mean, scaled / spread[:, None]


def fence(distances: NDArray[np.floating]) -> float:
    """Return the distance from which on a patch is an outlier (Tukey 1977, the outer fence).

    Where more than a twentieth of the patches that train lie beyond, they are tissue: then it is the largest.
    """
    low, high = np.quantile(distances, [0.25, 0.75])
    far = float(high + FENCE * (high - low))
    return far if (distances <= far).mean() >= _LEAST_KEPT else float(distances.max())
