"""Small pictures of patches, read from the level of the pyramid that is just large enough."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_histoclust.core.patches.grid import BLOCK_PX, PatchGrid
from napari_histoclust.core.patches.reader import Unit, read_units
from napari_histoclust.core.slides.protocol import UInt8
from napari_histoclust.core.slides.stack import Stack

Int = NDArray[np.integer]


def thumbnail_level(stack: Stack, grid: PatchGrid, side_px: int) -> tuple[int, int]:
    """Choose what is read for thumbnails, whatever level the patches were labelled on.

    Parameters
    ----------
    stack : Stack
        The slide.
    grid : PatchGrid
        Its lattice.
    side_px : int
        Side of a thumbnail.

    Returns
    -------
    level, patch_px : int
        The coarsest level on which a patch is no smaller than its thumbnail (the finest, where it is smaller
        on all of them), and the side of a patch there.
    """
    whole = grid.patch_px * grid.downsample
    fitting = [level for level, step in enumerate(stack.downsamples) if whole / step >= side_px]
    level = fitting[-1] if fitting else 0
    return level, max(1, round(whole / stack.downsamples[level]))


def read_thumbnails(
    stack: Stack, grid: PatchGrid, rows: Int, side_px: int, stains: Sequence[str]
) -> Iterator[tuple[Int, UInt8]]:
    """Read thumbnails block by block; patches that lie near each other come from one read of the file.

    Parameters
    ----------
    stack : Stack
        The slide.
    grid : PatchGrid
        Its lattice.
    rows : (n,) integers
        Patches of the grid, in any order.
    side_px : int
        Side of a thumbnail.
    stains : sequence of str
        Stains in the order wanted.

    Yields
    ------
    places : (m,) integers
        Which of `rows` these are.
    pixels : (m, stains, side_px, side_px, 3) uint8 array
        A patch of that size as it is in the file, a larger one averaged, a smaller one with its px repeated.

    Raises
    ------
    HistoclustError
        If a stain is missing or a file cannot be decoded.
    """
    stack.require(stains)
    level, patch_px = thumbnail_level(stack, grid, side_px)
    y, x = (_corner(place[rows], grid, stack.downsamples[level]) for place in (grid.row, grid.col))
    units = (Unit(places, stack, level, y[places], x[places], patch_px) for places in _blocks(y, x))
    for patches in read_units(units, stains):
        yield patches.key, resized(patches.pixels, side_px)


def resized(patches: UInt8, side_px: int) -> UInt8:
    """Resize (..., p, p, 3) pictures to `side_px` a side."""
    side = patches.shape[-2]
    if side == side_px:
        return patches
    if side < side_px:
        nearest = np.arange(side_px) * side // side_px
        return np.asarray(patches[..., nearest, :, :][..., nearest, :])
    flat = patches.reshape(-1, side, side, 3)
    small = [
        Image.fromarray(patch).resize((side_px, side_px), Image.Resampling.BILINEAR)  # averages over the px
        for patch in flat
    ]
    return np.stack([np.asarray(picture) for picture in small]).reshape(
        *patches.shape[:-3], side_px, side_px, 3
    )


def _corner(place: NDArray[np.int32], grid: PatchGrid, step: float) -> NDArray[np.int64]:
    return np.asarray(np.rint(place * (grid.place_px / step)), np.int64)


def _blocks(y: Int, x: Int) -> Iterator[Int]:
    """Groups of places whose corners lie in one block."""
    blocks = np.stack([y // BLOCK_PX, x // BLOCK_PX])
    order = np.lexsort((blocks[1], blocks[0]))
    cuts = np.flatnonzero(np.diff(blocks[:, order], axis=1).any(axis=0)) + 1
    yield from (group for group in np.split(order, cuts) if len(group))
