"""The families of formats, and how a file finds its own."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.formats.recognise import FLAT, OPENSLIDE, SUFFIXES, TIFF, kind_of, misnamed
from napari_histoclust.core.slides.formats.tiff import open_tiff
from napari_histoclust.core.slides.protocol import Slide
from napari_histoclust.core.slides.pyramid.store import with_kept_pyramid
from napari_histoclust.core.slides.tiled.tiles import TiledSlide

# A folder of DICOM files is known by one of its first entries.
_LOOKED_AT = 50


def _open_zarr(path: Path) -> tuple[TiledSlide, ...]:
    # zarr takes a third of a second to import, and most slides are TIFF
    from napari_histoclust.core.slides.formats.ome_zarr import open_ome_zarr

    return open_ome_zarr(path)


def _open_flat(path: Path) -> tuple[TiledSlide, ...]:
    from napari_histoclust.core.slides.formats.flat import open_flat

    return open_flat(path)


def _open_openslide(path: Path) -> tuple[TiledSlide, ...]:
    from napari_histoclust.core.slides.formats.openslide import open_openslide

    return open_openslide(path)


FAMILIES: dict[str, Callable[[Path], tuple[TiledSlide, ...]]] = {
    TIFF: open_tiff,
    FLAT: _open_flat,
    OPENSLIDE: _open_openslide,
}


def is_zarr(path: Path) -> bool:
    """Whether a folder is a zarr group."""
    return path.is_dir() and any((path / name).is_file() for name in (".zattrs", ".zgroup", "zarr.json"))


def is_dicom_folder(path: Path) -> bool:
    """Whether a folder holds DICOM files, which together are a slide."""
    return path.is_dir() and any(
        entry.suffix.lower() == ".dcm" for entry in islice(path.iterdir(), _LOOKED_AT)
    )


def is_image(path: Path) -> bool:
    """Whether a path looks like a picture that some family reads; by its name, no file is opened."""
    if path.suffix.lower() in SUFFIXES and path.is_file():
        return True
    return is_zarr(path) or is_dicom_folder(path)


def open_pictures(path: Path) -> tuple[Slide, ...]:
    """Open every picture of a file: one, or one a stain where its channels are stains.

    Raises
    ------
    HistoclustError
        If there is no such file, no family reads it, or it is damaged; names it.
    """
    if not path.exists():
        raise HistoclustError(f"{path}: no such file or folder.")
    if path.is_dir():
        if is_zarr(path):
            return _open_zarr(path)
        if is_dicom_folder(path):
            return _open_openslide(path)
        raise HistoclustError(f"{path}: is a folder and no OME-Zarr or DICOM: give the image file itself.")
    kind = kind_of(path)
    pictures = FAMILIES[kind](path)
    for picture in pictures:
        picture.warnings = (*misnamed(path, kind), *picture.warnings)
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
