"""A small picture of a whole stain, averaged down by blocks without ever holding the slide."""

from __future__ import annotations

import numpy as np

from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.slides.levels import STRIP_BYTES, block_mean
from napari_histoclust.core.slides.protocol import UInt8
from napari_histoclust.core.slides.stack import Stack


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
