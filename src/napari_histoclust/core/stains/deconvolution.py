"""How much of each dye lies in a patch: haematoxylin and eosin, or haematoxylin and DAB.

Optical densities of dyes add up, so the density of a px is a sum of the dyes' own vectors, each times its
amount; the inverse of the matrix of vectors gives the amounts back (Ruifrok & Johnston 2001, Anal Quant Cytol
Histol 23:291). The third vector, at right angles to both dyes, takes what neither explains. The vectors are
estimated slide by slide from pixels (Macenko et al. 2009, ISBI, p. 1107) and, where the estimate is not
believable, are those that Ruifrok and Johnston published.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.patches.grid import PatchGrid
from napari_histoclust.core.patches.reader import cut_patches
from napari_histoclust.core.slides.names import recognise_stain
from napari_histoclust.core.slides.stack import Stack
from napari_histoclust.core.stains.optical_density import channel_optical_density, optical_density

Float = NDArray[np.float64]

HAEMATOXYLIN, EOSIN, DAB = "haematoxylin", "eosin", "DAB"

PUBLISHED = {
    HAEMATOXYLIN: (0.650, 0.704, 0.286),
    EOSIN: (0.072, 0.990, 0.105),
    DAB: (0.268, 0.570, 0.776),
}
"""Density in red, green and blue of the dyes by themselves (Ruifrok & Johnston); nearly of length 1."""

# Dyes of another chemistry; every other stain that we know by name is an antibody shown by DAB.
_NEITHER = frozenset(("MT", "PAS", "PAS-D", "AB-PAS", "PSR", "AlcianBlue", "EVG", "DAPI"))

_SAMPLED = 48  # patches looked at to estimate the vectors of a slide, spread evenly over the tissue
_SIDE_PX = 64  # px looked at along their sides
_CLEAR_OD = 0.065  # Macenko's 0.15, which is a natural logarithm
_FEWEST_PX = 500
_PERCENTILE = 1.0  # of the angles in the dyes' plane; Macenko's alpha
_FARTHEST_DEG = 20.0  # from the published vector
_NEAREST_DEG = 15.0  # between the two dyes


def dyes_of(stain: str) -> tuple[str, str] | None:
    """Return haematoxylin and eosin for HE, haematoxylin and DAB for an antibody, None for anything else."""
    known = recognise_stain(stain)
    if known is None or known in _NEITHER:
        return None
    return (HAEMATOXYLIN, EOSIN) if known == "HE" else (HAEMATOXYLIN, DAB)


@dataclass(frozen=True, eq=False)
class DyeVectors:
    """The two dyes of one stain of one slide.

    Parameters
    ----------
    stain : str
    dyes : (str, str)
    vectors : (2, 3) float64
        Optical density of each dye in red, green and blue, of length 1.
    estimated : bool
        Whether they were estimated from this slide; else they are the published ones.
    """

    stain: str
    dyes: tuple[str, str]
    vectors: Float
    estimated: bool

    @cached_property
    def unmixing(self) -> Float:
        """(3, 2) matrix: densities in red, green, blue times it are amounts of the dyes."""
        residual = np.cross(*self.vectors)
        matrix = np.vstack([self.vectors, residual / np.linalg.norm(residual)])
        return np.asarray(np.linalg.inv(matrix)[:, :2], np.float64)


def dye_names(stains: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of `dye_density`: "HE haematoxylin", "HE eosin", "CD31 haematoxylin", ..."""
    pairs = [(stain, dyes_of(stain) or ()) for stain in stains]
    return tuple(f"{stain} {dye}" for stain, dyes in pairs for dye in dyes)


def densities(
    patches: NDArray[np.uint8], stains: Sequence[str], vectors: Sequence[DyeVectors]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the mean optical density of each stain of each patch and how much of each dye lies in it.

    Parameters
    ----------
    patches : (n, s, p, p, 3) uint8
    stains : sequence of s str
    vectors : sequence of DyeVectors
        Those of the slide.

    Returns
    -------
    (n, s) float32 and (n, 2 len(vectors)) float32
    """
    channel_od = channel_optical_density(patches)
    return channel_od.mean(axis=2), dye_density(channel_od, stains, vectors)


def dye_density(
    channel_od: NDArray[np.float32], stains: Sequence[str], vectors: Sequence[DyeVectors]
) -> NDArray[np.float32]:
    """Return how much of each dye lies in a patch, from its mean densities in red, green and blue.

    Unmixing is linear, so that the mean over a patch's px is unmixed instead of each px; single px are not
    cut off at 0, which would lift the mean of a dye that is absent above 0.

    Parameters
    ----------
    channel_od : (n, s, 3) float32
    stains : sequence of s str
    vectors : sequence of DyeVectors
        Those of the slide.

    Returns
    -------
    (n, 2 len(vectors)) float32
    """
    parts = [channel_od[:, stains.index(of.stain)] @ of.unmixing for of in vectors]
    return np.concatenate([np.zeros((len(channel_od), 0)), *parts], axis=1).astype(np.float32)


def dye_vectors(stack: Stack, grid: PatchGrid, stains: Sequence[str]) -> Job[tuple[DyeVectors, ...]]:
    """Estimate the dyes' vectors of a slide, for each stain that has some, from patches of its tissue."""
    stained = [stain for stain in stains if dyes_of(stain) is not None]
    pixels: list[NDArray[np.uint8]] = []
    if stained:
        chosen = np.unique(np.linspace(0, len(grid) - 1, min(len(grid), _SAMPLED)).round().astype(int))
        for done, i in enumerate(chosen):
            yield Progress("Looking at the dyes", done, len(chosen))
            place = grid.row[[i]] * grid.stride_px, grid.col[[i]] * grid.stride_px
            patch = cut_patches(stack, grid.level, *place, grid.patch_px, stained)[0]
            step = max(1, grid.patch_px // _SIDE_PX)
            pixels.append(patch[:, ::step, ::step].reshape(len(stained), -1, 3))
    of_stain = np.concatenate(pixels, axis=1) if pixels else np.zeros((0, 0, 3), np.uint8)
    return tuple(_vectors(stain, px) for stain, px in zip(stained, of_stain, strict=True))


def _vectors(stain: str, pixels: NDArray[np.uint8]) -> DyeVectors:
    dyes = dyes_of(stain)
    assert dyes is not None
    published = np.array([PUBLISHED[dye] for dye in dyes])
    published /= np.linalg.norm(published, axis=1, keepdims=True)
    estimate = estimate_vectors(optical_density(pixels), published)
    return DyeVectors(stain, dyes, published if estimate is None else estimate, estimate is not None)


def estimate_vectors(od: Float, published: Float) -> Float | None:
    """Estimate two dyes' vectors from the densities of px, as Macenko et al. do.

    Parameters
    ----------
    od : (n, 3) float64
        Optical density in red, green and blue.
    published : (2, 3) float64
        Vectors of length 1 that say which dye is which, and near which the estimate must lie.

    Returns
    -------
    (2, 3) float64 or None
        None where there are too few stained px, or where the estimate is not believable: farther than 20
        degrees from the published vectors, or the dyes within 15 degrees of each other (which happens where
        a slide has hardly any of one dye).
    """
    stained = od[(od > _CLEAR_OD).all(axis=1)]
    if len(stained) < _FEWEST_PX:
        return None
    plane = np.linalg.eigh(np.cov(stained.T))[1][:, 1:]
    plane *= np.where(plane.sum(0) < 0, -1, 1)
    along = stained @ plane
    angles = np.arctan2(along[:, 0], along[:, 1])
    extremes = np.percentile(angles, (_PERCENTILE, 100 - _PERCENTILE))
    found = np.stack([np.sin(extremes), np.cos(extremes)], axis=1) @ plane.T
    found = np.maximum(found, 0)  # a dye lets no light be added
    return _believable(found / np.linalg.norm(found, axis=1, keepdims=True), published)


def _believable(found: Float, published: Float) -> Float | None:
    """The two vectors in the order of the published ones, or None."""
    found = np.asarray(
        max((found[list(p)] for p in permutations(range(2))), key=lambda f: (f * published).sum())
    )
    far = _degrees(found, published).max() > _FARTHEST_DEG
    near = _degrees(found[:1], found[1:]).min() < _NEAREST_DEG
    return None if far or near else found


def _degrees(a: Float, b: Float) -> Float:
    """Angle between the rows, which have length 1."""
    return np.asarray(np.degrees(np.arccos(np.clip((a * b).sum(1), -1, 1))), np.float64)
