"""Files and folders that appear whole or not at all, and never in place of somebody else's.

Everything is written under a hidden name beside its place, brought to the disk, and renamed when it is
complete, so that neither a reader nor the next start after a kill or a power cut sees half of anything.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.ownership import identity_of, is_own, record
from napari_histoclust.core.reading import json_text, parse_json, read_text

_LONGEST_NAME = 255  # bytes, of the usual file systems
_LARGEST_DOCUMENT = 2**26


@contextmanager
def readable_disk_errors(path: Path) -> Iterator[None]:
    """Turn "disk full", "read-only" and "not allowed" below `path` into one sentence.

    Raises
    ------
    HistoclustError
        In place of the OSError; any other OSError passes through.
    """
    try:
        yield
    except OSError as error:
        reasons = {
            errno.ENOSPC: "the disk is full: free some space or choose another folder",
            errno.EDQUOT: "your disk quota is used up: free some space or choose another folder",
            errno.EROFS: "the disk is read-only: choose another folder",
            errno.EACCES: "you may not write there: choose another folder",
            errno.EPERM: "you may not write there: choose another folder",
            errno.EEXIST: "a file stands where a folder is needed: choose another folder",
            errno.ENOTDIR: "a file stands where a folder is needed: choose another folder",
            errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
        }
        if error.errno not in reasons:
            raise
        raise HistoclustError(f"{path}: could not be written, {reasons[error.errno]}.") from error


def atomic_file(path: Path, *, own: bool = False) -> AbstractContextManager[Path]:
    """Yield the path of a temporary file that becomes `path` on success.

    On any error the temporary is removed and whatever stood at `path` is untouched. A symbolic link stays:
    the file that it leads to is written.

    Parameters
    ----------
    path : Path
    own : bool
        Whether `path` lies in a folder that the program keeps for itself (a run, its figures, a comparison,
        a cache): any file of that name is then the program's. Else a file is replaced only if it is as this
        program left it.

    Raises
    ------
    HistoclustError
        If something else stands at `path`, or the disk is full, read-only or forbidden.
    """
    return _atomic(path, own, is_folder=False)


def atomic_folder(path: Path, *, own: bool = False) -> AbstractContextManager[Path]:
    """Yield the path of a temporary folder, to be made by the caller, that becomes `path` on success.

    As `atomic_file`. An empty folder at `path` is replaced, another one only if it is as this program left
    it; a folder cannot be replaced in one step, so that it is put aside first and taken back if the program
    is killed between the two.
    """
    return _atomic(path, own, is_folder=True)


@contextmanager
def _atomic(path: Path, own: bool, is_folder: bool) -> Iterator[Path]:
    check, put = (check_folder, _replace_folder) if is_folder else (check_file, move_into_place)
    with readable_disk_errors(path):
        check(path, own=own)
        path = _followed(path)
        if is_folder:
            _take_back(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = _partial(path)
        _remove(partial)
        try:
            yield partial
            check(path, own=own)  # again: the whole job lies between
            with _recorded(partial, path, own):
                put(partial, path)
        except BaseException:
            _remove(partial)
            if is_folder:
                _take_back(path)
            raise


def check_file(path: Path, *, own: bool = False) -> None:
    """Raise HistoclustError if a file may not be written at `path`, before any work is done."""
    if not _is_taken(path, own):
        return
    if path.is_dir():
        raise HistoclustError(f"{path}: is a folder where a file is to be written: choose another name.")
    if not own and not is_own(_followed(path)):
        raise _not_ours(path)


def check_folder(path: Path, *, own: bool = False) -> None:
    """Raise HistoclustError if a folder may not be written at `path`, before any work is done."""
    if not _is_taken(path, own):
        return
    if not path.is_dir():
        raise HistoclustError(f"{path}: is a file where a folder is to be written: choose another name.")
    with readable_disk_errors(path):
        is_empty = not any(path.iterdir())
    if os.path.ismount(path):
        raise HistoclustError(f"{path}: is a disk of its own: choose a folder inside it.")
    if not is_empty and not own and not is_own(_followed(path)):
        raise _not_ours(path)


def check_place(path: Path) -> None:
    """Raise HistoclustError if nothing at all can be written at `path`: told before any work is done."""
    with readable_disk_errors(path):
        path = _followed(path)
        if len(os.fsencode(_partial(path).name)) > _LONGEST_NAME:
            raise OSError(errno.ENAMETOOLONG, "with what is put before it")
        folder = path.parent
        while not folder.exists():
            folder = folder.parent
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "below a file")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "not to be written")


def _is_taken(path: Path, own: bool) -> bool:
    """Whether something stands at `path` that could be replaced; raise where it never could."""
    check_place(path)
    with readable_disk_errors(path):
        if own and path.is_symlink():
            raise HistoclustError(
                f"{path}: is a link where the program keeps something of its own: remove it."
            )
        if not path.exists():
            return False
        if not path.is_file() and not path.is_dir():
            raise HistoclustError(f"{path}: is no ordinary file: choose another name.")
        return True


def _not_ours(path: Path) -> HistoclustError:
    return HistoclustError(
        f"{path}: is there already, and is not known to be as this program left it: move or delete it, or "
        "choose another place."
    )


def _followed(path: Path) -> Path:
    """Return an absolute path, and where a symbolic link leads: the link itself is never replaced."""
    path = Path(os.path.abspath(path))  # noqa: PTH100 - links above stay as they are
    if not path.is_symlink():
        return path
    try:
        return path.resolve(strict=path.exists())
    except (OSError, RuntimeError) as error:  # Python 3.11 raises RuntimeError for a circle of links
        if path.exists():
            return path  # /dev/stdout: a link that no path follows
        raise HistoclustError(f"{path}: is a link that leads nowhere: choose another name.") from error


def _partial(path: Path) -> Path:
    """Hidden neighbour of `path`; it keeps the suffix, from which many writers choose the format."""
    return path.with_name(f".partial-{path.name}")


def _aside(path: Path) -> Path:
    return path.with_name(f".histoclust-old-{path.name}")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _recorded(partial: Path, path: Path, own: bool) -> Iterator[None]:
    """Note the new output as ours before it is there, beside the former one, and alone afterwards."""
    if own:
        yield
        return
    new = identity_of(partial)
    record(path, new, *([identity_of(path)] if path.exists() else []))
    yield
    record(path, new)


def _replace_folder(partial: Path, path: Path) -> None:
    """Rename a folder to `path`, where nothing, an empty folder or one of ours may stand."""
    aside = _aside(path)
    _sync(partial)
    if path.is_dir():
        if any(path.iterdir()):
            path.rename(aside)
        else:
            path.rmdir()
    partial.rename(path)
    _sync_folder(path.parent)
    if aside.is_dir():
        aside.rename(partial)  # under this name the half of it is not taken for the whole
        _remove(partial)


def move_into_place(partial: Path, path: Path) -> None:
    """Give a finished file or folder the name `path`, at which nothing or a file stands, for good."""
    _sync(partial)
    partial.replace(path)
    _sync_folder(path.parent)


def _take_back(path: Path) -> None:
    """Undo the putting aside of a folder whose replacement was killed before it had its name."""
    aside = _aside(path)
    if aside.is_dir():
        if path.exists():
            _remove(aside)
        else:
            aside.rename(path)


def _sync(path: Path) -> None:
    """Bring a file, or all files of a folder, to the disk, so that a power cut cannot undo a rename."""
    if not path.is_dir():
        _sync_file(path)
        return
    for folder, _, files in os.walk(path):
        for file in files:
            _sync_file(Path(folder) / file)
        _sync_folder(Path(folder))


def _sync_file(path: Path) -> None:
    # Windows wants a handle that may write; elsewhere a file may be read-only.
    _fsync(path, os.O_RDWR | getattr(os, "O_BINARY", 0) if os.name == "nt" else os.O_RDONLY)


def _sync_folder(path: Path) -> None:
    if os.name != "nt":  # Windows opens no folder, and its file system notes renames by itself
        _fsync(path, os.O_RDONLY)


def _fsync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, document: Any) -> None:
    """Write `document` as indented JSON into a folder of the program's own, whole or not at all.

    NaN is refused: JSON has none.
    """
    with atomic_file(path, own=True) as partial:
        partial.write_text(json_text(document) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON document.

    Raises
    ------
    HistoclustError
        If the file is missing, far too large, or is no JSON.
    """
    return parse_json(path, read_text(path, _LARGEST_DOCUMENT))


def now() -> str:
    """Return the present moment in UTC, to the second, in ISO 8601, as our documents state it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
