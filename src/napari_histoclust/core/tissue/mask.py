"""Where there is tissue, seen by all stains together, and where each stain shows anything at all.

A stain says "tissue" where it is optically denser than its own glass. Its glass is the brightest colour that
is common, smooth and nearly neutral: glass may be grey (172 of 255 in one of the published slides). What is
exactly constant and not glass is padding, a rotated-in corner or a missing tile: the stain is not valid
there and has no vote. The joint tissue is where at least half of the valid stains say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.slides.overview import overview_level, read_overview
from napari_histoclust.core.slides.protocol import UInt8
from napari_histoclust.core.slides.stack import Stack
from napari_histoclust.core.tissue.segment import (
    Blank,
    clean,
    find_blank,
    is_light_on_dark,
    missing_against,
    stain_tissue,
)

Mask = NDArray[np.bool_]

# Sides of the mask in px. It is no finer than it must be: of all memory its own alone grows with the slide.
MIN_SIDE_PX, WANTED_SIDE_PX, MAX_SIDE_PX = 1024, 2048, 4096
PX_PER_PATCH, LEAST_PX_PER_PATCH = 8, 4
# Specks and holes are cleaned at the scale of a patch, up to this many mask px.
MAX_CLEAN_PX = 32


@dataclass(frozen=True, eq=False)
class TissueMask:
    """Tissue and validity at a low resolution.

    Parameters
    ----------
    tissue : (h, w) bool
        Where there is tissue, by at least half of the stains that are valid there.
    valid : Mapping[str, (h, w) bool]
        For each stain where it shows anything: False in padding, rotated-in corners and missing tiles.
    by_stain : Mapping[str, (h, w) bool]
        For each stain where it shows tissue itself.
    downsample : float
        Level-0 px per px of the mask.
    """

    tissue: Mask
    valid: Mapping[str, Mask]
    by_stain: Mapping[str, Mask]
    downsample: float

    @property
    def share(self) -> float:
        """Share of the picture that is tissue, 0..1."""
        return float(self.tissue.mean())


def mask_downsample(stack: Stack, patch_px: float) -> float:
    """Return the level-0 px per mask px wanted.

    8 mask px a patch, or 4 where the mask would be beyond 2048 px a side, which 4096 it never is; a large
    patch does not make it coarser than about 1024 px a side, which the outline needs.
    """
    longest = max(stack.shapes[0])
    wanted = min(max(patch_px / PX_PER_PATCH, longest / WANTED_SIDE_PX), patch_px / LEAST_PX_PER_PATCH)
    return max(1.0, min(wanted, longest / MIN_SIDE_PX), longest / MAX_SIDE_PX)


def find_tissue(stack: Stack, stains: Sequence[str], patch_px: float) -> Job[TissueMask]:
    """Find the tissue that the stains show together.

    Parameters
    ----------
    stack : Stack
        The slide.
    stains : sequence of str
        Stains that take part.
    patch_px : float
        Side in level-0 px of the patches to come; smaller specks and holes are cleaned away.

    Raises
    ------
    HistoclustError
        If a stain is missing; NoTissue if there is no tissue, LightOnDark if a stain is fluorescence.
    """
    stack.require(stains)
    level, factor = overview_level(stack, mask_downsample(stack, patch_px))
    if stack.downsamples[level] * factor * MAX_SIDE_PX < max(stack.shapes[0]):
        factor += 1
    downsample = stack.downsamples[level] * factor
    size = min(MAX_CLEAN_PX, max(1, round(patch_px / downsample)))
    seen: dict[str, Mask] = {}
    blank: dict[str, Blank] = {}
    dark = []
    for stain in stains:
        picture = yield from read_overview(stack, stain, level, factor)
        if is_light_on_dark(picture):
            dark.append(stain)
        blank[stain] = find_blank(picture, size)
        seen[stain] = stain_tissue(picture, blank[stain], size)
    if dark:
        raise LightOnDark(
            f"{stack.path}: {', '.join(dark)} {'is' if len(dark) == 1 else 'are'} light on a dark ground, as "
            "fluorescence is, and only stains seen in light that passes through the tissue can be sorted: "
            "leave them out, or give inverted copies."
        )
    yield Progress("Joining the stains", len(stains), len(stains))
    valid = {stain: ~_missing(stain, blank[stain], seen) for stain in stains}
    for stain, mask in valid.items():
        shown = stack.valid(stain, mask.shape, downsample)
        if shown is not None:
            mask &= shown
    tissue = clean(_vote(seen, valid), size)
    _check(stack, tissue, size)
    return TissueMask(tissue, valid, seen, downsample)


class TissueMasks:
    """The tissue of the stacks of one job, each found once; kept as bits, an eighth of the masks."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Stack, tuple[str, ...], float], _Packed] = {}

    def find(self, stack: Stack, stains: Sequence[str], patch_px: float) -> Job[TissueMask]:
        """Return what `find_tissue` does, read from the files the first time only."""
        key = stack, tuple(stains), float(patch_px)
        if key in self._kept:
            return self._kept[key].mask()
        mask = yield from find_tissue(stack, stains, patch_px)
        self._kept[key] = _Packed.of(mask)
        return mask


@dataclass(frozen=True, eq=False)
class _Packed:
    stains: tuple[str, ...]
    shape: tuple[int, ...]
    bits: UInt8
    downsample: float

    @classmethod
    def of(cls, mask: TissueMask) -> _Packed:
        masks = [mask.tissue, *mask.valid.values(), *mask.by_stain.values()]
        bits = np.stack([np.packbits(one) for one in masks])
        return cls(tuple(mask.valid), mask.tissue.shape, bits, mask.downsample)

    def mask(self) -> TissueMask:
        size = int(np.prod(self.shape))
        tissue, *rest = (np.unpackbits(one, count=size).view(bool).reshape(self.shape) for one in self.bits)
        n = len(self.stains)
        valid, by_stain = (dict(zip(self.stains, part, strict=True)) for part in (rest[:n], rest[n:]))
        return TissueMask(tissue, valid, by_stain, self.downsample)


def _missing(stain: str, blank: Blank, seen: Mapping[str, Mask]) -> Mask:
    """Where a stain is blank by its own colours, or blank while most of the others show tissue."""
    others = [mask for other, mask in seen.items() if other != stain]
    if not others:
        return blank.padding
    return blank.padding | missing_against(blank, _count(others) * 2 > len(others))


def _vote(seen: Mapping[str, Mask], valid: Mapping[str, Mask]) -> Mask:
    votes = _count(seen[stain] & valid[stain] for stain in seen)
    voters = _count(valid.values())
    # Where most stains are missing a single one must not decide: what it sees there is often a film of glue.
    return (votes * 2 >= voters) & (voters * 2 >= len(seen))


def _count(masks: Iterable[Mask]) -> NDArray[np.uint8]:
    first, *others = masks
    counts = first.astype(np.uint8)
    for mask in others:
        counts += mask
    return counts


class LightOnDark(HistoclustError):  # noqa: N818 - it says what is wrong
    """A stain is fluorescence: its glass is dark, and optical density says nothing of it."""


class NoTissue(HistoclustError):  # noqa: N818 - it says what is wrong
    """No tissue is found in a slide that can be read."""


def _check(stack: Stack, tissue: Mask, size: int) -> None:
    if np.count_nonzero(tissue) < max(1, size * size // 2):
        raise NoTissue(
            f"{stack.path}: no tissue is found in {stack.name}: look at the images, and give the stains that "
            "show it."
        )
