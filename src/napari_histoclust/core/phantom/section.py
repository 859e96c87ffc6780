"""One section of the phantom: any block of it, by itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.phantom.cells import CELLS, draw_capillaries, draw_cells
from napari_histoclust.core.phantom.classes import draw_classes
from napari_histoclust.core.phantom.glands import draw_glands
from napari_histoclust.core.phantom.layout import CLASSES, NODE_PX, Plan, block_fields, make_plan
from napari_histoclust.core.phantom.noise import make_texture
from napari_histoclust.core.phantom.paint import Look, absorption_table, paint
from napari_histoclust.core.phantom.parts import Parts, UInt8, empty_parts
from napari_histoclust.core.phantom.stains import STAINS


@dataclass(frozen=True)
class Section:
    """A stained section; its px are a function of seed, place and nothing else.

    Parameters
    ----------
    plan : Plan
        Where what lies.
    look : Look
        How it is coloured.
    """

    plan: Plan
    look: Look

    def block(self, y: int, x: int, side: int = 1024) -> UInt8:
        """Return the (side, side, 3) colours of the block at (y, x) px; all three multiples of 16."""
        fields, parts = self._drawn(y, x, side)
        out = np.empty((side, side, 3), np.uint8)
        paint(self.plan, fields, parts, self.look, y, x, out)
        return out

    def classes(self, y: int, x: int, side: int = 1024) -> UInt8:
        """Return the (side, side) classes of the block at (y, x) px; all three multiples of 16."""
        fields, parts = self._fields(y, x, side), empty_parts(side)
        draw_glands(self.plan, fields, y, x, parts)
        draw_classes(self.plan, fields, y, x, parts)
        return parts.tissue

    def _fields(self, y: int, x: int, side: int) -> NDArray[np.float32]:
        if y % NODE_PX or x % NODE_PX or side % NODE_PX:
            raise ValueError(f"block at ({y}, {x}) of {side} px: not multiples of {NODE_PX}")
        return block_fields(self.plan, y, x, side)

    def _drawn(self, y: int, x: int, side: int) -> tuple[NDArray[np.float32], Parts]:
        fields, parts = self._fields(y, x, side), empty_parts(side)
        draw_glands(self.plan, fields, y, x, parts)
        for tissue in range(1, len(CLASSES)):
            draw_cells(self.plan, CELLS, fields, y, x, tissue, parts)
        draw_capillaries(self.plan, CELLS, fields, y, x, parts)
        draw_classes(self.plan, fields, y, x, parts)
        return fields, parts


def make_section(seed: int, index: int, size_px: int, um_per_px: float) -> Section:
    """Prepare the section of stain `index`; 0 is HE, the reference."""
    stain, turn = STAINS[index], math.radians(STAINS[index].turn_deg)
    look = Look(
        densities=np.ascontiguousarray(stain.densities.T),
        glass=np.array(stain.glass, np.float32),
        padding=np.array(stain.padding, np.float32),
        canvas=np.array([math.cos(turn), math.sin(turn), size_px / 2]),
        holes=_holes(seed, stain.holes, size_px),
        fine=make_texture(seed + 1000 * index + 1, 1.2),
        coarse=make_texture(seed + 1000 * index + 2, 5.0),
        broad=make_texture(seed + 3, 25.0),
        light=absorption_table(),
    )
    return Section(make_plan(seed, index, size_px, um_per_px), look)


def _holes(seed: int, count: int, size_px: int) -> NDArray[np.int64]:
    """Draw the squares (y, x, side in px) that the scanner missed, in the middle half of the slide."""
    side = max(4, size_px // 36)
    corners = np.random.default_rng([seed, 4]).integers(size_px // 4, 3 * size_px // 4, (count, 2))
    return np.column_stack([corners // side * side, np.full(count, side)]).astype(np.int64)
