"""The pyramid levels that all stains of a stack have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from napari_histoclust.core.slides.protocol import Slide

Shape = tuple[int, int]


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
