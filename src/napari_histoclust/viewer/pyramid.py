"""Pyramids that napari draws in place.

napari stretches every level over the extent of level 0. Where a side is no multiple of a level's step, the
writer of the file cut or filled the last px, and the level would be drawn up to one of its px out of place.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from napari_histoclust.core.slides.levels import downsample
from napari_histoclust.core.slides.tiled.tiles import lazy_level

if TYPE_CHECKING:
    import dask.array as da

    from napari_histoclust.core.slides.protocol import Slide, UInt8

    Shapes = tuple[tuple[int, int], ...]


def levels_of(slide: Slide) -> list[da.Array]:
    """Return the lazy (y, x, 3) levels of a slide, all over the same piece of it; what is added is white."""
    levels = slide.dask_levels()
    shapes = equal_extents(slide.shapes)
    if shapes == slide.shapes:
        return levels
    framed = _Framed(slide, shapes)
    chunks = [(int(level.chunksize[0]), int(level.chunksize[1])) for level in levels]
    return [lazy_level(framed, index, chunk) for index, chunk in enumerate(chunks)]


def equal_extents(shapes: Shapes) -> Shapes:
    """Return the sides of the levels, level 0 first, as whole multiples of each other.

    Levels whose steps are no whole numbers stay as they are: then the ratio of the sides, which is what
    napari takes, is all that is known.
    """
    exact = [downsample(shapes[0], shape) for shape in shapes]
    steps = [round(step) for step in exact]
    common = math.lcm(*steps)
    if steps != exact or common > 2 * max(steps):
        return shapes
    height, width = (-(-side // common) * common for side in shapes[0])
    return tuple((height // step, width // step) for step in steps)


class _Framed:
    """A slide in a frame of other sides. Reading it outside its picture gives white, so no more is needed."""

    def __init__(self, slide: Slide, shapes: Shapes) -> None:
        self._slide = slide
        self.shapes = shapes

    def read(self, level: int, y: int, x: int, height: int, width: int, out: UInt8 | None = None) -> UInt8:
        return self._slide.read(level, y, x, height, width, out)
