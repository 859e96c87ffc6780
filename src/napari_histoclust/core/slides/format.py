"""What a file format declares about itself, and the limits that all share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.tiled.tiles import TiledSlide

MIN_SIDE_PX = 8
# A tile beyond this would not fit beside the others that are in work.
MAX_TILE_BYTES = 2**28


@dataclass(frozen=True)
class Format:
    """A file format that slides are read from; a module in `formats` has its own in `FORMAT`.

    Attributes
    ----------
    name : str
        What sentences call it.
    open : callable
        Path -> its pictures: one, or one a stain where its channels are stains. Raises HistoclustError.
    suffixes : tuple of str
        How its files are called, in lower case.
    recognises : callable
        (path, first 160 bytes) -> whether a file is one of its own, whatever it is called.
    recognises_folder : callable
        Path of a folder -> whether the folder is a picture.
    rank : int
        Formats with a lower one are asked first.
    """

    name: str
    open: Callable[[Path], tuple[TiledSlide, ...]]
    suffixes: tuple[str, ...] = ()
    recognises: Callable[[Path, bytes], bool] = lambda path, start: False
    recognises_folder: Callable[[Path], bool] = lambda path: False
    rank: int = 100


def check_size(path: Path, height: int, width: int) -> None:
    """Raise HistoclustError where a picture is too small to be a slide."""
    if min(height, width) < MIN_SIDE_PX:
        raise HistoclustError(
            f"{path}: is {height} x {width} px, too small to be a slide: give the full picture."
        )


def gone(path: Path) -> HistoclustError:
    """Return the error of a file that was there and is no longer."""
    return HistoclustError(f"{path}: can no longer be read: is its drive still connected? Then start again.")


def reason(error: Exception) -> str:
    """Return the first line of a library's error, short enough for one sentence."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return "".join(filter(str.isprintable, lines[0]))[:120].rstrip(".")
