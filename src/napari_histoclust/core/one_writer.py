"""One process at a time writes into a folder; a second one is told who does.

The operating system holds the lock on a hidden file, and lets go of it when the process ends, however it
ends, on network drives too. Who holds it stands in the file. Where a drive keeps no locks, or not between
machines, the time of change of the file speaks for its writer, who touches it every few seconds.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from napari_histoclust.core.atomic import now, readable_disk_errors
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job

T = TypeVar("T")
LOCK = ".histoclust-lock"
_TOUCHED_EVERY_S, _SILENT_FOR_S = 15.0, 60.0
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)
_FAR = 2**30  # Windows locks bytes, and nobody could read those that say who holds it


class BusyError(HistoclustError):
    """Another process writes there."""


@dataclass
class _Held:
    """A lock of this process.

    Parameters
    ----------
    handle : int
    made : list of Path
        Folders that were made for it, the innermost first.
    depth : int
        How many jobs, one inside the other, are at work.
    """

    handle: int
    made: list[Path]
    depth: int = 1
    done: threading.Event = field(default_factory=threading.Event)


_held: dict[tuple[Path, int], _Held] = {}
_mutex = threading.Lock()


@contextmanager
def one_writer(folder: Path, command: str, *, beside: bool = False) -> Iterator[None]:
    """Let no other process write into a folder for as long as the block lasts.

    A job inside a job of the same thread has it already. A folder that is not there yet is made, and is taken
    away again if nothing was put into it.

    Parameters
    ----------
    folder : Path
    command : str
        What is being done, for the other one to know: "map".
    beside : bool
        Whether the hidden file lies beside the folder, which is itself put there whole.

    Raises
    ------
    BusyError
        If another process, or another job of this one, writes there. Who died is not waited for.
    HistoclustError
        If the folder cannot be written.
    """
    whole = Path(os.path.abspath(folder))  # noqa: PTH100 - links above stay as they are
    path = whole.parent / f"{LOCK}-{whole.name}" if beside else whole / LOCK
    key = path, threading.get_ident()
    with readable_disk_errors(folder), _mutex:
        held = _held.get(key)
        if held is not None:
            held.depth += 1
        else:
            _held[key] = held = _take(path, folder, command)
    try:
        yield
    finally:
        with _mutex:
            held.depth -= 1
            if held.depth == 0:
                _held.pop(key, None)
                _release(path, held)


def alone(folder: Path, command: str, job: Job[T], *, beside: bool = False) -> Job[T]:
    """Do a job that writes into a folder while no other process does; see `one_writer`."""
    with one_writer(folder, command, beside=beside):
        return (yield from job)


def _take(path: Path, folder: Path, command: str) -> _Held:
    made = [parent for parent in (path.parent, *path.parent.parents) if not parent.exists()]
    try:
        handle = _locked(path, folder)
    except BaseException:
        _unmake(made)
        raise
    record = {"command": command, "pid": os.getpid(), "host": socket.gethostname(), "since": now()}
    os.ftruncate(handle, 0)
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, json.dumps(record).encode())
    held = _Held(handle, made)
    threading.Thread(target=_keep_fresh, args=(path, held.done), daemon=True, name="writer").start()
    return held


def _locked(path: Path, folder: Path) -> int:
    """Open and lock the file; one that its holder has just taken away is no lock for anybody."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        except FileNotFoundError:
            continue  # its holder has just taken away the folder that was made for nothing
        try:
            is_locked = _try_lock(handle)
            if is_locked is False or _is_alive(path, is_locked is None):
                raise BusyError(_sentence(folder, _record(path)))
            if _is_same(handle, path):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> bool | None:
        """Whether the lock is ours now."""
        os.lseek(handle, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            return None if error.errno in _NO_LOCKS else False
        return True

else:
    import fcntl

    def _try_lock(handle: int) -> bool | None:
        """Whether the lock is ours now; None where the drive keeps no locks."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return None if error.errno in _NO_LOCKS else False
        return True


def _is_same(handle: int, path: Path) -> bool:
    with suppress(OSError):
        return os.path.samestat(os.fstat(handle), path.stat())
    return False


def _record(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        record = json.loads(path.read_bytes())
        if isinstance(record, dict):
            return record
    return {}


def _is_alive(path: Path, without_locks: bool) -> bool:
    """Whether a writer that no lock tells of is at work: on another machine, or where there are no locks."""
    record = _record(path)
    is_here = record.get("host") == socket.gethostname()
    if not record or (is_here and not without_locks):
        return False
    with suppress(OSError):
        is_fresh = time.time() - path.stat().st_mtime < _SILENT_FOR_S
        return is_fresh and not (is_here and _is_dead(record.get("pid")))
    return False


def _is_dead(pid: object) -> bool:
    if not isinstance(pid, int) or pid == os.getpid() or os.name == "nt":
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _sentence(folder: Path, record: dict[str, Any]) -> str:
    who = "another process"
    if {"command", "pid", "host", "since"} <= record.keys():
        since = str(record["since"]).replace("T", " ").replace("+00:00", " UTC")
        who = f"{record['command']} (process {record['pid']} on {record['host']}, since {since})"
    return f"{folder}: {who} is writing there: wait until it has ended, or choose another folder."


def _keep_fresh(path: Path, done: threading.Event) -> None:
    while not done.wait(_TOUCHED_EVERY_S):
        with suppress(OSError):
            os.utime(path)


def _release(path: Path, held: _Held) -> None:
    held.done.set()
    if os.name == "nt":  # which removes no open file; one that another has opened meanwhile stays
        os.close(held.handle)
        with suppress(OSError):
            path.unlink()
    else:
        if _is_same(held.handle, path):
            with suppress(OSError):
                path.unlink()
        os.close(held.handle)
    _unmake(held.made)


def _unmake(made: list[Path]) -> None:
    for folder in made:
        with suppress(OSError):  # it holds something now
            folder.rmdir()
