"""What frozen networks answered, kept on disk: a patch that was asked once is not asked again.

A patch is known by the BLAKE2b of its pixels as the network gets them, whatever slide and lattice it lies on,
so that nothing here can be out of date: a changed slide or calibration has other pixels. Each process appends
to segments of its own (``NAME.features``, float16 rows, and ``NAME.index``, digests and checksums), so that
several may work at a time; a kill costs what was written last, a damaged row is asked again.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
import weakref
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.user_cache import UserCache

FEATURES = UserCache("features", default_gib=10.0)
COMMIT_EVERY_S = 5.0
_FEATURES, _INDEX = ".features", ".index"
_LINE = np.dtype([("first", "<u8"), ("second", "<u8"), ("crc", "<u4")])
Rows = NDArray[np.float16]
Digests = NDArray[np.uint64]


def digests_of(pixels: NDArray[np.uint8]) -> Digests:
    """Return the (n, 2) digest of each of (n, ...) patches."""
    shape = json.dumps(pixels.shape[1:]).encode()
    sums = (hashlib.blake2b(one.tobytes(), digest_size=16, key=shape).digest() for one in pixels)
    return np.frombuffer(b"".join(sums), "<u8").reshape(len(pixels), 2)


@dataclass(frozen=True, eq=False)
class _Segment:
    """A finished or growing pair of files, as it was when it was opened."""

    path: Path
    lines: NDArray[Any]
    rows: Rows

    @classmethod
    def opened(cls, path: Path, width: int) -> _Segment | None:
        """Return what is whole of a segment; None where nothing is."""
        try:
            lines = np.fromfile(path.with_suffix(_INDEX), _LINE)
            count = min(len(lines), path.stat().st_size // (2 * width))
            if not count:
                return None
            rows = np.memmap(path, np.float16, "r", shape=(count, width))
        except (OSError, ValueError):
            return None
        return cls(path, lines[:count], rows)


class FeatureCache:
    """The features of one frozen network, of this process and of others before it.

    Parameters
    ----------
    kind : str
        Name of a folder: the network's checksum, side and precision.
    width : int
        w, numbers a patch.
    """

    def __init__(self, kind: str, width: int) -> None:
        self._folder, self._width = FEATURES.folder() / kind, width
        paths = sorted(self._folder.glob(f"*{_FEATURES}")) if self._folder.is_dir() else []
        opened = [_Segment.opened(path, width) for path in paths]
        self._segments = [segment for segment in opened if segment is not None]
        self._used: set[int] = set()
        self._writer: _Writer | None = None
        lines = [segment.lines for segment in self._segments]
        self._lines = np.concatenate(lines) if lines else np.zeros(0, _LINE)
        self._of = np.repeat(np.arange(len(lines)), [len(some) for some in lines])
        self._row = np.concatenate([np.arange(len(some)) for some in lines] or [np.zeros(0, np.int64)])
        self._order = np.argsort(self._lines["first"], kind="stable")
        self._sorted = self._lines["first"][self._order]

    def find(self, digests: Digests) -> tuple[Rows, NDArray[np.int64]]:
        """Return the (n, w) rows, and which of them are unknown and still zero."""
        found = np.zeros((len(digests), self._width), np.float16)
        missing = []
        for number, digest in enumerate(digests):
            row = self._on_disk(digest)
            if row is None:
                missing.append(number)
            else:
                found[number] = row
        return found, np.array(missing, np.int64)

    def _on_disk(self, digest: Digests) -> Rows | None:
        place = int(np.searchsorted(self._sorted, digest[0]))
        while place < len(self._sorted) and self._sorted[place] == digest[0]:
            line = self._order[place]
            of = int(self._of[line])
            row: Rows = np.array(self._segments[of].rows[self._row[line]])
            whole = zlib.crc32(row.tobytes()) == self._lines["crc"][line]
            if self._lines["second"][line] == digest[1] and whole:
                self._touch(of)
                return row
            place += 1
        return None

    def _touch(self, of: int) -> None:
        """Note that a segment is in use: the cap takes the others first."""
        if of not in self._used:
            self._used.add(of)
            try:
                os.utime(self._segments[of].path)
            except OSError:  # cleared meanwhile, or not ours to write
                return

    def add(self, digests: Digests, rows: Rows) -> None:
        """Keep the rows of patches; where the disk refuses they are forgotten."""
        if self._writer is None:
            self._writer = _Writer(self._folder, FEATURES.most_bytes() - make_room(2 * rows.size))
        self._writer.write(digests, np.ascontiguousarray(rows))

    def close(self) -> None:
        """Bring to the disk what is still waiting; done by itself when the cache goes."""
        if self._writer is not None:
            self._writer.close()


class _Writer:
    """Appends to one segment: rows first, then, once they are on the disk, the lines that name them."""

    def __init__(self, folder: Path, room: float) -> None:
        self._path = folder / f"{uuid.uuid4().hex}{_FEATURES}"
        self._room = room
        self._files: list[BinaryIO] = []
        self._waiting: list[NDArray[Any]] = []
        self._committed_s = time.monotonic()
        self._close = weakref.finalize(self, _finish, self._files, self._waiting)

    def write(self, digests: Digests, rows: Rows) -> None:
        self._room -= rows.nbytes
        if self._room < 0 or not self._close.alive:
            return
        lines = np.empty(len(rows), _LINE)
        lines["first"], lines["second"] = digests.T
        lines["crc"] = [zlib.crc32(row.tobytes()) for row in rows]
        try:
            if not self._files:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                for path in (self._path, self._path.with_suffix(_INDEX)):
                    self._files.append(path.open("xb"))
            self._files[0].write(rows.tobytes())
            self._waiting.append(lines)
            if time.monotonic() - self._committed_s > COMMIT_EVERY_S:
                _commit(self._files, self._waiting)
                self._committed_s = time.monotonic()
        except OSError:  # full or read-only: the job goes on without
            self._room = -1.0

    def close(self) -> None:
        self._close()


def _commit(files: list[BinaryIO], waiting: list[NDArray[Any]]) -> None:
    files[0].flush()
    os.fsync(files[0].fileno())
    files[1].write(b"".join(lines.tobytes() for lines in waiting))
    files[1].flush()
    waiting.clear()


def _finish(files: list[BinaryIO], waiting: list[NDArray[Any]]) -> None:
    try:
        if files and waiting:
            _commit(files, waiting)
        for file in files:
            file.close()
    except OSError:  # a full disk costs the cache, not the job
        return


def make_room(wanted: float = 0.0) -> float:
    """Delete the segments used longest ago until `wanted` bytes fit under the cap; return what is left."""
    paths = sorted(FEATURES.folder().glob(f"*/*{_FEATURES}"), key=_last_use)
    sizes = {path: _size(path) for path in paths}
    for path in paths:
        if sum(sizes.values()) + wanted <= FEATURES.most_bytes():
            break
        for file in (path.with_suffix(_INDEX), path):
            try:
                file.unlink(missing_ok=True)
            except OSError:  # in use, where the system forbids it
                break
        else:
            sizes[path] = 0
    return float(sum(sizes.values()))


def _last_use(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
