"""The families of formats, and how a file finds its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.protocol import Slide
from napari_histoclust.core.slides.tiff import open_tiff


def _open_zarr(path: Path) -> tuple[Slide, ...]:
    # zarr takes a third of a second to import, and most slides are TIFF
    from napari_histoclust.core.slides.ome_zarr import open_ome_zarr

    return tuple(open_ome_zarr(path))


def _open_flat(path: Path) -> tuple[Slide, ...]:
    from napari_histoclust.core.slides.flat import open_flat

    return tuple(open_flat(path))


FAMILIES: dict[str, Callable[[Path], tuple[Slide, ...]]] = {
    ".tif": open_tiff,
    ".tiff": open_tiff,
    ".btf": open_tiff,
    ".tf8": open_tiff,
    ".svs": open_tiff,
    ".ndpi": open_tiff,
    ".png": _open_flat,
    ".jpg": _open_flat,
    ".jpeg": _open_flat,
}


def is_zarr(path: Path) -> bool:
    """Whether a folder is a zarr group."""
    return path.is_dir() and any((path / name).is_file() for name in (".zattrs", ".zgroup", "zarr.json"))


def is_image(path: Path) -> bool:
    """Whether a path looks like a picture that some family reads."""
    return is_zarr(path) or (path.suffix.lower() in FAMILIES and path.is_file())


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
        raise HistoclustError(f"{path}: is a folder and no OME-Zarr: give the image file itself.")
    _refuse_stand_ins(path)
    family = FAMILIES.get(path.suffix.lower())
    if family is None:
        raise HistoclustError(
            f"{path}: files of type {path.suffix or 'unknown'} are not read: convert it to OME-TIFF "
            f"(read are {', '.join(sorted(FAMILIES))} and OME-Zarr)."
        )
    return family(path)


def _refuse_stand_ins(path: Path) -> None:
    """Say what a file really is where it is empty, a web page or a Git LFS pointer under an image's name."""
    try:
        with path.open("rb") as file:
            start = file.read(64).lstrip().lower()
    except OSError as error:
        raise HistoclustError(f"{path}: cannot be read ({error.strerror}): check its permissions.") from error
    if not start:
        raise HistoclustError(f"{path}: is empty: copy or export it again.")
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise HistoclustError(f"{path}: is a web page, not a picture: download the picture itself.")
    if start.startswith(b"version https://git-lfs"):
        raise HistoclustError(f"{path}: is a Git LFS pointer, not the picture: fetch it with `git lfs pull`.")


def open_slide(path: str | Path) -> Slide:
    """Open a file that holds one picture.

    Parameters
    ----------
    path : str or Path
        A TIFF (OME, SVS, tiled, striped), an OME-Zarr folder, a PNG or a JPEG.

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
