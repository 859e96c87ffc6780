"""Colours of a map of shifts or overlaps: the same in the window and in figures."""

from __future__ import annotations

import numpy as np

from napari_histoclust.core.alignment.check import StainAlignment
from napari_histoclust.core.alignment.regions import Float

Colour = tuple[int, int, int]

# ColorBrewer's RdYlBu, which the colour-blind can tell apart: blue is well, yellow the limit, red far off.
_ANCHORS = (
    (0x45, 0x75, 0xB4),
    (0x91, 0xBF, 0xDB),
    (0xFE, 0xE0, 0x90),
    (0xFC, 0x8D, 0x59),
    (0xD7, 0x30, 0x27),
)
_BAD_DICE = 0.6  # the limit; an overlap of 1 is well, 0.2 as bad as it gets


def heat_colour(heat: float) -> Colour:
    """Return the (r, g, b) of a heat in 0..1, of which 0.5 is the limit of what is no matter."""
    place = min(max(heat, 0.0), 1.0) * (len(_ANCHORS) - 1)
    low = min(int(place), len(_ANCHORS) - 2)
    a, b = np.array(_ANCHORS[low]), np.array(_ANCHORS[low + 1])
    red, green, blue = (int(v) for v in np.rint(a + (place - low) * (b - a)))
    return red, green, blue


def shift_heat(line: StainAlignment) -> Float:
    """Return the (rows, cols) heat of the shifts: 0.5 at what is tolerated, 1 at twice that; NaN unknown."""
    return np.minimum(line.regions.length_px / (2 * line.tolerated_px), 1)


def overlap_heat(line: StainAlignment) -> Float:
    """Return the (rows, cols) heat of the outlines: 0 where they agree, 0.5 at an overlap of 0.6."""
    return np.minimum((1 - line.regions.outline_dice) / (2 * (1 - _BAD_DICE)), 1)
