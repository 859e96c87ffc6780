"""Every picture once by this program and once by another library, compared px by px."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openslide
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageOps

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.formats.ome_zarr import is_zarr
from napari_histoclust.core.slides.formats.openslide import is_dicom_folder
from napari_histoclust.core.slides.protocol import Slide
from napari_histoclust.core.slides.registry import is_image, open_pictures

Pixels = NDArray[np.uint8]
# What the libraries raise on files that they do not read.
_REFUSES = (
    OSError,
    ValueError,
    RuntimeError,
    TypeError,
    LookupError,
    AssertionError,
    SyntaxError,
    MemoryError,
)


@dataclass(frozen=True)
class Outcome:
    """What happened to one file.

    Parameters
    ----------
    sentence : str
        Why it was refused, empty where it was opened.
    pictures, shape, levels, um_per_px, warnings
        What was opened.
    equal : dict
        For each other reader that opened it, the largest difference of any channel of any px of level 0.
    """

    sentence: str
    pictures: int = 0
    shape: tuple[int, int] = (0, 0)
    levels: int = 0
    um_per_px: float | None = None
    warnings: tuple[str, ...] = ()
    equal: tuple[tuple[str, int], ...] = ()


def slides_under(folder: Path) -> list[Path]:
    """Every slide below a folder: files, DICOM folders and their files, OME-Zarr stores."""
    return sorted(_walk(folder))


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir() and is_zarr(path):
            yield path
        elif path.is_dir():
            if _is_one_dicom(path):
                yield path
            else:
                yield from _walk(path)
        elif path.suffix.lower() not in (".md", ".txt", ".json"):
            yield path


def _is_one_dicom(folder: Path) -> bool:
    """Whether a folder holds DICOM files and no other pictures."""
    return is_dicom_folder(folder) and not any(is_image(p) for p in folder.iterdir() if p.suffix != ".dcm")


def outcome(path: Path) -> Outcome:
    """Open a file, read it whole and compare it."""
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    try:
        slides = open_pictures(path)
        pixels = [whole(slide) for slide in slides]
        for slide in slides:
            for level in range(1, len(slide.shapes)):
                whole(slide, level)
    except HistoclustError as error:
        return Outcome(str(error))
    first = slides[0]
    said = tuple(warning for slide in slides for warning in slide.warnings)
    said += tuple(s for s in first.hole_warnings() if s not in said)
    equal = tuple(_compared(path, pixels)) if len(pixels) == 1 else tuple(_compared_channels(path, pixels))
    return Outcome("", len(slides), first.shapes[0], len(first.shapes), first.um_per_px, said, equal)


def whole(slide: Slide, level: int = 0) -> Pixels:
    """All pixels of a level."""
    return slide.read(level, 0, 0, *slide.shapes[level])


def _compared(path: Path, pixels: list[Pixels]) -> Iterator[tuple[str, int]]:
    for name, read in READERS.items():
        try:
            other = read(path)
        except (*_REFUSES, openslide.OpenSlideError, tifffile.TiffFileError):
            continue
        if other is not None:
            yield name, difference(pixels[0], other)


def _compared_channels(path: Path, pixels: list[Pixels]) -> Iterator[tuple[str, int]]:
    """Grey channels, one picture each."""
    if path.is_dir():
        return
    planes = tifffile.imread(path)
    yield "tifffile", max(difference(own, _rgb(plane)) for own, plane in zip(pixels, planes, strict=True))


def difference(own: Pixels, other: Pixels) -> int:
    """Largest difference; 256 where the sizes differ."""
    if own.shape != other.shape:
        return 256
    return int(max(np.max(own - np.minimum(own, other)), np.max(other - np.minimum(own, other))))


def _rgb(samples: NDArray[Any]) -> Pixels:
    """(y, x) or (y, x, s) samples of 8 or 16 bits as RGB; alpha over white."""
    if samples.dtype == np.uint8 and samples.ndim == 3:
        if samples.shape[2] == 3:
            return samples
        if samples[..., 3:].min() == 255:
            return samples[..., :3]
    if samples.dtype == np.uint8 and samples.ndim == 2:
        return np.repeat(samples[..., None], 3, axis=2)
    if samples.dtype == np.uint16:
        samples = np.rint(samples / 257)  # 65535 / 257 is 255 exactly
    samples = samples.astype(np.float64)
    if samples.ndim == 2:
        samples = np.repeat(samples[..., None], 3, axis=2)
    if samples.shape[2] == 4:
        alpha = samples[..., 3:] / 255
        samples = samples[..., :3] * alpha + 255 * (1 - alpha)
    return np.rint(samples[..., :3]).astype(np.uint8)


def by_openslide(path: Path) -> Pixels | None:
    """Level 0 by openslide, whatever vendor it takes the file for."""
    file = next(p for p in sorted(path.iterdir()) if p.suffix == ".dcm") if is_dicom_folder(path) else path
    with openslide.OpenSlide(file) as slide:
        return _rgb(np.asarray(slide.read_region((0, 0), 0, slide.dimensions)))


def by_tifffile(path: Path) -> Pixels | None:
    """Level 0 of the largest series by tifffile, whole, without its own tiles and without our code."""
    if path.is_dir():
        return None
    with tifffile.TiffFile(path) as tif:
        series = max(tif.series, key=lambda s: s.shape[s.axes.index("Y")] * s.shape[s.axes.index("X")])
        page = series.keyframe
        if tif.pages.first.photometric in (3, 0) or tif.pages.first.tags.valueof(274, 1) not in (0, 1):
            return None  # imread gives what is stored: palette numbers, turned pictures
        samples = series.asarray()
        if series.axes.startswith(("S", "C")):
            samples = np.moveaxis(samples, 0, -1)
        if page.extrasamples and page.extrasamples[0] != 2:
            return None
    return _rgb(samples)


def by_pillow(path: Path) -> Pixels | None:
    """The first picture by Pillow."""
    if path.is_dir():
        return None
    with Image.open(path) as image:
        if image.mode not in ("L", "P", "RGB", "RGBA", "I;16", "I;16B") or getattr(image, "n_frames", 1) > 9:
            return None
        image.load()
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I;16"):
            return _rgb(np.asarray(upright).astype(np.uint16))
        return _rgb(np.asarray(upright.convert("RGBA" if upright.mode == "RGBA" else "RGB")))


def by_zarr(path: Path) -> Pixels | None:
    """Level 0 of a (c, y, x) or (t, c, z, y, x) store by zarr."""
    if not is_zarr(path):
        return None
    import zarr

    group = zarr.open_group(path, mode="r")
    samples = np.asarray(group["0"])
    while samples.ndim > 3:
        samples = samples.take(0, axis=0 if samples.shape[0] == 1 else 2)
    return _rgb(np.moveaxis(samples, 0, -1) if samples.shape[0] > 1 else samples[0])


READERS: dict[str, Callable[[Path], Pixels | None]] = {
    "openslide": by_openslide,
    "tifffile": by_tifffile,
    "Pillow": by_pillow,
    "zarr": by_zarr,
}
