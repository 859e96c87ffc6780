"""What this program wrote, so that nothing of somebody else's is ever replaced.

Each output that a person names has a small record in the user's state folder: a checksum over the names,
sizes and times of change of its files, stored under a checksum of its absolute path. What lies at a path is
the program's own for as long as it is as it was left; a table that somebody has edited since is theirs. The
record is not kept beside the output, where it would litter people's folders.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

FOLDER_VARIABLE = "HISTOCLUST_STATE"


def records_folder() -> Path:
    """Return where records are kept: what HISTOCLUST_STATE says, else the user's state folder."""
    stated = os.environ.get(FOLDER_VARIABLE)
    if stated:
        return Path(stated)
    from platformdirs import user_state_path

    return user_state_path("napari-histoclust") / "written"


def identity_of(path: Path) -> str:
    """Return a checksum of the names, sizes and times of change of a file, or of all that a folder holds."""
    lines = [[str(file.relative_to(path)), *_state(file)] for file in (path, *_below(path))]
    return hashlib.sha256(json.dumps(sorted(lines)).encode("utf-8", "surrogatepass")).hexdigest()


def _below(path: Path) -> Iterator[Path]:
    return path.rglob("*") if path.is_dir() and not path.is_symlink() else iter(())


def _state(file: Path) -> tuple[int, int]:
    """Size and time of change of a file; of folders alone that they are there."""
    is_folder = file.is_dir() and not file.is_symlink()
    stat = file.lstat()
    return (-1, -1) if is_folder else (stat.st_size, stat.st_mtime_ns)


def is_own(path: Path) -> bool:
    """Whether what lies at `path` is as this program left it."""
    try:
        identities = json.loads(_record(path).read_text(encoding="utf-8"))
        return isinstance(identities, list) and identity_of(path) in identities
    except (OSError, ValueError, RuntimeError):  # RuntimeError: nobody's home can be told
        return False  # no record, or none that can be read: not known to be ours


def record(path: Path, *identities: str) -> None:
    """Note that what lies at `path` is the program's own if it has one of these identities.

    Where the state folder cannot be written nothing is noted: the output stands, and is not replaced later.
    """
    with suppress(OSError, RuntimeError):
        file = _record(path)
        partial = file.with_name(f".{file.name}.{os.getpid()}")
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(identities), encoding="utf-8")
        partial.replace(file)


def _record(path: Path) -> Path:
    place = path.parent.resolve() / path.name  # however the folders above are reached
    name = hashlib.sha256(os.fsencode(place)).hexdigest()
    return records_folder() / f"{name[:40]}.json"
