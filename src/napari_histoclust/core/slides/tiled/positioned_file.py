"""A file read at positions by many threads."""

from __future__ import annotations

import os
import threading
import weakref
from pathlib import Path

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.reading import too_many_open


class PositionedFile:
    """An open file; closed when nothing refers to it any more."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._fd = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise too_many_open(path, error) or error from error
        self._lock = threading.Lock()
        weakref.finalize(self, os.close, self._fd)

    def read(self, offset: int, count: int) -> bytes:
        """Return `count` bytes from `offset` on.

        Raises
        ------
        HistoclustError
            If they cannot be had: a drive that has gone is no damage to the picture, and no hole.
        """
        try:
            data = self._read(offset, count)
        except OSError as error:
            raise HistoclustError(
                f"{self._path}: can no longer be read ({error.strerror or error}): is its drive still "
                "connected? Then start again."
            ) from error
        if len(data) < count:
            raise HistoclustError(
                f"{self._path}: has become shorter while it was read: something else writes to it, start "
                "again when that is done."
            )
        return data

    def _read(self, offset: int, count: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._fd, count, offset)
        with self._lock:  # Windows has no pread
            os.lseek(self._fd, offset, os.SEEK_SET)
            return os.read(self._fd, count)
