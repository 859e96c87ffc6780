"""Random views of patches, drawn on the CPU and made in one go on the processor that trains.

All geometry of a patch (turn, mirror, rotation, shift, scale) is one affine map from the place in the new
picture to the place in the old one, so that each pixel is looked up once, by nearest neighbour.
n patches, s stains, i px a side.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_histoclust.core.config import FitSettings


class Views(NamedTuple):
    """How each patch is changed.

    Attributes
    ----------
    maps : (n, s, 2, 3) float32
        Affine maps from new to old place, (y, x) in px from the centre of the picture.
    density : (n, s) float32
        Factors on the optical density, -log(value / 255).
    """

    maps: NDArray[np.float32]
    density: NDArray[np.float32]


def draw_views(settings: FitSettings, n: int, stains: int, input_px: int, rng: np.random.Generator) -> Views:
    """Draw the changes for n patches.

    Rotation, shift (both axes by themselves) and scale are uniform between plus and minus the settings'
    largest values: for each stain by itself (the paper), or one draw for all stains of a patch. Turns and
    mirror images are always shared, else the stains would no longer lie on each other.
    """
    shape = (n, stains if settings.per_stain_affine else 1)
    angle = np.deg2rad(rng.uniform(-settings.rotation_deg, settings.rotation_deg, shape))
    scale = rng.uniform(1 - settings.scale, 1 + settings.scale, shape)
    shift = rng.uniform(-settings.shift, settings.shift, (*shape, 2, 1)) * input_px
    linear = _rotation(angle) / scale[..., None, None]
    if settings.flips:
        linear = _quarter_turns(n, rng)[:, None] @ linear
    maps = np.concatenate([linear, -linear @ shift], axis=-1)
    density = rng.uniform(1 - settings.od_jitter, 1 + settings.od_jitter, (n, stains))
    shared = np.broadcast_to(maps, (n, stains, 2, 3))
    return Views(shared.astype(np.float32), density.astype(np.float32))


def _rotation(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)


def _quarter_turns(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw n of the eight symmetries of the square, as exact (n, 2, 2) matrices."""
    turn = np.array([[0, -1], [1, 0]])
    turns = [np.linalg.matrix_power(turn, k) for k in range(4)]
    eight = np.array(turns + [np.array([[1, 0], [0, -1]]) @ t for t in turns], np.float64)
    return eight[rng.integers(8, size=n)]


def make_views(pixels: Tensor, views: Views, fill: Tensor, margin_px: int = 0) -> Tensor:
    """Look up the changed patches.

    Parameters
    ----------
    pixels : (n, i + 2 m, i + 2 m, 3 s) uint8 tensor
        The patches and what lies around them.
    views : Views
    fill : (s, 3) uint8 tensor
        Colour for places outside the picture.
    margin_px : int
        Width m of what lies around.

    Returns
    -------
    (n, i, i, 3 s) float32 tensor
        Values 0..1.
    """
    n, stains, side = len(pixels), len(fill), pixels.shape[1] - 2 * margin_px
    rows = _source_rows(torch.from_numpy(views.maps).to(pixels.device), side, pixels.shape[1])
    colours = torch.cat([pixels.reshape(-1, 3), fill])
    changed = colours.index_select(0, rows).view(n, side, side, stains, 3).float().div_(255)
    if np.any(views.density != 1):
        density = torch.from_numpy(views.density).to(pixels.device)
        changed = changed.pow(density.view(n, 1, 1, stains, 1))
    return changed.view(n, side, side, 3 * stains)


Pixels = TypeVar("Pixels", Tensor, NDArray[np.uint8])


def margin_of(pixels: Tensor | NDArray[np.uint8], input_px: int) -> int:
    """Return the width m of what lies around the patches in (n, c, i + 2 m, i + 2 m)."""
    return int(pixels.shape[-1] - input_px) // 2


def inner(pixels: Pixels, input_px: int) -> Pixels:
    """Return the patches, (n, c, i, i), without what lies around them in (n, c, i + 2 m, i + 2 m)."""
    margin_px = margin_of(pixels, input_px)
    return pixels[..., margin_px : margin_px + input_px, margin_px : margin_px + input_px]


def _source_rows(maps: Tensor, side: int, whole: int) -> Tensor:
    """Return (n i i s,) rows of the table of colours; rows past the pixels hold the fill of each stain.

    The pictures are `side` px wide, those looked up `whole` px, with the same centre.
    """
    n, stains = maps.shape[:2]
    axis = torch.arange(side, device=maps.device, dtype=torch.float32) - (side - 1) / 2
    place = torch.stack(
        [*torch.meshgrid(axis, axis, indexing="ij"), torch.ones(side, side, device=maps.device)]
    )
    source = (maps.reshape(-1, 3) @ place.view(3, -1)).view(n, stains, 2, side * side)
    source = source.add_((whole - 1) / 2).round_()
    inside = ((source >= 0) & (source < whole)).all(dim=2)
    y, x = source.long().unbind(dim=2)
    patch = torch.arange(n, device=maps.device).view(n, 1, 1)
    stain = torch.arange(stains, device=maps.device).view(1, stains, 1)
    rows = ((patch * whole + y) * whole + x) * stains + stain
    outside = n * whole * whole * stains + stain
    return torch.where(inside, rows, outside).transpose(1, 2).reshape(-1)
