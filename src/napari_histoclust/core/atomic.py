"""Files and folders that appear whole or not at all.

Everything is written under a hidden name beside its place and renamed when it is complete, so that a
reader, or the next start after a power cut, never sees half of anything.
"""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from napari_histoclust.core.errors import HistoclustError


def _partial(path: Path) -> Path:
    """Hidden neighbour of `path`; it keeps the suffix, from which many writers choose the format."""
    return path.with_name(f".partial-{path.name}")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


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
        }
        if error.errno not in reasons:
            raise
        raise HistoclustError(f"{path}: could not be written, {reasons[error.errno]}.") from error


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path (file or folder, the caller's choice) that becomes `path` on success.

    On any error the temporary is removed and whatever stood at `path` is untouched. A folder that stood at
    `path` is replaced.

    Raises
    ------
    HistoclustError
        If the disk is full, read-only or forbidden.
    """
    partial = _partial(path)
    with readable_disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(partial)
        try:
            yield partial
            _replace(partial, path)
        except BaseException:
            _remove(partial)
            raise


def _replace(partial: Path, path: Path) -> None:
    """Rename `partial` to `path`; a folder in the way is moved aside first, as rename cannot replace it."""
    if path.is_dir():
        aside = path.with_name(f".old-{path.name}")
        _remove(aside)
        path.rename(aside)
        partial.rename(path)
        _remove(aside)
    else:
        partial.replace(path)


def write_json(path: Path, document: Any) -> None:
    """Write `document` as indented JSON, whole or not at all. NaN is refused: JSON has none."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    with atomic_path(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON document.

    Raises
    ------
    HistoclustError
        If the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise HistoclustError(f"{path}: no such file.") from error
    except (OSError, ValueError) as error:
        raise HistoclustError(f"{path}: is not readable JSON ({error}).") from error
