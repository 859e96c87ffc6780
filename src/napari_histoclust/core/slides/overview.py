"""A small picture of a whole stain, averaged down by blocks without ever holding the slide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.slides.protocol import UInt8

if TYPE_CHECKING:
    from napari_histoclust.core.slides.stack import Stack

STRIP_BYTES = 16 * 2**20


def overview_level(stack: Stack, downsample: float) -> tuple[int, int]:
    """Return the level to read and the whole factor to average it by for about this downsample.

    Never coarser than asked for where the pyramid allows it.
    """
    level = max(k for k, own in enumerate(stack.downsamples) if own <= max(1.0, downsample) * 1.01)
    return level, max(1, int(downsample / stack.downsamples[level] + 0.01))


def read_overview(stack: Stack, stain: str, level: int, factor: int) -> Job[UInt8]:
    """Read one level of one stain, averaged over squares of `factor` px, in strips of about 16 MB.

    Parameters
    ----------
    level, factor : int
        From `overview_level`; a px of the result is ``downsamples[level] * factor`` level-0 px wide.

    Returns
    -------
    (ceil(h / factor), ceil(w / factor), 3) uint8 array
        Squares cut by the edge are averaged over what lies inside.
    """
    height, width = stack.shapes[level]
    shape = -(-height // factor), -(-width // factor)
    out = np.empty((*shape, 3), np.uint8)
    rows = max(1, STRIP_BYTES // (3 * width * factor))
    for top in range(0, shape[0], rows):
        yield Progress(f"Looking at {stain}", top, shape[0])
        tall = min(rows * factor, height - top * factor)
        strip = stack.read(level, top * factor, 0, tall, width, [stain])[0]
        out[top : top + rows] = block_mean(strip, factor)
    return out


def block_mean(picture: UInt8, factor: int) -> UInt8:
    """Average a (h, w, 3) picture over squares of `factor` px; edge squares over what they hold."""
    if factor == 1:
        return picture
    height, width = picture.shape[:2]
    pad = [(0, -height % factor), (0, -width % factor), (0, 0)]
    if pad[0][1] or pad[1][1]:
        picture = np.pad(picture, pad, mode="edge")
    rows, cols = picture.shape[0] // factor, picture.shape[1] // factor
    squares = picture.reshape(rows, factor, cols, factor, 3)
    # Two steps with 32-bit sums: the mean of numpy would go through float64 of the whole strip.
    sums = squares.sum(axis=1, dtype=np.uint32).sum(axis=2, dtype=np.uint32)
    mean: UInt8 = ((sums + factor * factor // 2) // (factor * factor)).astype(np.uint8)
    return mean
