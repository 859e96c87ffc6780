"""The tiles decoded last, of all open pictures together, within one number of bytes."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from functools import cache

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.protocol import UInt8

DEFAULT_MIB = 256
VARIABLE = "HISTOCLUST_CACHE_MIB"

Key = tuple[int, ...]


class TileCache:
    """The tiles used last, up to a number of bytes; thread-safe.

    Threads that miss the same tile at the same time decode it once: neighbouring windows are read side by
    side and share the tiles along their border.

    Parameters
    ----------
    max_bytes : int
        The tile used last stays even where it alone is larger: a picture of one strip would otherwise be
        decoded again for every window.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._tiles: OrderedDict[Key, UInt8] = OrderedDict()
        self._loading: dict[Key, threading.Lock] = {}
        self._gone: deque[int] = deque()
        self._lock = threading.Lock()

    @property
    def held_bytes(self) -> int:
        """Bytes of the tiles at hand."""
        return self._bytes

    def get(self, key: Key, load: Callable[[], UInt8]) -> UInt8:
        """Return the tile under `key` (picture, level, row, col), from `load` where it is not at hand."""
        while True:
            with self._lock:
                tile = self._tiles.get(key)
                if tile is not None:
                    self._tiles.move_to_end(key)
                    return tile
                other = self._loading.get(key)
                if other is None:
                    mine = self._loading[key] = threading.Lock()
                    mine.acquire()
                    break
            # Another thread holds this lock while it decodes. If it failed, or its tile was dropped at once,
            # the next turn decodes here.
            with other:
                pass
        return self._load(key, load, mine)

    def _load(self, key: Key, load: Callable[[], UInt8], mine: threading.Lock) -> UInt8:
        try:
            tile = load()
            with self._lock:
                self._keep(key, tile)
            return tile
        finally:
            with self._lock:
                del self._loading[key]
            mine.release()

    def _keep(self, key: Key, tile: UInt8) -> None:
        self._tiles[key] = tile
        self._bytes += tile.nbytes
        self._drop_gone()
        self._trim()

    def _trim(self) -> None:
        while self._bytes > self._max_bytes and len(self._tiles) > 1:
            _, dropped = self._tiles.popitem(last=False)
            self._bytes -= dropped.nbytes

    def limit(self, max_bytes: int) -> None:
        """Hold no more than this from now on."""
        with self._lock:
            self._max_bytes = max_bytes
            self._trim()

    def forget(self, picture: int) -> None:
        """Drop the tiles of one picture, now or with the next tile.

        The garbage collector calls this, maybe in a thread that holds the lock already: so it never waits.
        """
        self._gone.append(picture)
        if self._lock.acquire(blocking=False):
            try:
                self._drop_gone()
            finally:
                self._lock.release()

    def _drop_gone(self) -> None:
        while self._gone:
            picture = self._gone.popleft()
            for key in [key for key in self._tiles if key[0] == picture]:
                self._bytes -= self._tiles.pop(key).nbytes


@cache
def shared_cache() -> TileCache:
    """Return the cache of the whole program."""
    return TileCache(_default_bytes())


def limit_cache(mib: int | None) -> None:
    """Set what decoded tiles may take together.

    Parameters
    ----------
    mib : int or None
        MiB; None for what the variable HISTOCLUST_CACHE_MIB says, 256 where it is not set.
    """
    shared_cache().limit(_default_bytes() if mib is None else mib * 2**20)


def _default_bytes() -> int:
    stated = os.environ.get(VARIABLE, "").strip() or str(DEFAULT_MIB)
    if not stated.isdecimal():
        raise HistoclustError(f"{VARIABLE}={stated}: give the MiB of decoded tiles to keep, such as 256.")
    return int(stated) * 2**20
