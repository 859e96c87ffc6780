"""All export formats, and the one function that exports, for the command line and the window."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Sequence
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from napari_histoclust.core.atomic import check_file, check_folder, check_place
from napari_histoclust.core.errors import SettingError
from napari_histoclust.core.export import formats as package
from napari_histoclust.core.export.format import Format
from napari_histoclust.core.export.options import ExportOptions
from napari_histoclust.core.jobs import Job
from napari_histoclust.core.one_writer import one_writer

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run


def find_formats(folders: Iterable[str]) -> dict[str, Format]:
    """Return what the modules in the folders of `export.formats` declare, by name and in rank order."""
    modules = [import_module(f"{package.__name__}.{found.name}") for found in pkgutil.iter_modules(folders)]
    declared = [each for module in modules for each in getattr(module, "FORMATS", ())]
    return {each.name: each for each in sorted(declared, key=attrgetter("rank"))}


FORMATS = find_formats(package.__path__)


def export_run(
    run: Run, formats: Sequence[str], folder: Path, options: ExportOptions | None = None
) -> Job[tuple[Path, ...]]:
    """Write a run in formats that other tools open.

    Parameters
    ----------
    run : Run
        Its labels, names and colours are written as they are in memory.
    formats : sequence of str
        Names in `FORMATS`; one named twice is written once.
    folder : Path
        Made if it is not there. A file of the same name in it is replaced if it is as this program left it.
    options : ExportOptions, optional
        What can be chosen about single formats.

    Returns
    -------
    tuple of Path
        What was written, in the order asked for. Each is whole or not there.

    Raises
    ------
    HistoclustError
        If a format is unknown or something else stands in the place of an output (nothing is written then),
        or the folder cannot be written or is being written by another process.
    """
    check_formats(formats)
    check_place(folder)
    if folder.exists() and not folder.is_dir():
        raise SettingError("{}: is a file: give {out} the name of a folder.", folder)
    wanted = tuple(dict.fromkeys(formats))
    for name in wanted:
        check = check_folder if FORMATS[name].is_folder else check_file
        for path in FORMATS[name].outputs(run, folder):
            check(path)
    written: list[Path] = []
    with one_writer(folder, "export"):
        for name in wanted:
            arguments = FORMATS[name].arguments(options or ExportOptions())
            written.extend((yield from FORMATS[name].write(run, folder, **arguments)))
    return tuple(written)


def check_formats(formats: Sequence[str]) -> None:
    """Raise HistoclustError if a format is unknown, none is named, or one's library is not installed."""
    known = ", ".join(FORMATS)
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise SettingError("{to} {}: unknown, choose among {}.", ",".join(unknown), known)
    if not formats:
        raise SettingError("{to}: names no format, choose among {}.", known)
    for name in formats:
        if (require := FORMATS[name].require) is not None:
            require()
