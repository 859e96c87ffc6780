"""Which pages of a TIFF file are the pictures, their levels and their samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.channels import group_channels
from napari_histoclust.core.slides.protocol import UInt8

MIN_SIDE_PX = 8
MAX_TILE_BYTES = 2**30

Read = Callable[[int, int], bytes]
ToRgb = Callable[[NDArray[Any]], UInt8]


@dataclass(frozen=True, eq=False)
class Plane:
    """The tiles of one page, or of one sample of a page whose samples are stored apart."""

    decoder: Callable[..., Any]
    tables: dict[str, bytes | None]
    first: int
    offsets: NDArray[np.int64]
    counts: NDArray[np.int64]

    def decode(self, read: Read, index: int) -> NDArray[Any] | None:
        """Return the (h, w, samples) pixels of one tile, None where none was written."""
        count = int(self.counts[index])
        if count == 0:
            return None
        data = read(int(self.offsets[index]), count)
        pixels: NDArray[Any] = self.decoder(data, self.first + index, **self.tables)[0][0]
        return pixels


@dataclass(frozen=True, eq=False)
class PictureLevel:
    """Size, tile size and planes of one level of a picture."""

    shape: tuple[int, int]
    tile: tuple[int, int]
    planes: tuple[Plane, ...]


@dataclass(frozen=True, eq=False)
class Picture:
    """One RGB picture of a file: its name where it has one of its own, its levels, its colours."""

    name: str
    levels: tuple[PictureLevel, ...]
    to_rgb: ToRgb
    grey: bool


def pictures_of(path: Path, tif: tifffile.TiffFile, names: list[str]) -> list[Picture]:
    """Return the pictures of the file's main series.

    Raises
    ------
    HistoclustError
        If its pixels or its layout are not what the program reads.
    """
    if not tif.series:
        raise HistoclustError(f"{path}: holds no picture: export it again.")
    series = _main_series(tif)
    pyramid = [*series[0].levels, *series[1:]]
    _check_pixels(path, pyramid[0])
    size = tif.filehandle.size
    planes = [_planes(path, tif, level, size) for level in pyramid]
    return _pictures(path, pyramid[0].keyframe, planes, names)


def _main_series(tif: tifffile.TiffFile) -> list[Any]:
    """Return the first series and, where the pyramid was written as plain pages, its smaller copies."""
    main = tif.series[0]
    if main.kind not in ("generic", "uniform", "shaped") or len(main.levels) > 1:
        return [main]
    chain = [main]
    for other in tif.series[1:]:
        if _is_smaller_copy(chain[-1], other):
            chain.append(other)
    return chain


def _is_smaller_copy(large: Any, small: Any) -> bool:
    if small.axes != large.axes or small.dtype != large.dtype or small.ndim < 2:
        return False
    (h, w), (h2, w2) = (_height_width(series) for series in (large, small))
    if min(h2, w2) < 1 or not 1.5 < h / h2 < 9:
        return False
    return abs(h / h2 - w / w2) < 0.05 * h / h2 + 2 / min(h2, w2)


def _height_width(series: Any) -> tuple[int, int]:
    return series.shape[series.axes.index("Y")], series.shape[series.axes.index("X")]


def _check_pixels(path: Path, series: Any) -> None:
    """Refuse what cannot be an 8-bit picture, with one sentence each."""
    axes = {axis: n for axis, n in zip(series.axes, series.shape, strict=True) if n > 1 or axis in "YX"}
    if "Y" not in axes or "X" not in axes:
        raise HistoclustError(f"{path}: holds no picture with two axes: export it as 8-bit RGB.")
    if series.dtype != np.uint8:
        raise HistoclustError(
            f"{path}: its pixels are {series.dtype}, and 8-bit RGB is needed: convert it to 8-bit RGB."
        )
    check_size(path, axes["Y"], axes["X"])
    extra = sorted(set(axes) - set("YXSC"))
    if extra:
        raise HistoclustError(
            f"{path}: has {axes[extra[0]]} pictures along axis {extra[0]} (axes {series.axes}): save one "
            "picture a stain, or the stains along a channel axis."
        )


def check_size(path: Path, height: int, width: int) -> None:
    """Raise HistoclustError where a picture is too small to be a slide."""
    if min(height, width) < MIN_SIDE_PX:
        raise HistoclustError(
            f"{path}: is {height} x {width} px, too small to be a slide: give the full picture."
        )


def _planes(path: Path, tif: tifffile.TiffFile, series: Any, size: int) -> PictureLevel:
    """Return all planes of one level, in the order of the file."""
    page = series.keyframe
    shape = page.imagelength, page.imagewidth
    tile = (
        (page.tilelength, page.tilewidth) if page.is_tiled else (min(page.rowsperstrip, shape[0]), shape[1])
    )
    if min(*shape, *tile) < 1 or tile[0] * tile[1] * page.samplesperpixel > MAX_TILE_BYTES:
        raise HistoclustError(
            f"{path}: its tiles or strips are {tile[0]} x {tile[1]} px, which cannot be read piece by piece: "
            "save it tiled, as a pyramidal OME-TIFF."
        )
    count = -(-shape[0] // tile[0]) * -(-shape[1] // tile[1])
    planes = [plane for page in _pages(path, tif, series) for plane in _page_planes(path, page, count, size)]
    return PictureLevel(shape, tile, tuple(planes))


def _pages(path: Path, tif: tifffile.TiffFile, series: Any) -> list[Any]:
    pages = [series[index] for index in range(len(series))]
    if any(page is None or page.parent is not tif for page in pages):
        raise HistoclustError(
            f"{path}: its pictures are missing or lie in other files: save everything in one file."
        )
    return pages


def _page_planes(path: Path, page: Any, count: int, size: int) -> list[Plane]:
    keyframe = page.keyframe
    apart = keyframe.samplesperpixel if keyframe.planarconfig == 2 else 1
    offsets = np.asarray(page.dataoffsets, np.int64)
    counts = np.asarray(page.databytecounts, np.int64)
    if len(offsets) < apart * count or len(counts) < apart * count:
        raise HistoclustError(
            f"{path}: is damaged, {apart * count - min(len(offsets), len(counts))} of its tiles have no "
            "place in the file: copy or export it again."
        )
    missing = int(np.count_nonzero(offsets + counts > size))
    if missing:
        raise HistoclustError(
            f"{path}: is cut short, {missing} of {len(offsets)} tiles of a level lie beyond the end of the "
            "file: copy or export it again."
        )
    tables = {"jpegtables": page.jpegtables, "jpegheader": keyframe.jpegheader}
    decoder = keyframe.decode
    return [
        Plane(decoder, tables, k * count, offsets[k * count :][:count], counts[k * count :][:count])
        for k in range(apart)
    ]


def _pictures(path: Path, page: Any, levels: list[PictureLevel], names: list[str]) -> list[Picture]:
    """Group the planes of each level into pictures of one, three or four samples."""
    together = 1 if page.planarconfig == 2 else page.samplesperpixel
    n = len(levels[0].planes)
    if together == 1 and page.planarconfig == 2 and n == page.samplesperpixel:
        groups = [("", tuple(range(n)))]
    else:
        groups = group_channels(path, n, names, grey=together == 1)
    return [_picture(path, page, levels, name, members, together) for name, members in groups]


def _picture(
    path: Path, page: Any, levels: list[PictureLevel], name: str, members: tuple[int, ...], together: int
) -> Picture:
    samples = len(members) * together
    to_rgb = _colours(path, page, samples)
    cut = tuple(
        PictureLevel(level.shape, level.tile, tuple(level.planes[k] for k in members))
        for level in levels
        if max(members) < len(level.planes)
    )
    return Picture(name, cut, to_rgb, grey=samples < 3 and page.photometric != 3)


def _colours(path: Path, page: Any, samples: int) -> ToRgb:
    """Return the function that turns decoded samples into RGB."""
    photometric = int(page.photometric)
    if photometric == 3 and samples == 1 and page.colormap is not None:
        # TIFF palettes hold 16 bits a colour; some writers fill the lower byte only.
        table = np.asarray(page.colormap).T
        palette = (table >> 8 if table.max() > 255 else table).astype(np.uint8)
        return lambda pixels: palette[pixels[..., 0]]
    if photometric == 5 or samples > 4 or (photometric == 6 and int(page.compression) not in (6, 7, 33007)):
        raise HistoclustError(
            f"{path}: its colours ({samples} samples a px, {page.photometric.name}) are not RGB: convert it "
            "to 8-bit RGB."
        )
    if samples < 3:
        return _from_white if photometric == 0 else _from_grey
    return _from_rgba if samples == 4 else np.ascontiguousarray


def _from_grey(pixels: NDArray[Any]) -> UInt8:
    return np.repeat(pixels[..., :1], 3, axis=-1)


def _from_white(pixels: NDArray[Any]) -> UInt8:
    """Grey where 0 is white."""
    return np.repeat(255 - pixels[..., :1], 3, axis=-1)


def _from_rgba(pixels: NDArray[Any]) -> UInt8:
    """Lay RGBA over white: what is transparent was never scanned."""
    alpha = pixels[..., 3:].astype(np.uint16)
    over = pixels[..., :3] * alpha + 255 * (255 - alpha)
    return ((over + 127) // 255).astype(np.uint8)
