"""What openslide alone reads: DICOM, MIRAX, Hamamatsu VMS, Ventana BIF, Zeiss CZI, Sakura.

openslide is a C library; a damaged file may bring it down, and the program with it. The first contact with a
file is therefore made by a process of its own (`guard`).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openslide

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.formats.guard import first_contact
from napari_histoclust.core.slides.formats.tiff_pages import check_size
from napari_histoclust.core.slides.protocol import UInt8
from napari_histoclust.core.slides.tiled.holed import HoledSlide
from napari_histoclust.core.slides.tiled.holes import Holes
from napari_histoclust.core.slides.tiled.tiles import WHITE, TiledSlide

READER = f"openslide {openslide.__library_version__}"
_TILE_PX = 512
_SERIES = "dicom.SeriesInstanceUID"


class _Handle:
    """An open slide. openslide gives up a handle after its first error, so it is opened anew then."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.slide = openslide.OpenSlide(path)

    def region(self, level: int, x: int, y: int, size: tuple[int, int]) -> UInt8:
        slide = self.slide
        try:
            return np.asarray(slide.read_region((x, y), level, size))
        except openslide.OpenSlideError:
            with self._lock:
                if self.slide is slide:
                    self.slide = openslide.OpenSlide(self._path)
            raise


@dataclass(frozen=True, eq=False)
class OpenSlideLevel:
    """One level, cut into tiles of 512 px. See `TileLevel`."""

    path: Path
    handle: _Handle
    number: int
    downsample: float
    shape: tuple[int, int]
    holes: Holes

    @property
    def tile(self) -> tuple[int, int]:
        """512 px a side; openslide keeps the file's own tiles in a cache of its own."""
        return _TILE_PX, _TILE_PX

    def decode(self, row: int, col: int) -> UInt8:
        """Return the pixels of one tile; what was never scanned and what is damaged is white."""
        y, x = row * _TILE_PX, col * _TILE_PX
        height, width = min(_TILE_PX, self.shape[0] - y), min(_TILE_PX, self.shape[1] - x)
        top, left = round(y * self.downsample), round(x * self.downsample)
        try:
            rgba = self.handle.region(self.number, left, top, (width, height))
        except openslide.OpenSlideError as error:
            if not self.path.exists():
                raise _gone(self.path) from error
            box = top, left, round(height * self.downsample), round(width * self.downsample)
            self.holes.add((self.number, row, col), box, _reason(error))
            return np.full((height, width, 3), WHITE, np.uint8)
        self.holes.decoded()
        return _over_white(rgba)


def open_openslide(path: Path) -> tuple[TiledSlide, ...]:
    """Open a slide by openslide; a folder is one of DICOM files, of which any one stands for all.

    Raises
    ------
    HistoclustError
        If openslide does not read it, or not to the end of a first look; names it.
    """
    file = dicom_files(path)[0] if path.is_dir() else path
    first_contact(path, file)
    try:
        handle = _Handle(file)
        properties = dict(handle.slide.properties)
    except (openslide.OpenSlideError, OSError) as error:
        raise _unreadable(path, error) from error
    sides = handle.slide.level_dimensions
    shapes = [(height, width) for width, height in sides]
    check_size(path, *shapes[0])
    holes = Holes(path, shapes[0])
    levels = [
        OpenSlideLevel(path, handle, number, handle.slide.level_downsamples[number], shape, holes)
        for number, shape in enumerate(shapes)
    ]
    scale = _um_per_px(properties.get(openslide.PROPERTY_NAME_MPP_X))
    slide = HoledSlide(file, _name(path), levels, scale, READER)
    slide.holes = holes
    return (slide,)


def dicom_files(folder: Path) -> list[Path]:
    """Return the DICOM files of a folder."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".dcm")


def dicom_series(path: Path) -> str:
    """Return which slide a DICOM file is part of; its own name where that cannot be told."""
    try:
        with openslide.OpenSlide(path) as slide:
            return slide.properties.get(_SERIES, path.name)
    except (openslide.OpenSlideError, OSError):
        return path.name


def _name(path: Path) -> str:
    """Name of the file, or of its folder where the file has a mere number as DICOM files do."""
    stem = path.stem if path.is_file() else path.name
    return path.parent.name if stem.replace(".", "").isdigit() and path.parent.name else stem


def _um_per_px(stated: str | None) -> float | None:
    try:
        value = float(stated or "")
    except ValueError:
        return None
    return value if 0 < value < float("inf") else None


def _over_white(rgba: UInt8) -> UInt8:
    alpha = rgba[..., 3:]
    if alpha.min() == 255:
        return np.ascontiguousarray(rgba[..., :3])
    wide = alpha.astype(np.uint16)
    return ((rgba[..., :3] * wide + WHITE * (255 - wide) + 127) // 255).astype(np.uint8)


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return "".join(filter(str.isprintable, lines[0]))[:120].rstrip(".")


def _gone(path: Path) -> HistoclustError:
    return HistoclustError(f"{path}: can no longer be read: is its drive still connected? Then start again.")


def _unreadable(path: Path, error: Exception) -> HistoclustError:
    return HistoclustError(
        f"{path}: is not a slide that can be read ({_reason(error)}): the file is damaged or parts of it are "
        "missing, copy or export it again."
    )
