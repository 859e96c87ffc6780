"""Which pages of a TIFF file are the pictures, their levels and their samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.channels import channel_warnings, group_channels
from napari_histoclust.core.slides.format import MAX_TILE_BYTES, check_size
from napari_histoclust.core.slides.tiff.colours import ToRgb, alpha_of, colours
from napari_histoclust.core.slides.tiff.planes import Plane, planes_of_page, rows_per_part
from napari_histoclust.core.slides.tiff.series import Chosen
from napari_histoclust.core.slides.tiled.orientation import ORIENTATIONS, UPRIGHT, Orientation

_GREY = (0, 1)  # photometric interpretations


@dataclass(frozen=True, eq=False)
class PictureLevel:
    """Size, tile size and planes of one level of a picture."""

    shape: tuple[int, int]
    tile: tuple[int, int]
    planes: tuple[Plane, ...]


@dataclass(frozen=True, eq=False)
class Picture:
    """One RGB picture of a file.

    Parameters
    ----------
    name : str
        Its own name, empty where it is the only one.
    levels : tuple of PictureLevel
        Level 0 first.
    to_rgb : callable
        From decoded samples to RGB.
    orientation : Orientation
    warnings : tuple of str
        What the user should know.
    """

    name: str
    levels: tuple[PictureLevel, ...]
    to_rgb: ToRgb
    orientation: Orientation = UPRIGHT
    warnings: tuple[str, ...] = ()


def pictures_of(
    path: Path, tif: tifffile.TiffFile, chosen: Chosen, names: Sequence[str], used_bits: int | None = None
) -> list[Picture]:
    """Return the pictures of a series.

    Parameters
    ----------
    chosen : Chosen
        The series and its smaller copies.
    names : sequence of str
        Names of the channels as far as the file states them.
    used_bits : int or None
        Bits of a sample that are used, where the file states it.

    Raises
    ------
    HistoclustError
        If its pixels or its layout are not what the program reads.
    """
    pyramid = chosen.levels
    _check_pixels(path, pyramid[0])
    size = tif.filehandle.size
    page = pyramid[0].keyframe
    planes = [_level(path, tif, level, size) for level in pyramid if _is_alike(level.keyframe, page)]
    bits = min(used_bits or page.bitspersample, page.bitspersample)
    return _pictures(path, page, planes, names, bits)


def _is_alike(page: Any, first: Any) -> bool:
    """Whether a level has the samples of the first one; else it cannot be shown in its place."""
    return (page.samplesperpixel, page.planarconfig, page.photometric, page.dtype) == (
        first.samplesperpixel,
        first.planarconfig,
        first.photometric,
        first.dtype,
    )


def _check_pixels(path: Path, series: Any) -> None:
    """Refuse what cannot be a picture of 8 or 16 bits, with one sentence each."""
    axes = {axis: n for axis, n in zip(series.axes, series.shape, strict=True) if n > 1 or axis in "YX"}
    if "Y" not in axes or "X" not in axes:
        raise HistoclustError(f"{path}: holds no picture with two axes: export it as 8-bit RGB.")
    if series.dtype not in (np.uint8, np.uint16) or not isinstance(series.keyframe.bitspersample, int):
        raise HistoclustError(
            f"{path}: its pixels are {series.dtype}, and 8-bit or 16-bit pixels without a sign are needed: "
            "convert it to 8-bit RGB."
        )
    check_size(path, axes["Y"], axes["X"])
    extra = sorted(set(axes) - set("YXSC"))
    if extra:
        raise HistoclustError(
            f"{path}: has {axes[extra[0]]} pictures along axis {extra[0]} (axes {series.axes}): save one "
            "picture a stain, or the stains along a channel axis."
        )


def _level(path: Path, tif: tifffile.TiffFile, series: Any, size: int) -> PictureLevel:
    """Return all planes of one level, in the order of the file."""
    page = series.keyframe
    shape = page.imagelength, page.imagewidth
    sides = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, shape[1])
    if min(*shape, *sides) < 1:
        raise HistoclustError(f"{path}: states a size of 0 px: the file is damaged, copy or export it again.")
    tile = sides if page.is_tiled else (rows_per_part(page), shape[1])
    samples = page.samplesperpixel if page.planarconfig == 1 else 1
    if tile[0] * tile[1] * samples * page.dtype.itemsize > MAX_TILE_BYTES:
        raise HistoclustError(
            f"{path}: its tiles or strips are {tile[0]} x {tile[1]} px, which cannot be read piece by piece: "
            "save it tiled, as a pyramidal OME-TIFF."
        )
    pages = _pages(path, tif, series)
    return PictureLevel(
        shape, tile, tuple(p for page in pages for p in planes_of_page(path, page, tile, size))
    )


def _pages(path: Path, tif: tifffile.TiffFile, series: Any) -> list[Any]:
    pages = [series[index] for index in range(len(series))]
    if any(page is None or page.parent is not tif for page in pages):
        raise HistoclustError(
            f"{path}: its pictures are missing or lie in other files: save everything in one file."
        )
    return pages


def _pictures(
    path: Path, page: Any, levels: list[PictureLevel], names: Sequence[str], bits: int
) -> list[Picture]:
    """Group the planes of each level, and the samples inside them, into pictures."""
    n, samples = len(levels[0].planes), int(page.samplesperpixel)
    apart = page.planarconfig == 2
    if _is_colour(page):
        a_picture = samples if apart else 1
        groups = group_channels(n // a_picture, names, grey=False)
        return [
            _picture(path, page, levels, name, range(k * a_picture, (k + 1) * a_picture), samples, bits)
            for name, (k,) in groups
        ]
    a_plane = 1 if apart else samples
    groups = group_channels(n * a_plane, names, grey=True)
    made = [_of_channels(path, page, levels, name, members, a_plane, bits) for name, members in groups]
    said = channel_warnings(path.name, groups, n * a_plane)
    return [replace(picture, warnings=(*said, *picture.warnings)) for picture in made]


def _is_colour(page: Any) -> bool:
    """Whether the samples of a px are one picture; samples of grey are channels, unless one is alpha."""
    return page.samplesperpixel > 1 and (page.photometric not in _GREY or alpha_of(page) is not None)


def _of_channels(
    path: Path,
    page: Any,
    levels: list[PictureLevel],
    name: str,
    members: tuple[int, ...],
    a_plane: int,
    bits: int,
) -> Picture:
    """Return the picture of some channels, of which each plane holds `a_plane` side by side."""
    planes = sorted({k // a_plane for k in members})
    picture = _picture(path, page, levels, name, planes, len(members), bits)
    if a_plane == 1:
        return picture
    places = [planes.index(k // a_plane) * a_plane + k % a_plane for k in members]
    to_rgb = picture.to_rgb
    return replace(picture, to_rgb=lambda pixels: to_rgb(pixels[..., places]))


def _picture(
    path: Path,
    page: Any,
    levels: list[PictureLevel],
    name: str,
    planes: Sequence[int],
    samples: int,
    bits: int,
) -> Picture:
    to_rgb = colours(path, page, samples, bits)
    cut = tuple(
        PictureLevel(level.shape, level.tile, tuple(level.planes[k] for k in planes))
        for level in levels
        if max(planes) < len(level.planes)
    )
    orientation = ORIENTATIONS.get(page.tags.valueof(274, 1), UPRIGHT)
    return Picture(name, cut, to_rgb, orientation, _warnings(path, page, samples, bits))


def _warnings(path: Path, page: Any, samples: int, bits: int) -> tuple[str, ...]:
    warnings = []
    if samples < 3 and page.photometric != 3:
        warnings.append(f"{path.name}: is grey, shown as grey RGB.")
    if bits > 8:
        warnings.append(f"{path.name}: has {bits} bits a sample, 0 to {2**bits - 1} are shown as 0 to 255.")
    if samples in (2, 4) and alpha_of(page) is not None:
        warnings.append(f"{path.name}: has an alpha channel, what is transparent is shown white.")
    elif samples == 4:
        warnings.append(f"{path.name}: its fourth sample is not explained and left out.")
    return tuple(warnings)
