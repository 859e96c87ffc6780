"""One feature space for models that each have their own, so that their indices can be compared.

It is computed from the pixels alone: no model, no seed, no K has a part in it, and two comparisons of the
same patches use the same space. Why this and not the latent of some model: docs/decisions/0004.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job, Progress

CHUNK = 32
"""Patches at a time: their densities fit the cache, which takes 40 % of the time of 256 at once."""
VARIANCE_KEPT = 0.95
AXES_AT_MOST = 32
DESCRIPTION = (
    "for each stain and colour channel the mean and spread of the optical density, its grain (mean step to "
    "the next px) and its patchiness (spread over 8 x 8 fields), each scaled to unit variance, then the "
    "principal axes that hold 95 % of it (at most 32)"
)

_FIELDS = 8
_OD = -np.log10((np.arange(256, dtype=np.float32) + 1) / 256)
"""Optical density of each px value; 1 is added so that black stays finite."""


def common_space(pixels: NDArray[np.uint8]) -> Job[NDArray[np.float32]]:
    """Describe patches by stain, contrast and texture.

    Parameters
    ----------
    pixels : (n, channels, i, i) uint8
        Patches as the network takes them; the side i is at least 8.

    Returns
    -------
    (n, axes) float32, axes <= 32, centred.

    Raises
    ------
    HistoclustError
        If all patches look alike.
    """
    parts = []
    for start in range(0, len(pixels), CHUNK):
        yield Progress("Describing patches by stain and texture", start, len(pixels))
        parts.append(stain_features(pixels[start : start + CHUNK]))
    return _principal_axes(np.concatenate(parts))


def stain_features(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Mean, spread, grain and patchiness of the optical density.

    Parameters
    ----------
    pixels : (n, channels, i, i) uint8

    Returns
    -------
    (n, 4 channels) float32
    """
    density = _OD[pixels]
    n, channels, side, _ = density.shape
    steps = np.abs(np.diff(density, axis=2)).mean(axis=(2, 3)) + np.abs(np.diff(density)).mean(axis=(2, 3))
    field = side // _FIELDS
    whole = density[:, :, : field * _FIELDS, : field * _FIELDS]
    fields = whole.reshape(n, channels, _FIELDS, field, _FIELDS, field).mean(axis=(3, 5))
    return np.concatenate(
        [density.mean(axis=(2, 3)), density.std(axis=(2, 3)), steps / 2, fields.std(axis=(2, 3))], axis=1
    ).astype(np.float32)


def _principal_axes(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale each feature to unit variance, drop constant ones, and turn to the axes of largest variance."""
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    spread = centred.std(axis=0)
    varying = spread > 1e-6
    if not varying.any():
        raise HistoclustError("All patches look alike, so that clusterings of them cannot be compared.")
    scaled = centred[:, varying] / spread[varying]
    variance, axes = np.linalg.eigh(scaled.T @ scaled / len(scaled))
    share = np.cumsum(variance[::-1]) / variance.sum()
    count = min(int(np.searchsorted(share, VARIANCE_KEPT)) + 1, AXES_AT_MOST)
    return np.asarray(scaled @ axes[:, ::-1][:, :count], np.float32)


def structureless(space: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Draw points of one Gaussian with the variances of the space: as many, as spread out, no clusters.

    Parameters
    ----------
    space : (n, axes) float32
        From `common_space`, whose axes are uncorrelated.
    """
    noise = np.random.default_rng(seed).standard_normal(space.shape, np.float32)
    return np.asarray(noise * space.std(axis=0), np.float32)
