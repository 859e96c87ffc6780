"""What lies in a folder of slides: the stains, and what is not used and is told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.reading import unreadable
from napari_histoclust.core.slides.formats.ome_zarr import is_zarr
from napari_histoclust.core.slides.names import is_no_stain, stem
from napari_histoclust.core.slides.registry import is_image

DESCRIPTIONS = ("stack.yaml", "stack.yml")
# What lies beside slides and nobody takes for one: notes, tables, transforms, caches.
_DOCUMENTS = frozenset(
    (
        *(".txt", ".md", ".rst", ".csv", ".tsv", ".xls", ".xlsx", ".ods", ".doc", ".docx", ".pdf", ".html"),
        *(".json", ".xml", ".yaml", ".yml", ".toml", ".ini", ".log", ".geojson", ".qpproj", ".qpdata"),
        *(".npy", ".npz", ".parquet", ".h5ad", ".py", ".ipynb", ".r", ".sh", ".db", ".md5", ".sha256"),
        *(".mha", ".mhd", ".nii", ".mat", ".pkl", ".safetensors"),
    )
)
# Figures and exports of this program, also with the name of a slide behind them.
_OWN = re.compile(
    r"(map|umap|histogram|learning_curve|indices|alignment|neighbourhood|density|overlay|labels|montage"
    r"|contact_sheet|patches)(_.*)?"
)
_MOST_NAMED = 5
_MOST_ENTRIES = 5000  # looked at in a folder inside


@dataclass(frozen=True)
class Listing:
    """The pictures of a folder that are its stains, and a sentence for whatever else it holds."""

    stains: tuple[Path, ...]
    warnings: tuple[str, ...]


def list_stains(folder: Path) -> Listing:
    """Return the images of a folder, one a stain.

    Raises
    ------
    HistoclustError
        If the folder cannot be read.
    """
    entries = entries_of(folder)
    parts, pictures = without_parts([path for path in entries if is_image(path)])
    stains = [path for path in pictures if not is_no_stain(stem(path)) and not is_own_output(path)]
    return Listing(tuple(stains), tuple(_left_out(entries, pictures, stains, parts)))


def entries_of(folder: Path) -> list[Path]:
    """Return what a folder holds, by name, without what is hidden.

    Raises
    ------
    HistoclustError
        If it cannot be read.
    """
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise unreadable(folder, error) from error


def is_own_output(path: Path) -> bool:
    """Whether a picture is called as a figure or an export of this program."""
    return _OWN.fullmatch(stem(path).lower()) is not None


def without_parts(pictures: Sequence[Path]) -> tuple[set[Path], list[Path]]:
    """Separate what is only a part of another picture: levels of a DICOM slide, tiles of a VMS slide."""
    kept = list(pictures)
    if any(path.suffix.lower() in (".vms", ".vmu") for path in kept):
        kept = [path for path in kept if path.suffix.lower() not in (".jpg", ".jpeg")]
    dicom = [path for path in kept if path.is_file() and path.suffix.lower() == ".dcm"]
    if len(dicom) > 1:
        from napari_histoclust.core.slides.formats.openslide import dicom_series

        first: dict[str, Path] = {}
        for path in dicom:
            first.setdefault(dicom_series(path), path)
        kept = [path for path in kept if path in first.values() or path not in dicom]
    return set(pictures) - set(kept), kept


def _left_out(
    entries: Sequence[Path], pictures: Sequence[Path], stains: Sequence[Path], parts: set[Path]
) -> Iterable[str]:
    for path in pictures:
        if path not in stains:
            no_stain = is_no_stain(stem(path))
            what = "its name says that it is no stain" if no_stain else "it is an output of this program"
            yield f"{path.name}: ignored, {what}."
    if not stains:
        return
    rest = [path for path in entries if path not in pictures and path not in parts]
    broken = [path for path in rest if path.is_symlink() and not path.exists()]
    for path in broken[:_MOST_NAMED]:
        yield f"{path.name}: is a link to a file that is not there ({_target(path)}), left out: fetch it."
    unread = [path for path in rest if path not in broken and _may_be_a_slide(path)]
    if unread:
        yield f"{_named(unread)}: left out, this kind of file is not read: convert stains to OME-TIFF."
    inner = [path for path in rest if path.is_dir() and _holds_pictures(path) and not _belongs(path, entries)]
    if inner:
        yield f"{_named(inner)}: holds pictures too, which are not used: give that folder for them."


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return "unknown"


def _named(paths: Sequence[Path]) -> str:
    more = f" and {len(paths) - _MOST_NAMED} more" if len(paths) > _MOST_NAMED else ""
    return ", ".join(path.name for path in paths[:_MOST_NAMED]) + more


def _may_be_a_slide(path: Path) -> bool:
    """Whether a file, which is no picture by its name, is more than a note beside the slides."""
    return not path.is_dir() and path.suffix.lower() not in _DOCUMENTS


def _holds_pictures(folder: Path) -> bool:
    if is_zarr(folder):
        return False
    try:
        for number, path in enumerate(folder.iterdir()):
            if number < _MOST_ENTRIES and is_image(path):
                return True
    except OSError:
        return False
    return False


def _belongs(folder: Path, entries: Sequence[Path]) -> bool:
    """Whether a folder is the other half of a slide beside it, as MIRAX has it."""
    return any(path != folder and path.stem == folder.name for path in entries)


def description_in(folder: Path) -> Path | None:
    """Return the stack.yaml of a folder, however it is spelt (stack.yml, Stack.YAML), None without one.

    Raises
    ------
    HistoclustError
        If there are two, or the folder cannot be read.
    """
    found = [path for path in entries_of(folder) if path.name.lower() in DESCRIPTIONS]
    if len(found) > 1:
        raise HistoclustError(
            f"{folder}: holds {' and '.join(path.name for path in found)}: keep the one that is meant."
        )
    return found[0] if found else None


def not_described(description: Path, used: Iterable[Path]) -> tuple[str, ...]:
    """Return a sentence for the images beside a stack.yaml that it does not name."""
    if description.name.lower() not in DESCRIPTIONS:
        return ()  # one of several, each for its own files
    taken = {path.resolve() for path in used}
    stains = list_stains(description.parent).stains
    left = [path for path in stains if path.resolve() not in taken]
    return (f"{_named(left)}: left out, {description.name} does not name it.",) if left else ()
