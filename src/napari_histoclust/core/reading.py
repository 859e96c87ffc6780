"""Small files from outside: looked at before they are read, so that none takes memory or time unasked.

A path may be a pipe that never ends, a document a thousand brackets deep, and an array of a few bytes may
state that it is a terabyte.
"""

from __future__ import annotations

import errno
import json
import math
import re
import unicodedata
import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError

MOST_TEXT_BYTES = 256 * 2**20
LONGEST_NAME = 200
_BEST_COMPRESSION = 2000  # of deflate, a little over what it can do
_DAMAGED_ARCHIVE = (
    zipfile.BadZipFile, zlib.error, ValueError, EOFError, LookupError, TypeError, AttributeError, MemoryError,
    NotImplementedError, RuntimeError, SyntaxError, OverflowError, TokenError,
)  # fmt: skip
_SURROGATE = re.compile("[\ud800-\udfff]")


def check_ordinary(path: Path) -> None:
    """Raise HistoclustError where `path` is no file that can be read to an end: a folder, pipe or device."""
    try:
        if path.is_file():
            return
        there, is_folder = path.exists(), path.is_dir()
    except OSError as error:
        raise unreadable(path, error) from error
    if not there:
        raise HistoclustError(f"{path}: no such file.")
    what = "a folder" if is_folder else "no file but a device or a pipe"
    raise HistoclustError(f"{path}: is {what}: give the file itself.")


def too_many_open(path: Path, error: BaseException) -> HistoclustError | None:
    """Return the error of a file that cannot be opened as too many others are, None of any other fault."""
    if not isinstance(error, OSError) or error.errno not in (errno.EMFILE, errno.ENFILE):
        return None
    return HistoclustError(
        f"{path}: cannot be opened, too many files are open: open fewer slides at a time, or raise the limit "
        "(ulimit -n)."
    )


def unreadable(path: Path, error: OSError) -> HistoclustError:
    """Return the error of a path that the system does not let be read."""
    crowded = too_many_open(path, error)
    if crowded is not None:
        return crowded
    name = str(path)
    shown = name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}..."
    return HistoclustError(
        f"{shown}: cannot be read ({error.strerror or type(error).__name__}): check its name, its "
        "permissions and its drive."
    )


def read_text(path: Path, most_bytes: int = MOST_TEXT_BYTES) -> str:
    """Return a text in UTF-8.

    Raises
    ------
    HistoclustError
        If it is no ordinary file, too large, cannot be read, or is no such text; names it.
    """
    check_ordinary(path)
    try:
        size = path.stat().st_size
        if size > most_bytes:
            raise HistoclustError(
                f"{path}: is {size / 1024:,.0f} KiB, too large for what it should be: give the right file."
            )
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise unreadable(path, error) from error
    except UnicodeDecodeError as error:
        raise HistoclustError(
            f"{path}: is no text in UTF-8: save it as UTF-8 or give the right file."
        ) from error


def parse_json(path: Path, text: str) -> Any:
    """Return a JSON document.

    Raises
    ------
    HistoclustError
        If it is none, or nested without an end; names the file.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise HistoclustError(f"{path}: is not readable JSON (nested too deeply).") from error
    except ValueError as error:
        raise HistoclustError(f"{path}: is not readable JSON ({error}).") from error


def json_text(document: Any) -> str:
    """Return a document as indented JSON that UTF-8 can hold; NaN is refused, as JSON has none.

    Half letters, which stand for bytes in names of files that are no UTF-8, are escaped.
    """
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    return _SURROGATE.sub(lambda half: f"\\u{ord(half.group()):04x}", text)


def check_name(where: str, name: str) -> str:
    """Return a name that a person or a file gives to a slide or stain.

    Raises
    ------
    HistoclustError
        If it is too long to be shown, or holds half letters or signs that cannot be shown.
    """
    if len(name) > LONGEST_NAME:
        raise HistoclustError(
            f"{where}: the name {name[:20]}... has {len(name):,} letters: shorten it to {LONGEST_NAME}."
        )
    if not name.strip() or any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
        shown = name.encode("unicode_escape").decode()
        raise HistoclustError(
            f"{where}: the name '{shown}' is empty or cannot be shown: give it another one."
        )
    return name


def load_npy(path: Path) -> NDArray[Any]:
    """Return the array of a .npy file, after a look at its size; nothing is unpickled.

    Raises
    ------
    HistoclustError
        If it is no such file or shorter than it states; names it.
    """
    check_ordinary(path)
    try:
        with path.open("rb") as file:
            _check_size(file, path.stat().st_size)
            file.seek(0)
            return np.asarray(np.load(file, allow_pickle=False))
    except OSError as error:
        raise unreadable(path, error) from error
    except (ValueError, EOFError, TypeError, MemoryError, SyntaxError, RecursionError) as error:
        raise HistoclustError(
            f"{path}: is no readable .npy array: the file is damaged, write it anew."
        ) from error


def load_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Return all arrays of a .npz file by name, after a look at their sizes; nothing is unpickled.

    Raises
    ------
    HistoclustError
        If it is no such file, or one of its arrays states more than it holds; names the file.
    """
    check_ordinary(path)
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.file_size > _BEST_COMPRESSION * max(1, member.compress_size):
                    raise ValueError("states more than it can hold")
                with archive.open(member) as file:
                    _check_size(file, member.file_size)
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except OSError as error:
        raise unreadable(path, error) from error
    except _DAMAGED_ARCHIVE as error:
        raise HistoclustError(f"{path}: is no readable .npz file: it is damaged, write it anew.") from error


def _check_size(file: IO[bytes], size: int) -> None:
    """Raise ValueError where an array is not as large as its header states."""
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(file)
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != size - file.tell():
        raise ValueError("states another size than it has")
