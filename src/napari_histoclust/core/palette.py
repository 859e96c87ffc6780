"""Cluster colours: the same colour for cluster i whatever K, and told apart by colour-blind eyes.

The first 64 colours are a table, because `glasbey` compiles for 10 to 14 s on its first import. They were
made once by `staged_palette((14, 24, 64))`, which anyone can run again: white and the pink of HE stand first
as colours to keep away from, then the palette grows in three stages, so that the first 14 (the paper's K) are
farthest apart. Smallest distance in CAM02-UCS among the first 14, white and pink: 15.0 for normal eyes, 15.4
with medium and 10.1 with full deuteranomaly.
"""

from __future__ import annotations

import colorsys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import cycle, islice

import numpy as np
from numpy.typing import NDArray

# Colours a cluster must not look like: the empty slide and HE stroma.
_AVOIDED = ("#ffffff", "#dfa5c9")

_TABLE_TEXT = """
    #2861ff #188200 #ffba00 #8e597d #1cc2ff #04c28a #ce0cdb #e30065
    #ff4d31 #00f3ce #ffc6a2 #ba79b6 #009a82 #69ebff #db353d #24799a
    #00baae #ff86ff #187d61 #00ca59 #8292ff #ff5d86 #f7c2ef #00f36d
    #ff355d #28b296 #fbaeff #be14aa #2dbe00 #5d926d #31a6ae #7dd78a
    #69e7df #ff796d #ff59db #3d963d #c27586 #007d75 #048eca #8eebba
    #6da661 #cea6db #c60441 #28aad2 #00df00 #eb2800 #b6559e #ebaa55
    #24928e #20d2d2 #599e00 #597541 #eb00d2 #ff929a #82ceaa #8a4dba
    #ffbac6 #ce0000 #0082ff #be8eae #31d7f7 #3dceb6 #6586aa #f751ff
"""
_TABLE = tuple(_TABLE_TEXT.split())

_LONGEST = 256

# lightness of the parts of a cluster: shares of the way to the lightest and the darkest that still has a hue
_SHADES = (0.55, -0.5, 0.9, -0.85, 0.3, -0.27)
_LIGHTEST, _DARKEST = 0.9, 0.12


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster as people see it.

    Parameters
    ----------
    id : int
        1..K; 0 is "no tissue" and never a cluster.
    name : str
        What the legend says.
    colour : str
        "#rrggbb".
    artefact : bool
        Whether a person has marked it as no tissue of interest.
    """

    id: int
    name: str
    colour: str
    artefact: bool = False


def palette(k: int) -> tuple[str, ...]:
    """Return the first `k` colours as "#rrggbb"; every shorter palette is its beginning.

    Raises
    ------
    ValueError
        If `k` is negative or over 256, more than anyone can tell apart.
    """
    if not 0 <= k <= _LONGEST:
        raise ValueError(f"{k} colours: a palette has 0 to {_LONGEST}")
    return _TABLE[:k] if k <= len(_TABLE) else _long_table()[:k]


def further_colours(used: Sequence[str], count: int) -> tuple[str, ...]:
    """Return `count` colours of the table, those that occur least often in `used` first.

    Never more than the table: growing it takes seconds, and this answers a gesture.
    """
    times = Counter(used)
    return tuple(islice(cycle(sorted(_TABLE, key=times.__getitem__)), count))


def shade(colour: str, number: int) -> str:
    """Return a lighter or darker colour of the same hue, another one for each of `number` 1, 2 and so on.

    They come round again after six.
    """
    hue, lightness, saturation = colorsys.rgb_to_hls(*(part / 255 for part in rgb(colour)))
    step = _SHADES[(number - 1) % len(_SHADES)]
    room = _LIGHTEST - lightness if step > 0 else lightness - _DARKEST
    shaded = lightness + step * max(0.0, room)
    parts = colorsys.hls_to_rgb(hue, shaded, saturation)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)


def rgb(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue, 0..255, of "#rrggbb"."""
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def colour_table(clusters: Sequence[Cluster]) -> NDArray[np.uint8]:
    """Return (K + 1, 3) uint8 colours by cluster id; row 0 is white."""
    table = np.full((max((cluster.id for cluster in clusters), default=0) + 1, 3), 255, np.uint8)
    for cluster in clusters:
        table[cluster.id] = rgb(cluster.colour)
    return table


def default_clusters(k: int) -> tuple[Cluster, ...]:
    """Return clusters 1..`k`, named "Cluster 1" and so on, in the palette's colours."""
    return tuple(Cluster(i, f"Cluster {i}", colour) for i, colour in enumerate(palette(k), start=1))


def staged_palette(sizes: Sequence[int], start: Sequence[str] = ()) -> tuple[str, ...]:
    """Grow a colour-blind-safe palette stage by stage with `glasbey`, keeping what stands.

    Parameters
    ----------
    sizes : sequence of int
        Number of colours after each stage, `start` included.
    start : sequence of str
        Colours that stand already.
    """
    import glasbey

    colours = [*_AVOIDED, *start]
    for size in sizes:
        colours = glasbey.extend_palette(
            colours,
            size + len(_AVOIDED),
            lightness_bounds=(35, 80),
            chroma_bounds=(25, 100),
            colorblind_safe=True,
            cvd_severity=70,
        )
    return tuple(str(colour) for colour in colours[len(_AVOIDED) :])


@cache
def _long_table() -> tuple[str, ...]:
    """Grow the table to its longest in one fixed step, so that prefixes stay equal beyond it too."""
    return staged_palette((_LONGEST,), start=_TABLE)
