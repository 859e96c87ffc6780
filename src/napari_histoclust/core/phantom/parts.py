"""What is drawn into a block, and the shapes it is drawn with.

The strongest wins where two shapes overlap, so that the order they are drawn in does not show.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

UInt8 = NDArray[np.uint8]


class Parts(NamedTuple):
    """What lies where in a block, each (side, side) uint8.

    Parameters
    ----------
    nucleus : array
        Depth of the nearest nucleus.
    cycling : array
        The same for nuclei in cycle alone.
    body, neighbour : array
        255 in the middle of a cell, falling outwards; the strongest and the second strongest cell there.
    capillary : array
        Wall of a capillary.
    gland : array
        Distance from the middle of a gland, 200 at its border, 255 outside.
    tissue : array
        The class.
    """

    nucleus: UInt8
    cycling: UInt8
    body: UInt8
    neighbour: UInt8
    capillary: UInt8
    gland: UInt8
    tissue: UInt8


def empty_parts(side: int) -> Parts:
    """Return the parts of a block in which nothing lies yet."""
    nucleus, cycling, body, neighbour, capillary, tissue = np.zeros((6, side, side), np.uint8)
    gland = np.full((side, side), 255, np.uint8)
    return Parts(nucleus, cycling, body, neighbour, capillary, gland, tissue)


@numba.njit(nogil=True, cache=True)
def snap(place_px: float) -> float:
    """Round to 1/64 px, so that subtracting the corner of whichever block leaves no rounding error."""
    return math.floor(place_px * 64 + 0.5) / 64


@numba.njit(nogil=True, cache=True)
def draw_ellipse(
    picture: UInt8, y: float, x: float, long: float, short: float, angle: float, value: float
) -> None:
    """Draw a filled ellipse with a border one px soft; half-axes in px, `value` 0..1 inside."""
    side = picture.shape[0]
    cos, sin, soft = math.cos(angle), math.sin(angle), max(short / 1.4, 0.7)
    for i in range(max(0, math.ceil(y - long)), min(side, math.floor(y + long) + 1)):
        for j in range(max(0, math.ceil(x - long)), min(side, math.floor(x + long) + 1)):
            dy, dx = i - y, j - x
            along, across = (dx * cos + dy * sin) / long, (dy * cos - dx * sin) / short
            distance = along * along + across * across
            if distance < 1.0:
                depth = min(1.0, (1.0 - math.sqrt(distance)) * soft)
                picture[i, j] = max(picture[i, j], np.uint8(255 * value * depth))


@numba.njit(nogil=True, cache=True)
def draw_cone(parts: Parts, y: float, x: float, radius: float) -> None:
    """Draw the body of a cell: where the two strongest are equal, a straight border will appear."""
    body, neighbour, side = parts.body, parts.neighbour, parts.body.shape[0]
    for i in range(max(0, math.ceil(y - radius)), min(side, math.floor(y + radius) + 1)):
        for j in range(max(0, math.ceil(x - radius)), min(side, math.floor(x + radius) + 1)):
            distance = math.sqrt((i - y) ** 2 + (j - x) ** 2) / radius
            if distance < 1.0:
                value = np.uint8(255 * (1.0 - distance))
                neighbour[i, j] = max(neighbour[i, j], min(value, body[i, j]))
                body[i, j] = max(body[i, j], value)
