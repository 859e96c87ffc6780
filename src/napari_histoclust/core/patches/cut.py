"""Many patches of all stains from few reads of the file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.slides.protocol import UInt8
from napari_histoclust.core.slides.stack import Stack

Int = NDArray[np.integer]

# One read covers all patches unless that means reading this many times what they need by themselves; a
# patch by itself costs the tiles around it, of about this side.
_SPARSE = 2
_TILE_PX = 256


def cut_patches(stack: Stack, level: int, y: Int, x: Int, patch_px: int, stains: Sequence[str]) -> UInt8:
    """Read patches that lie near each other.

    Parameters
    ----------
    stack : Stack
        The slide.
    level : int
        Level that is read.
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
    top, left = int(y.min()), int(x.min())
    height, width = int(y.max()) - top + patch_px, int(x.max()) - left + patch_px
    if height * width > _SPARSE * len(y) * (patch_px + _TILE_PX) ** 2:
        singles = (
            stack.read(level, int(v), int(u), patch_px, patch_px, stains) for v, u in zip(y, x, strict=True)
        )
        return np.stack(list(singles))
    window = stack.read(level, top, left, height, width, stains)
    return patches_of(window, y - top, x - left, patch_px)


def patches_of(window: UInt8, y: Int, x: Int, patch_px: int) -> UInt8:
    """Copy patches out of a (stains, h, w, 3) window into a (n, stains, p, p, 3) array.

    A view with every possible corner in front is indexed once, so that a row of a patch is one copy of
    3 x p bytes and Python never loops over patches.
    """
    stains, height, width, _ = window.shape
    window = np.ascontiguousarray(window)
    plane, line, px, _ = window.strides
    corners = np.lib.stride_tricks.as_strided(
        window,
        (height - patch_px + 1, width - patch_px + 1, stains, patch_px, 3 * patch_px),
        (line, px, plane, line, 1),
        writeable=False,
    )
    return corners[y, x].reshape(len(y), stains, patch_px, patch_px, 3)
