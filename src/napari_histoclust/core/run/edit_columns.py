"""Columns that a split or another K has changed, each in a file beside the run named by its checksum."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.atomic import atomic_file
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.model.identity import crc32_of
from napari_histoclust.core.reading import load_npy

COLUMNS: dict[str, type[np.generic]] = {"labels": np.int16, "confidence": np.float32, "entropy": np.float32}
FILE = re.compile(rf"(\.partial-)?({'|'.join(COLUMNS)})-[0-9a-f]{{8}}\.npy")


def write_columns(folder: Path, columns: Mapping[str, NDArray[Any]]) -> dict[str, str]:
    """Write columns, unless they are there already, and return the names of their files."""
    names = {what: _name_of(what, column) for what, column in columns.items()}
    for what, name in names.items():
        with atomic_file(folder / name, own=True) as partial, partial.open("wb") as file:
            np.save(file, columns[what], allow_pickle=False)
    return names


def read_column(path: Path) -> NDArray[Any]:
    """Return a column that `write_columns` wrote.

    Raises
    ------
    HistoclustError
        If it is missing, damaged, or not what its name says.
    """
    column: NDArray[Any] = load_npy(path)
    what = path.name.split("-")[0]
    if column.dtype != COLUMNS.get(what) or path.name != _name_of(what, column):
        raise HistoclustError(f"{path}: is not as it was written.")
    column.setflags(write=False)
    return column


def _name_of(what: str, column: NDArray[Any]) -> str:
    return f"{what}-{crc32_of([column.astype(column.dtype.newbyteorder('<'))]):08x}.npy"
