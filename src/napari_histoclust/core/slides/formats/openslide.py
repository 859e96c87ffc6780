"""What openslide alone reads: DICOM, MIRAX, Hamamatsu VMS, Ventana BIF, Zeiss CZI, Sakura.

openslide is a C library; a damaged file may bring it down, and the program with it. The first contact with a
file is therefore made by a process of its own, which opens it and decodes the middle of each level: a fifth
of a second, once a file.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.format import Format, check_size, gone, reason
from napari_histoclust.core.slides.protocol import UInt8
from napari_histoclust.core.slides.scale import finite, gated, number
from napari_histoclust.core.slides.tiled.holes import Holes
from napari_histoclust.core.slides.tiled.tiles import WHITE, TiledSlide

if TYPE_CHECKING:
    import openslide

SECONDS = 20
_BYTES = 4 * 2**30
# The child knows nothing of this package, so that it starts at once.
_LOOK = """
import sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]), int(sys.argv[2])))
except (ImportError, ValueError, OSError):
    pass
import openslide
try:
    with openslide.OpenSlide(sys.argv[1]) as slide:
        for level, (width, height) in enumerate(slide.level_dimensions):
            step = slide.level_downsamples[level]
            place = int(width / 2 * step), int(height / 2 * step)
            slide.read_region(place, level, (min(width, 64), min(height, 64)))
except (openslide.OpenSlideError, OSError, MemoryError, ValueError) as error:
    print(str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__)
    sys.exit(3)
"""

_passed: set[tuple[str, int, int]] = set()
_lock = threading.Lock()
_TILE_PX = 512
_SERIES = "dicom.SeriesInstanceUID"
# A folder of DICOM files is known by one of its first entries.
_LOOKED_AT = 50
_PREAMBLE = 128  # bytes before the mark of a DICOM file
# Their own files begin as TIFF, JPEG or plain text.
_BY_NAME = (".mrxs", ".vms", ".vmu", ".bif")


class _Handle:
    """An open slide. openslide gives up a handle after its first error, so it is opened anew then."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.slide = self._opened()

    def _opened(self) -> openslide.OpenSlide:
        import openslide

        return openslide.OpenSlide(self._path)

    def region(self, level: int, x: int, y: int, size: tuple[int, int]) -> UInt8:
        import openslide

        slide = self.slide
        try:
            return np.asarray(slide.read_region((x, y), level, size))
        except openslide.OpenSlideError:
            with self._lock:
                if self.slide is slide:
                    self.slide = self._opened()
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
        import openslide

        y, x = row * _TILE_PX, col * _TILE_PX
        height, width = min(_TILE_PX, self.shape[0] - y), min(_TILE_PX, self.shape[1] - x)
        top, left = round(y * self.downsample), round(x * self.downsample)
        try:
            rgba = self.handle.region(self.number, left, top, (width, height))
        except openslide.OpenSlideError as error:
            if not self.path.exists():
                raise gone(self.path) from error
            box = top, left, round(height * self.downsample), round(width * self.downsample)
            self.holes.add((self.number, row, col), box, reason(error))
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
    import openslide

    file = dicom_files(path)[0] if path.is_dir() else path
    first_contact(path, file)
    try:
        handle = _Handle(file)
        properties = dict(handle.slide.properties)
    except (openslide.OpenSlideError, OSError) as error:
        raise _unreadable(path, file, reason(error)) from error
    sides = handle.slide.level_dimensions
    shapes = [(height, width) for width, height in sides]
    check_size(path, *shapes[0])
    holes = Holes(path)
    levels = [
        OpenSlideLevel(path, handle, number, handle.slide.level_downsamples[number], shape, holes)
        for number, shape in enumerate(shapes)
    ]
    names = openslide.PROPERTY_NAME_MPP_Y, openslide.PROPERTY_NAME_MPP_X
    scale, warnings = gated(path.name, (_side(properties, names[0]), _side(properties, names[1])))
    reader = f"openslide {openslide.__library_version__}"
    return (TiledSlide(file, _name(path), levels, scale, reader, warnings, holes),)


def dicom_files(folder: Path) -> list[Path]:
    """Return the DICOM files of a folder."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".dcm")


def dicom_series(path: Path) -> str:
    """Return which slide a DICOM file is part of; its own name where that cannot be told."""
    import openslide

    try:
        with openslide.OpenSlide(path) as slide:
            return slide.properties.get(_SERIES, path.name)
    except (openslide.OpenSlideError, OSError):
        return path.name


def _name(path: Path) -> str:
    """Name of the file, or of its folder where the file has a mere number as DICOM files do."""
    stem = path.stem if path.is_file() else path.name
    return path.parent.name if stem.replace(".", "").isdigit() and path.parent.name else stem


def _side(properties: Mapping[str, str], name: str) -> float | None:
    try:
        return finite(number(properties.get(name, "")))
    except ValueError:
        return None


def _over_white(rgba: UInt8) -> UInt8:
    alpha = rgba[..., 3:]
    if alpha.min() == 255:
        return np.ascontiguousarray(rgba[..., :3])
    wide = alpha.astype(np.uint16)
    return ((rgba[..., :3] * wide + WHITE * (255 - wide) + 127) // 255).astype(np.uint8)


def _unreadable(path: Path, file: Path, fault: str) -> HistoclustError:
    if _is_dicom(file):
        return HistoclustError(
            f"{path}: is a DICOM file that is not read ({fault}): read are whole slide images of 8-bit RGB, "
            "in JPEG, JPEG 2000 or not compressed; convert it to OME-TIFF."
        )
    return HistoclustError(
        f"{path}: is not a slide that can be read ({fault}): the file is damaged or parts of it are "
        "missing, copy or export it again."
    )


def _is_dicom(file: Path) -> bool:
    """Whether a file bears the mark of DICOM; openslide reads a part of what DICOM may hold."""
    try:
        with file.open("rb") as stream:
            return stream.read(_PREAMBLE + 4)[_PREAMBLE:] == b"DICM"
    except OSError:
        return False


def first_contact(path: Path, file: Path) -> None:
    """Open `file` in another process, and remember that it went well.

    Parameters
    ----------
    path : Path
        What the user gave, for the sentence.
    file : Path
        The file to open.

    Raises
    ------
    HistoclustError
        If it cannot be opened, takes too long or brings its decoder down.
    """
    stat = file.stat()
    key = str(file.resolve()), stat.st_size, stat.st_mtime_ns
    with _lock:
        if key in _passed:
            return
    fault = _fault(file)
    if fault:
        raise _unreadable(path, file, fault.rstrip("."))
    with _lock:
        _passed.add(key)


def _fault(file: Path) -> str:
    command = [sys.executable, "-W", "ignore", "-c", _LOOK, str(file), str(_BYTES)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"its decoder did not come to an end in {SECONDS} s"
    except OSError:
        return ""  # no other process can be started here: openslide itself must do
    if done.returncode == 0:
        return ""
    said = "".join(filter(str.isprintable, done.stdout.strip()))
    return said if done.returncode == 3 and said else "it brings its decoder down"


def is_dicom_folder(path: Path) -> bool:
    """Whether a path is a folder with DICOM files, which together are a slide."""
    return path.is_dir() and any(
        entry.suffix.lower() == ".dcm" for entry in islice(path.iterdir(), _LOOKED_AT)
    )


def _recognises(path: Path, start: bytes) -> bool:
    if path.suffix.lower() in _BY_NAME or start[_PREAMBLE : _PREAMBLE + 4] == b"DICM":
        return True
    return start.startswith((b"ZISRAWFILE", b"SQLite format 3\0"))


FORMAT = Format(
    name="slide of another vendor",
    open=open_openslide,
    suffixes=(".mrxs", ".vms", ".vmu", ".bif", ".czi", ".dcm", ".svslide"),
    recognises=_recognises,
    recognises_folder=is_dicom_folder,
    rank=20,
)
