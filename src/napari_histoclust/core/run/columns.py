"""patches.zarr is read through these: every chunk is there, as it was written, and holds what can be true.

Every array carries the CRC-32 of each of its rows of chunks in its attributes (`seal`). A store of an older
version, or one that another program wrote anew, has none: it is held to sizes, ranges, and to the chunks that
cannot have been left out. (Zarr leaves out a chunk of zeros unless it is told to write it.)
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError

CRC = "crc32"
"""Attribute of an array: a number for each row of chunks, or the list of those that it may have."""

# What zarr and its decoders raise on stores that are damaged.
DAMAGED = (
    LookupError, TypeError, ValueError, OSError, RuntimeError, AttributeError, MemoryError, ArithmeticError,
    SystemError,
)  # fmt: skip
_PARTS = ("obs", "obsm", "uns")
_OF_ARRAY, _OF_GROUP = {".zarray", "zarr.json"}, {".zgroup"}
# A column may be smaller on the disk, but what declares more than this is a mistake or a bomb.
_LARGE_BYTES, _BEST_COMPRESSION = 2**26, 1000


@dataclass(frozen=True)
class Column:
    """What the numbers of an array of the store can be.

    Parameters
    ----------
    low, high : float
        Both included.
    kinds : str
        Kinds of NumPy's types that it may have: "i" and "u" whole numbers, "f" fractions, "b" yes or no.
    may_lack : bool
        Whether NaN is allowed and stands for what is not known.
    is_never_zero : bool
        Whether no chunk can consist of zeros, so that one that is missing was lost in any version.
    """

    low: float = -np.inf
    high: float = np.inf
    kinds: str = "iufb"
    may_lack: bool = False
    is_never_zero: bool = False


COLUMNS: dict[str, Column] = {
    "obs/row": Column(0, 2**31, "iu"),
    "obs/col": Column(0, 2**31, "iu"),
    "obs/tissue_fraction": Column(0, 1),
    "obs/cluster/codes": Column(0, 2**15, "iu", is_never_zero=True),
    "obs/cluster/categories": Column(1, 2**15, "iu", is_never_zero=True),
    "obs/confidence": Column(1e-9, 1, "f", is_never_zero=True),
    "obs/entropy": Column(-1e-6, 100, "f"),
    "obs/distance": Column(0, 1e30, "f"),
    "obs/outlier": Column(0, 1, "b"),
    "obsm/latent": Column(-1e30, 1e30, "f", is_never_zero=True),
    "obsm/X_umap": Column(-1e30, 1e30, "f"),
    "obsm/stain_od": Column(-1e6, 1e6, "f", may_lack=True),
    "obsm/dye_od": Column(-1e6, 1e6, "f", may_lack=True),
    "uns/clusters/id": Column(1, 2**15, "iu", is_never_zero=True),
}
"""A new array is put here with what it may hold; one that is not is held to its checksum alone."""


def seal(store: Path) -> None:
    """Note in every array of a finished store what it holds."""
    for _, array in _arrays(zarr.open_group(store, mode="r+")):
        seal_array(array)


def every_chunk_written() -> AbstractContextManager[object]:
    """Let Zarr write chunks of zeros too, so that one that is missing is known to be lost."""
    whole: AbstractContextManager[object] = zarr.config.set({"array.write_empty_chunks": True})
    return whole


def noted(array: Any) -> list[int]:
    """Return the checksums that an array may have, none for one of an older version."""
    return [int(number) for number in np.ravel(array.attrs.get(CRC, []))]


def seal_array(array: Any, *former: int) -> None:
    """Note what an array holds; for an array of one chunk that is about to be replaced, the former too."""
    sums = [_crc(array[rows]) for rows in _rows_of_chunks(array)]
    array.attrs[CRC] = [[*former, *sums]] if former else sums


def holds(group: Any, name: str) -> bool:
    """Whether the store has an array of this name; to Zarr one whose description is damaged is not there."""
    return (_root(group) / name).exists()


def read_column(group: Any, name: str, rows: int | None = None) -> NDArray[Any]:
    """Return a whole array of the store.

    Parameters
    ----------
    group : zarr.Group
        patches.zarr.
    name : str
        Path in the store: "obs/row".
    rows : int, optional
        How long it must be.

    Raises
    ------
    HistoclustError
        If it is missing, cut, changed, or holds what cannot be; names it.
    """
    array = open_column(group, name, rows)
    return _read_checked(array, ..., _rows_of_chunks(array))


def open_column(group: Any, name: str, rows: int | None = None) -> Any:
    """Return an array of the store, after a look at what there is of it on the disk; see `read_column`."""
    try:
        array = group[name]
        if not isinstance(array, zarr.Array):
            raise ValueError("is no array")
        if rows is not None and array.shape[:1] != (rows,):
            raise ValueError(
                f"has {array.shape[0] if array.ndim else 'no'} rows where run.json states {rows}"
            )
        _check_files(array, is_whole=CRC in array.attrs or _of(name).is_never_zero)
        if array.dtype.kind not in "OTUS" and array.dtype.kind not in _of(name).kinds:
            raise ValueError(f"holds {array.dtype}")
    except DAMAGED as error:
        raise damaged(_root(group) / name, error) from error
    return array


def read_rows(array: Any, start: int, stop: int) -> NDArray[Any]:
    """Return some rows of an array that `open_column` has opened: whole rows of chunks, or up to its end.

    Raises
    ------
    HistoclustError
        If they cannot be decoded, are not as they were written, or hold what cannot be.
    """
    step = max(1, array.chunks[0])
    return _read_checked(
        array, slice(start, stop), [slice(i, min(i + step, stop)) for i in range(start, stop, step)]
    )


def _read_checked(array: Any, wanted: Any, parts: list[Any]) -> NDArray[Any]:
    """Read at once, which costs zarr least, and compare each of the rows of chunks."""
    try:
        values = np.asarray(array[wanted])
        first = parts[0].start if parts and array.ndim else 0
        for part in parts if (sums := array.attrs.get(CRC)) is not None else ():
            number = part.start // array.chunks[0] if array.ndim else 0
            rows = slice(part.start - first, part.stop - first) if array.ndim else ()
            if not _is_as_noted(values[rows], sums[number]):
                raise ValueError(f"chunk {number} is not as it was written")
        _check_values(values, _of(array.path))
    except DAMAGED as error:
        raise damaged(_root(array) / array.path, error) from error
    return values


def check_store(store: Path) -> None:
    """Raise HistoclustError unless every array of patches.zarr but obsm/latent is as it was written."""
    group = zarr.open_group(store, mode="r")
    for name, _ in _arrays(group):
        if name != "obsm/latent":
            read_column(group, name)


def check_files(group: Any, but: tuple[str, ...] = ()) -> None:
    """Raise HistoclustError where a chunk or the description of an array is missing, also of later ones."""
    for part in _PARTS:
        _check_descriptions(_root(group) / part)
    for name, _ in _arrays(group):
        if name not in but:
            open_column(group, name)


def _check_descriptions(part: Path) -> None:
    """To zarr a folder without a description is not there: a column would be missing without a word."""
    for folder, inner, files in os.walk(part):
        if _OF_GROUP.isdisjoint(files):
            if _OF_ARRAY.isdisjoint(files):
                raise damaged(Path(folder), "what describes it is missing")
            inner.clear()  # its chunks


def damaged(path: Path, error: Exception | str) -> HistoclustError:
    """Return the error of an array that is not whole."""
    said = " ".join(str(error).split())[:160] or type(error).__name__
    return HistoclustError(
        f"{path}: is damaged ({said}): bring patches.zarr back from a copy, or delete it and run again."
    )


def _arrays(group: Any) -> Iterator[tuple[str, Any]]:
    """Yield what our own parts of the store consist of."""
    for part in _PARTS:
        if part in group:
            for name, member in group[part].members(max_depth=None):
                if isinstance(member, zarr.Array):
                    yield f"{part}/{name}", member


def _of(name: str) -> Column:
    return COLUMNS.get(name, _ANY)


_ANY = Column()


def _root(node: Any) -> Path:
    return Path(node.store.root)


def _rows_of_chunks(array: Any) -> list[Any]:
    if array.ndim == 0:
        return [()]
    step = max(1, array.chunks[0])
    return [slice(i, min(i + step, array.shape[0])) for i in range(0, array.shape[0], step)]


def _crc(values: Any) -> int:
    whole = np.asarray(values)
    if whole.dtype.kind in "OTUS":
        return zlib.crc32("\0".join(map(str, whole.ravel())).encode("utf-8", "surrogatepass"))
    return zlib.crc32(np.ascontiguousarray(whole).tobytes())


def _is_as_noted(values: NDArray[Any], noted: int | list[int]) -> bool:
    return _crc(values) in (noted if isinstance(noted, list) else [noted])


def _check_files(array: Any, is_whole: bool) -> None:
    """Raise ValueError if chunks are missing, or there are too few bytes for what the array declares."""
    folder = _root(array) / array.path
    found = {file.name: file.stat().st_size for file in folder.iterdir()} if folder.is_dir() else {}
    if array.size * array.dtype.itemsize > max(_LARGE_BYTES, _BEST_COMPRESSION * sum(found.values())):
        raise ValueError("declares far more than its files hold")
    if np.prod(array.chunks, dtype=float) > max(array.size, _LARGE_BYTES):
        raise ValueError("declares chunks larger than itself")
    counts = [-(-side // max(1, chunk)) for side, chunk in zip(array.shape, array.chunks, strict=True)]
    if not is_whole or 0 in counts:
        return
    for place in product(*map(range, counts)):
        key = array.metadata.encode_chunk_key(place)
        if key not in found and not (folder / key).is_file():
            raise ValueError(f"{key} is missing")


def _check_values(values: NDArray[Any], column: Column) -> None:
    if values.dtype.kind not in "iuf" or not values.size or column is _ANY:
        return
    low, high = values.min(), values.max()
    if np.isnan(low):
        if not column.may_lack:
            raise ValueError("holds NaN")
        low, high = np.nanmin(values, initial=np.inf), np.nanmax(values, initial=-np.inf)
    if low < column.low or high > column.high:
        wrong = low if low < column.low else high
        raise ValueError(f"holds {wrong:g}, outside {column.low:g} to {column.high:g}")
