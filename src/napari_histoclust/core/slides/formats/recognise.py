"""What a file is by its first bytes, whatever its name says."""

from __future__ import annotations

from pathlib import Path

from napari_histoclust.core.errors import HistoclustError

START_BYTES = 160

TIFF = "TIFF"
FLAT = "PNG, JPEG or JPEG 2000"
OPENSLIDE = "slide of another vendor"

SUFFIXES: dict[str, str] = {
    **dict.fromkeys((".tif", ".tiff", ".btf", ".tf8", ".svs", ".ndpi", ".scn", ".qptiff"), TIFF),
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".jp2", ".j2k", ".jpx"), FLAT),
    **dict.fromkeys((".mrxs", ".vms", ".vmu", ".bif", ".czi", ".dcm", ".svslide"), OPENSLIDE),
}
# Their own files begin as TIFF, JPEG or plain text.
_BY_NAME = (".mrxs", ".vms", ".vmu", ".bif")

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"II+\0", TIFF),
    (b"MM\0+", TIFF),
    (b"\x89PNG\r\n\x1a\n", FLAT),
    (b"\xff\xd8\xff", FLAT),
    (b"\0\0\0\x0cjP  \r\n\x87\n", FLAT),
    (b"\xff\x4f\xff\x51", FLAT),
    (b"ZISRAWFILE", OPENSLIDE),
    (b"SQLite format 3\0", OPENSLIDE),
)
_PREAMBLE = 128  # bytes before the mark of a DICOM file


def kind_of(path: Path) -> str:
    """Return which kind of picture a file is.

    Raises
    ------
    HistoclustError
        If it cannot be read, is empty, a web page or a Git LFS pointer, or nothing known; names it.
    """
    start = _start(path)
    _refuse_stand_ins(path, start)
    suffix = path.suffix.lower()
    found = next((kind for mark, kind in _STARTS if start.startswith(mark)), None)
    if suffix in _BY_NAME and found != OPENSLIDE:
        return OPENSLIDE
    if start[_PREAMBLE : _PREAMBLE + 4] == b"DICM":
        found = OPENSLIDE
    if found is not None:
        return found
    if suffix in SUFFIXES:
        raise HistoclustError(
            f"{path}: is not a readable {SUFFIXES[suffix]} by its first bytes: the file is damaged or "
            "something else was renamed, copy or export it again."
        )
    raise HistoclustError(
        f"{path}: files of type {path.suffix or 'unknown'} are not read: convert it to OME-TIFF (read are "
        f"{', '.join(sorted(SUFFIXES))} and OME-Zarr)."
    )


def misnamed(path: Path, kind: str) -> tuple[str, ...]:
    """Return a warning where the name speaks of another kind than the content."""
    stated = SUFFIXES.get(path.suffix.lower())
    if stated in (None, kind):
        return ()
    return (f"{path.name}: is a {kind} by its content, whatever its name says.",)


def _start(path: Path) -> bytes:
    if not path.is_file():
        raise HistoclustError(f"{path}: is no file but a device or a pipe: give the image file itself.")
    try:
        with path.open("rb") as file:
            return file.read(START_BYTES)
    except OSError as error:
        raise HistoclustError(
            f"{path}: cannot be read ({error.strerror}): check its permissions and its drive."
        ) from error


def _refuse_stand_ins(path: Path, start: bytes) -> None:
    """Say what a file really is where it is empty, a web page or a Git LFS pointer under an image's name."""
    text = start.lstrip().lower()
    if not start:
        raise HistoclustError(f"{path}: is empty: copy or export it again.")
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise HistoclustError(f"{path}: is a web page, not a picture: download the picture itself.")
    if text.startswith(b"version https://git-lfs"):
        raise HistoclustError(f"{path}: is a Git LFS pointer, not the picture: fetch it with `git lfs pull`.")
