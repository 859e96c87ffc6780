"""Arrays in .npz files, read without believing what their headers declare."""

from __future__ import annotations

import zipfile
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNREADABLE = (
    OSError, ValueError, EOFError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, RuntimeError,
    NotImplementedError, SyntaxError, OverflowError, MemoryError, TokenError,
)  # fmt: skip
"""What NumPy and zipfile raise on files that are damaged."""

_BEST_COMPRESSION = 2000  # of deflate, a little over what it can do


def read_npz(path: Path, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """Return arrays of a .npz file by name; no memory is taken for more than the file can hold.

    Raises
    ------
    KeyError
        If one is missing.
    OSError, ValueError, ...
        Another one of `UNREADABLE`, if the file is missing or damaged.
    """
    with zipfile.ZipFile(path) as archive:
        for name in names:
            _check_member(archive, f"{name}.npy", name)
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in names}


def _check_member(archive: zipfile.ZipFile, member: str, name: str) -> None:
    if member not in archive.namelist():
        raise KeyError(name)
    info = archive.getinfo(member)
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, _, dtype = read[version](file)
    declared = float(np.prod(shape, dtype=float)) * dtype.itemsize
    if dtype.hasobject or declared > min(info.file_size, _BEST_COMPRESSION * max(1, info.compress_size)):
        raise ValueError(f"{name} declares more than it holds")
