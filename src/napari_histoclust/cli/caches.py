"""The command that tells what this program keeps in the user's cache folder, and clears it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from napari_histoclust.cli.app import Json, app
from napari_histoclust.cli.console import print_json, say
from napari_histoclust.core.errors import HistoclustError

if TYPE_CHECKING:
    from napari_histoclust.core.user_cache import UserCache

Name = Literal["features", "pyramids"]


def _caches() -> dict[Name, tuple[str, UserCache]]:
    """Return what each cache holds, and where."""
    from napari_histoclust.core.model.feature_cache import FEATURES
    from napari_histoclust.core.slides.pyramid.store import PYRAMIDS

    return {
        "features": ("answers of frozen networks", FEATURES),
        "pyramids": ("pyramids of files without one", PYRAMIDS),
    }


@app.command
def cache(*, clear: Annotated[list[Name], Parameter(negative=())] | None = None, json: Json = False) -> None:
    """Tell what is kept in the cache folder to save work, how large it is, and clear it.

    Parameters
    ----------
    clear
        What to delete: features, pyramids. It is computed again when it is needed.
    """
    caches = _caches()
    for name in clear or ():
        _clear(caches[name][1].folder())
    lines = [
        {
            "name": name,
            "what": text,
            "folder": str(kept.folder()),
            "bytes": _bytes_in(kept.folder()),
            "most_bytes": round(kept.most_bytes()),
            "moved_by": kept.folder_variable,
        }
        for name, (text, kept) in caches.items()
    ]
    if json:
        print_json({"caches": lines})
        return
    for line in lines:
        size, most = (int(line[key]) / 2**30 for key in ("bytes", "most_bytes"))  # type: ignore[call-overload]
        say(f"{line['name']:9s} {size:7.2f} of {most:g} GiB  {line['what']}: {line['folder']}")


def _bytes_in(folder: Path) -> int:
    """Return the bytes of all files; what goes meanwhile counts nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total


def _clear(folder: Path) -> None:
    """Delete what lies in the folder: only folders and files of this program's own lie there."""
    if not folder.is_dir():
        return
    try:
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
    except OSError as error:
        raise HistoclustError(
            f"{error.filename}: could not be deleted ({error.strerror}): close what uses it."
        ) from error
