"""Which series of a TIFF file are the slide, and which are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tifffile

from napari_histoclust.core.slides.names import differing_parts, is_no_stain, recognise_stain

_PLAIN_KINDS = ("generic", "uniform", "shaped")
# What scanners put beside the scan, as tifffile calls it.
_BESIDE = frozenset(("Label", "Macro", "Thumbnail", "Map", "Other"))
_MOST_NAMED = 5


@dataclass(frozen=True, eq=False)
class Chosen:
    """A picture of a file.

    Parameters
    ----------
    name : str
        Its name as a stain, empty where it is the only picture.
    number : int
        Of its series.
    levels : tuple
        Its series and smaller copies, the largest first.
    """

    name: str
    number: int
    levels: tuple[Any, ...]


def choose_series(file: str, tif: tifffile.TiffFile) -> tuple[list[Chosen], tuple[str, ...]]:
    """Return the pictures of a file, and a sentence where other pictures are left out.

    The largest picture is the slide, unless the images of an OME-TIFF are several stains: by their names, or
    by being of one size and having names of their own.
    """
    pictures = [k for k, series in enumerate(tif.series) if {"Y", "X"} <= set(series.axes) and series.size]
    if not pictures:
        return [Chosen("", 0, (*tif.series[0].levels,))], ()
    stains = _stains(tif, pictures) if tif.series[0].kind == "ome" else {}
    largest = max(pictures, key=lambda k: _area(tif.series[k]))
    chosen = [Chosen(name, k, (*tif.series[k].levels,)) for k, name in stains.items()]
    used = set(stains)
    if not chosen:
        chain = _with_smaller_copies(tif, pictures, largest)
        used = set(chain)
        first, *copies = chain
        chosen = [Chosen("", first, (*tif.series[first].levels, *(tif.series[k] for k in copies)))]
    left = [k for k in pictures if k not in used and tif.series[k].name not in _BESIDE]
    return chosen, _sentences(file, tif, chosen, left)


def _stains(tif: tifffile.TiffFile, pictures: Sequence[int]) -> dict[int, str]:
    """Names of the images of an OME-TIFF that are stains of one tissue; none where they are not."""
    named = {k: tif.series[k].name.strip() for k in pictures if not is_no_stain(tif.series[k].name)}
    known = {k: stain for k, name in named.items() if (stain := recognise_stain(name))}
    if len(known) > 1 and len(set(known.values())) == len(known):
        return known
    top = max((_area(tif.series[k]) for k in named), default=0)
    alike = [k for k in named if _area(tif.series[k]) == top and named[k]]
    if len(alike) < 2:
        return {}
    parts = differing_parts([named[k] for k in alike])
    # "Image0" and "Scene 2" are counted, not named
    if len(set(parts)) < len(parts) or any(part[-1:].isdigit() for part in parts):
        return {}
    return dict(zip(alike, parts, strict=True))


def _with_smaller_copies(tif: tifffile.TiffFile, pictures: Sequence[int], main: int) -> list[int]:
    """Number of the picture and, where a pyramid was written as plain pages, those of its levels."""
    chain = [main]
    if tif.series[main].kind not in _PLAIN_KINDS or len(tif.series[main].levels) > 1:
        return chain
    for other in sorted((k for k in pictures if k != main), key=lambda k: -_area(tif.series[k])):
        if _is_smaller_copy(tif.series[chain[-1]], tif.series[other]):
            chain.append(other)
    return chain


def _sentences(
    file: str, tif: tifffile.TiffFile, chosen: Sequence[Chosen], left: Sequence[int]
) -> tuple[str, ...]:
    said = []
    if len(chosen) > 1:
        said.append(f"{file}: its images {', '.join(one.name for one in chosen)} are taken as stains.")
    if left:
        names = [_described(tif.series[k]) for k in left[:_MOST_NAMED]]
        more = f" and {len(left) - _MOST_NAMED} more" if len(left) > _MOST_NAMED else ""
        used = " and ".join(_described(tif.series[one.number]) for one in chosen[:_MOST_NAMED])
        said.append(
            f"{file}: holds further pictures, which are left out: {', '.join(names)}{more}; used is {used}."
        )
    return tuple(said)


def _described(series: Any) -> str:
    height, width = _height_width(series)
    return f"{series.name or 'one'} ({height} x {width} px)"


def _area(series: Any) -> int:
    height, width = _height_width(series)
    return height * width


def _is_smaller_copy(large: Any, small: Any) -> bool:
    if small.axes != large.axes or small.dtype != large.dtype or small.ndim < 2:
        return False
    (h, w), (h2, w2) = (_height_width(series) for series in (large, small))
    if min(h2, w2) < 1 or not 1.5 < h / h2 < 9:
        return False
    return abs(h / h2 - w / w2) < 0.05 * h / h2 + 2 / min(h2, w2)


def _height_width(series: Any) -> tuple[int, int]:
    return series.shape[series.axes.index("Y")], series.shape[series.axes.index("X")]
