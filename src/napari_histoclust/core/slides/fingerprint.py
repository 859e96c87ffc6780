"""A checksum over samples of an image file or store: at most a few MiB are read of a slide of any size."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hashlib import _Hash

    from napari_histoclust.core.slides.protocol import Slide

_BLOCK_BYTES, _BLOCKS = 64 * 1024, 32
# A file up to this is read whole.
_WHOLE_BYTES = 2 * 2**20
# Of the entries of a folder these many, the first and the last among them, are followed, each of whose files
# gives a few blocks: some hundred small reads for a store of any size.
_FOLLOWED, _MOST_FILES, _BLOCKS_OF_PART = 4, 128, 3
_METADATA = ("zarr.json", ".zattrs", ".zgroup", ".zarray")
# What is one picture in several files; the others keep everything in the one that was opened.
_WITH_FOLDER, _WITH_NEIGHBOURS = (".mrxs",), (".dcm", ".vms", ".vmu")
# Places along a side where it is asked how a stain lies, and steps to a px in which it is told apart.
_PLACES, _STEPS_PER_PX = 24, 4


def sampled_sha256(path: Path) -> str:
    """Return the SHA-256 of names, sizes and samples of what a picture consists of.

    Of a file up to 2 MiB everything counts; of a larger one its size, its first and last 64 KiB and 32 evenly
    spaced blocks of 64 KiB. Of a store (OME-Zarr) its metadata, what lies along some of its branches, and how
    many entries each folder on the way has. A change between the samples is not seen. What the picture itself
    is called does not count.
    """
    digest = hashlib.sha256()
    if not path.is_dir():
        _add(digest, "", path, _BLOCKS, _WHOLE_BYTES)
    for label, part in _parts(path):
        _add(digest, label, part, _BLOCKS_OF_PART, _BLOCKS_OF_PART * _BLOCK_BYTES)
    return digest.hexdigest()


def is_one_file(path: Path) -> bool:
    """Whether size and time of change of the file at `path` tell of the whole picture."""
    return path.is_file() and path.suffix.lower() not in (*_WITH_FOLDER, *_WITH_NEIGHBOURS)


def _add(digest: _Hash, label: str, path: Path, blocks: int, whole: int) -> None:
    size = path.stat().st_size
    digest.update(f"{label}|{size}|".encode("utf-8", "surrogatepass"))
    with path.open("rb") as file:
        if size <= whole:
            digest.update(file.read())
            return
        for start in np.linspace(0, size - _BLOCK_BYTES, blocks + 2).astype(np.int64).tolist():
            file.seek(start)
            digest.update(file.read(_BLOCK_BYTES))


def _parts(path: Path) -> Iterator[tuple[str, Path]]:
    """The files of a store, or beside the one that was opened, that are sampled, and what tells each."""
    suffix = path.suffix.lower()
    if path.is_dir():
        yield from _along_branches(path)
    elif suffix in _WITH_FOLDER:
        yield from _along_branches(path.with_suffix(""))
    elif suffix in _WITH_NEIGHBOURS:
        for neighbour in _spread([file for file in _entries(path.parent) if file.is_file() and file != path]):
            yield neighbour.name, neighbour


def _along_branches(folder: Path) -> Iterator[tuple[str, Path]]:
    pending, given = [folder], 0
    while pending and given < _MOST_FILES:
        branch = pending.pop(0)
        entries = _entries(branch)
        for entry in _spread(entries):
            if entry.is_dir():
                pending.append(entry)
            else:
                given += 1
                yield f"{entry.relative_to(folder).as_posix()} of {len(entries)}", entry


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder, by name; what file managers leave there is nothing of the picture's."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as found:
        names = [entry.name for entry in found if entry.name in _METADATA or not entry.name.startswith(".")]
    return [folder / name for name in sorted(names) if name not in ("Thumbs.db", "desktop.ini")]


def _spread(entries: list[Path]) -> list[Path]:
    """Some of the entries, evenly spaced, and all that hold metadata."""
    others = [entry for entry in entries if entry.name not in _METADATA]
    places = {round(i * (len(others) - 1) / (_FOLLOWED - 1)) for i in range(_FOLLOWED)} if others else set()
    return [entry for entry in entries if entry.name in _METADATA] + [others[i] for i in sorted(places)]


def placement_of(slide: Slide, shape: tuple[int, int]) -> str:
    """Return a checksum of how a slide is laid into a frame of (height, width) px; "" where it is the frame.

    It is asked at 24 x 24 places, to a quarter of a px, so that another affine or displacement field is seen,
    and the last digits of another processor are not.
    """
    if not slide.is_placed:
        return ""
    along = [np.linspace(0, side - 1, _PLACES) for side in shape]
    places = np.stack(np.meshgrid(*along, indexing="ij"), axis=-1).reshape(-1, 2)
    # no affine that a person writes down lies on the edge of these steps
    steps = np.floor(slide.own_px(places) * _STEPS_PER_PX + 0.3172)
    return hashlib.sha256(steps.clip(-(2.0**40), 2.0**40).astype("<i8").tobytes()).hexdigest()
