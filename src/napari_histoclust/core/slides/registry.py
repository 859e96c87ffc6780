"""All file formats, and how a path finds its own."""

from __future__ import annotations

import pkgutil
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.reading import unreadable
from napari_histoclust.core.slides import formats as package
from napari_histoclust.core.slides.format import Format
from napari_histoclust.core.slides.protocol import Slide
from napari_histoclust.core.slides.pyramid.store import with_kept_pyramid
from napari_histoclust.core.slides.tiled.tiles import TiledSlide

START_BYTES = 160


@cache
def formats() -> tuple[Format, ...]:
    """Return the record of each module in `formats`, in the order in which they are asked."""
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    records: list[Format] = [import_module(f"{package.__name__}.{name}").FORMAT for name in names]
    return tuple(sorted(records, key=lambda record: record.rank))


def is_image(path: Path) -> bool:
    """Whether a path looks like a picture of some format; by its name, no file is opened."""
    if path.is_dir():
        return any(record.recognises_folder(path) for record in formats())
    return _by_name(path) is not None and path.is_file()


def open_pictures(path: Path) -> tuple[TiledSlide, ...]:
    """Open every picture of a file: one, or one a stain where its channels are stains.

    Raises
    ------
    HistoclustError
        If there is no such file, no format knows it, or it is damaged; names it.
    """
    if not path.exists():
        raise HistoclustError(f"{path}: no such file or folder.")
    if path.is_dir():
        for record in formats():
            if record.recognises_folder(path):
                return record.open(path)
        raise HistoclustError(f"{path}: is a folder and no OME-Zarr or DICOM: give the image file itself.")
    record = _by_content(path)
    pictures = record.open(path)
    if _by_name(path) not in (None, record):
        sentence = f"{path.name}: is a {record.name} by its content, whatever its name says."
        pictures = tuple(replace(picture, warnings=(sentence, *picture.warnings)) for picture in pictures)
    return tuple(with_kept_pyramid(picture, number) for number, picture in enumerate(pictures))


def open_slide(path: str | Path) -> Slide:
    """Open a file that holds one picture.

    Parameters
    ----------
    path : str or Path
        A TIFF of any kind, an OME-Zarr folder, a DICOM file or folder, any slide that openslide reads, a PNG,
        JPEG or JPEG 2000.

    Raises
    ------
    HistoclustError
        If it cannot be read or holds several pictures; names it.
    """
    pictures = open_pictures(Path(path))
    if len(pictures) > 1:
        raise HistoclustError(
            f"{path}: holds {len(pictures)} pictures ({', '.join(p.name for p in pictures)}): open it as a "
            "stack."
        )
    return pictures[0]


def _by_name(path: Path) -> Format | None:
    return next((record for record in formats() if path.suffix.lower() in record.suffixes), None)


def _by_content(path: Path) -> Format:
    """Return the format of a file by its first bytes.

    Raises
    ------
    HistoclustError
        If it cannot be read, is empty, a web page or a Git LFS pointer, or nothing known; names it.
    """
    start = _start(path)
    _refuse_stand_ins(path, start)
    record = next((record for record in formats() if record.recognises(path, start)), None)
    if record is not None:
        return record
    if (named := _by_name(path)) is not None:
        raise HistoclustError(
            f"{path}: is not a readable {named.name} by its first bytes: the file is damaged or "
            "something else was renamed, copy or export it again."
        )
    suffixes = sorted(suffix for record in formats() for suffix in record.suffixes)
    raise HistoclustError(
        f"{path}: files of type {path.suffix or 'unknown'} are not read: convert it to OME-TIFF (read are "
        f"{', '.join(suffixes)} and OME-Zarr)."
    )


def _start(path: Path) -> bytes:
    if not path.is_file():
        raise HistoclustError(f"{path}: is no file but a device or a pipe: give the image file itself.")
    try:
        with path.open("rb") as file:
            return file.read(START_BYTES)
    except OSError as error:
        raise unreadable(path, error) from error


def _refuse_stand_ins(path: Path, start: bytes) -> None:
    """Raise HistoclustError where a file is empty, a web page or a Git LFS pointer under an image's name."""
    text = start.lstrip().lower()
    if not start:
        raise HistoclustError(f"{path}: is empty: copy or export it again.")
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise HistoclustError(f"{path}: is a web page, not a picture: download the picture itself.")
    if text.startswith(b"version https://git-lfs"):
        raise HistoclustError(f"{path}: is a Git LFS pointer, not the picture: fetch it with `git lfs pull`.")
