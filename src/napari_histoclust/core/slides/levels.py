"""Levels of pyramids: which of them stains have in common, and how a level is averaged down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.slides.protocol import Slide, UInt8

Shape = tuple[int, int]

STRIP_BYTES = 16 * 2**20
"""What is read at a time of a level that is averaged down."""


@dataclass(frozen=True)
class CommonLevels:
    """Shapes and downsamples of the shared levels, and each stain's own number of them."""

    shapes: tuple[Shape, ...]
    downsamples: tuple[float, ...]
    own: Mapping[str, tuple[int, ...]]


def common_levels(slides: Mapping[str, Slide], stains: Sequence[str], reference: str) -> CommonLevels:
    """Match the levels of the stains to those of the reference."""
    shapes = slides[reference].shapes
    matches = {stain: [_match(shape, slides[stain].shapes) for shape in shapes] for stain in stains}
    shared = [k for k in range(len(shapes)) if all(matches[stain][k] is not None for stain in stains)]
    return CommonLevels(
        tuple(shapes[k] for k in shared),
        tuple(downsample(shapes[0], shapes[k]) for k in shared),
        {stain: tuple(m for k in shared if (m := matches[stain][k]) is not None) for stain in stains},
    )


def _match(shape: Shape, others: Sequence[Shape]) -> int | None:
    """Number of the level of this shape; writers that round up and down differ by a px or two."""
    for level, other in enumerate(others):
        if abs(other[0] - shape[0]) <= 2 and abs(other[1] - shape[1]) <= 2:
            return level
    return None


def downsample(full: Shape, small: Shape) -> float:
    """Return the level-0 px per px of a smaller level.

    Sizes are rounded at each halving, so their ratio is a little off the true factor (2325 px halved five
    times are 72, and 2325 / 72 = 32.3); a whole factor that explains both sizes is preferred.
    """
    ratio = max(full[0] / small[0], full[1] / small[1])
    power = 1 << max(0, round(ratio).bit_length() - 1)
    for factor in (power, 2 * power, round(ratio)):
        if all(abs(whole / factor - part) <= 1 for whole, part in zip(full, small, strict=True)):
            return float(factor)
    return (full[0] + full[1]) / (small[0] + small[1])


def block_mean(picture: UInt8, factor: int) -> UInt8:
    """Average a (h, w, 3) picture over squares of `factor` px; edge squares over what they hold.

    Halves are rounded up. This is the one box mean of the program.
    """
    if factor == 1:
        return picture
    height, width = picture.shape[:2]
    pad = [(0, -height % factor), (0, -width % factor), (0, 0)]
    if pad[0][1] or pad[1][1]:
        picture = np.pad(picture, pad, mode="edge")
    # Rows are added up, then columns, in 16 bits where these hold the sum: far faster than a reshape.
    area = factor * factor
    kind: np.dtype[Any] = np.dtype(np.uint16 if area <= 256 else np.uint32)
    rows: NDArray[Any] = picture[::factor].astype(kind)
    for k in range(1, factor):
        rows += picture[k::factor]
    sums = rows[:, ::factor] + kind.type(area // 2)
    for k in range(1, factor):
        sums += rows[:, k::factor]
    return np.asarray(sums // kind.type(area), np.uint8)
