"""What unlike stains of neighbouring sections have in common: edges and outlines, not cells and colours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_histoclust.core.slides.protocol import UInt8

Picture = NDArray[np.float32]
Mask = NDArray[np.bool_]

EDGE_PX, RANK_PX = 1.5, 2.0
# What changes more slowly than this is shading and the slide's own staining, not structure.
_BROAD_BOX_PX = 61  # twice, like a Gaussian of 25 px
_BINS = 1024
_LARGEST_DENSITY = float(np.log(256))
# Structure this near to what is not valid would be the edge of the hole.
_MARGIN_PX = 4


def optical_density(picture: UInt8) -> Picture:
    """Return the (h, w) optical density of the mean colour, -ln((value + 1) / 256)."""
    mean = picture.mean(axis=2, dtype=np.float32)
    return np.asarray(-np.log((mean + 1) / 256), np.float32)


def edge_strength(density: Picture) -> Picture:
    """Return the gradient of the optical density, strong edges held down to the common ones, 0..1."""
    edges = ndimage.gaussian_gradient_magnitude(density, EDGE_PX)
    ceiling = float(np.quantile(edges, 0.98)) or 1.0
    return np.asarray(np.minimum(edges / ceiling, 1), np.float32)


def density_rank(density: Picture) -> Picture:
    """Return the share of px that are lighter, less its broad mean: dense against light, in any stain."""
    smooth = ndimage.gaussian_filter(density, RANK_PX)
    bins = np.clip(smooth * (_BINS / _LARGEST_DENSITY), 0, _BINS - 1).astype(np.int32)
    counts = np.bincount(bins.ravel(), minlength=_BINS)
    share = ((np.cumsum(counts) - counts / 2) / bins.size).astype(np.float32)
    rank = share[bins]
    return np.asarray(rank - _broad_mean(rank), np.float32)


def _broad_mean(picture: Picture) -> Picture:
    """Mean over a neighbourhood, nearly a Gaussian: two boxes cost the same at any width."""
    once = ndimage.uniform_filter(picture, _BROAD_BOX_PX, mode="nearest")
    return np.asarray(ndimage.uniform_filter(once, _BROAD_BOX_PX, mode="nearest"), np.float32)


def structure(picture: UInt8, valid: Mask) -> NDArray[np.float32]:
    """Return the (2, h, w) pictures that are compared: edges and ranks, zero where nothing is valid.

    Parameters
    ----------
    picture : (h, w, 3) uint8
        One stain in small.
    valid : (h, w) bool
        Where it shows anything.
    """
    density = optical_density(picture)
    kept = ndimage.binary_erosion(valid, iterations=_MARGIN_PX, border_value=1) if not valid.all() else valid
    parts = np.stack([edge_strength(density), density_rank(density)])
    parts[0] -= parts[0].mean()
    parts *= kept
    return parts
