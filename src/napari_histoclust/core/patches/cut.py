"""Many patches from few reads of the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.slides.protocol import Slide, UInt8
from napari_histoclust.core.slides.stack import Stack
from napari_histoclust.core.slides.tiled.tiles import TiledSlide

Int = NDArray[np.integer[Any]]

# One window covers all patches unless that means reading this many times what they need by themselves; a
# patch by itself costs the tiles around it, of about this side.
_SPARSE = 2
_TILE_PX = 256


def cut_patches(stack: Stack, level: int, y: Int, x: Int, patch_px: int, stains: Sequence[str]) -> UInt8:
    """Read patches that lie near each other, in this thread; `read_units` reads many in several.

    Parameters
    ----------
    stack : Stack
        The slide.
    level : int
        Level of the stack that is read.
    y, x : (n,) integers
        Upper left corners in px of `level`.
    patch_px : int
        Side in px of `level`.
    stains : sequence of str
        Stains in the order wanted.

    Returns
    -------
    (n, stains, patch_px, patch_px, 3) uint8 array

    Raises
    ------
    HistoclustError
        If a file cannot be decoded there.
    """
    out = np.empty((len(y), len(stains), patch_px, patch_px, 3), np.uint8)
    for index, stain in enumerate(stains):
        cut_stain(stack.slides[stain], stack.slide_levels[stain][level], y, x, out, index)
    return out


def cut_stain(slide: Slide, level: int, y: Int, x: Int, out: UInt8, index: int) -> None:
    """Write patches of one stain into ``out[:, index]``, white outside the picture.

    Parameters
    ----------
    slide : Slide
        The stain.
    level : int
        The slide's own level that is read.
    y, x : (n,) integers
        Upper left corners in px of `level`.
    out : (n, s, p, p, 3) uint8, C-contiguous
        Patches of s stains.
    index : int
        Which of the s this stain is.

    Raises
    ------
    HistoclustError
        If the file cannot be decoded there.
    """
    y, x = (np.ascontiguousarray(corner, np.int64) for corner in (y, x))
    if isinstance(slide, TiledSlide):
        slide.cut(level, y, x, out, index)
    else:
        _cut_windows(slide, level, y, x, out[:, index])


def _cut_windows(slide: Slide, level: int, y: Int, x: Int, out: UInt8) -> None:
    """Cut patches from one window of a slide that has no tiles of its own, or read each by itself."""
    side = out.shape[1]
    top, left = int(y.min()), int(x.min())
    height, width = int(y.max()) - top + side, int(x.max()) - left + side
    if height * width <= _SPARSE * len(y) * (side + _TILE_PX) ** 2:
        out[:] = patches_of(slide.read(level, top, left, height, width), y - top, x - left, side)
        return
    for i in range(len(y)):
        out[i] = slide.read(level, int(y[i]), int(x[i]), side, side)


def patches_of(window: UInt8, y: Int, x: Int, patch_px: int) -> UInt8:
    """Copy patches out of a (h, w, 3) window into a (n, p, p, 3) array.

    A view with every possible corner in front is indexed once, so that a row of a patch is one copy of
    3 x p bytes and Python never loops over patches.
    """
    height, width, _ = window.shape
    window = np.ascontiguousarray(window)
    line, px, _ = window.strides
    corners = np.lib.stride_tricks.as_strided(
        window,
        (height - patch_px + 1, width - patch_px + 1, patch_px, 3 * patch_px),
        (line, px, line, 1),
        writeable=False,
    )
    return corners[y, x].reshape(len(y), patch_px, patch_px, 3)
