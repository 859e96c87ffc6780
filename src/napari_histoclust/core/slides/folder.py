"""A folder with one image a stain, or one file with a channel a stain."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.listing import entries_of, list_stains
from napari_histoclust.core.slides.names import (
    canonical_stain,
    differing_parts,
    recognise_stain,
    stem,
)
from napari_histoclust.core.slides.protocol import Slide, StackContents
from napari_histoclust.core.slides.registry import open_pictures

_PREFERRED = ("aligned", "registered")


def stains_in_folder(folder: Path) -> StackContents:
    """Open the images of a folder, one a stain.

    Raises
    ------
    HistoclustError
        If there are no images, or two of them are the same stain.
    """
    listing = list_stains(folder)
    files, ignored = listing.stains, listing.warnings
    if not files:
        inner, warning = _subfolder(folder, ignored)
        contents = stains_in_folder(inner)
        # "aligned" would be a poor name for a slide
        name = folder.name if inner.name.lower() in _PREFERRED else contents.name
        return StackContents(name, contents.slides, warnings=(*ignored, warning, *contents.warnings))
    if len(files) == 1:
        contents = stains_in_file(files[0])
        return StackContents(folder.name, contents.slides, warnings=(*ignored, *contents.warnings))
    stains = _stain_names(files)
    _refuse_doubles(folder, files, stains)
    slides = {stain: _only_picture(path) for stain, path in zip(stains, files, strict=True)}
    return StackContents(folder.name, slides, warnings=(*ignored, *_contradictions(slides)))


def stains_in_file(path: Path) -> StackContents:
    """Open one file: its channels are the stains, or it is a stack of a single stain."""
    pictures = open_pictures(path)
    if len(pictures) == 1:
        stain = recognise_stain(stem(path)) or recognise_stain(pictures[0].name) or pictures[0].name
        return StackContents(stem(path), {stain: pictures[0]})
    stains = [recognise_stain(picture.name) or picture.name for picture in pictures]
    if len(set(stains)) < len(stains):
        # two channels of one stain: their full names tell them apart, or nothing does
        stains = [picture.name for picture in pictures]
    doubles = sorted({stain for stain in stains if stains.count(stain) > 1})
    if doubles:
        raise HistoclustError(f"{path}: two of its channels are called {doubles[0]}: name each stain once.")
    return StackContents(stem(path), dict(zip(stains, pictures, strict=True)))


def _subfolder(folder: Path, ignored: Sequence[str]) -> tuple[Path, str]:
    """Return the one folder inside that holds the stains, and a warning that says so."""
    inner = [path for path in entries_of(folder) if path.is_dir() and list_stains(path).stains]
    preferred = [path for path in inner if path.name.lower() in _PREFERRED]
    choice = preferred or inner
    if len(choice) == 1:
        return choice[0], f"{folder}: holds no stains itself, its folder {choice[0].name} is used."
    if not choice:
        why = f" ({ignored[0].rstrip('.')})" if ignored else ""
        raise HistoclustError(
            f"{folder}: holds no images{why}: give a folder with one image a stain, a stack.yaml or a "
            "multichannel file."
        )
    names = ", ".join(path.name for path in choice)
    raise HistoclustError(f"{folder}: holds several folders of images ({names}): give one of them.")


def _stain_names(files: Sequence[Path]) -> list[str]:
    """Return the stain of each file: from its name, or else what differs between the names."""
    stems = [stem(path) for path in files]
    parts = differing_parts(stems)
    return [
        recognise_stain(part) or recognise_stain(name) or canonical_stain(part)
        for name, part in zip(stems, parts, strict=True)
    ]


def _refuse_doubles(folder: Path, files: Sequence[Path], stains: Sequence[str]) -> None:
    first: dict[str, Path] = {}
    for path, stain in zip(files, stains, strict=True):
        if stain in first:
            raise HistoclustError(
                f"{folder}: {first[stain].name} and {path.name} are both {stain}: keep one of them, or say "
                "which is which in a stack.yaml."
            )
        first[stain] = path


def _only_picture(path: Path) -> Slide:
    pictures = open_pictures(path)
    if len(pictures) > 1:
        raise HistoclustError(
            f"{path}: holds {len(pictures)} pictures beside other files: keep one file a stain in the folder."
        )
    return pictures[0]


def _contradictions(slides: dict[str, Slide]) -> list[str]:
    """Warn where the name inside a file speaks of another stain than the file's own name."""
    inside = {stain: recognise_stain(slide.name) for stain, slide in slides.items()}
    return [
        f"{slides[stain].path.name}: is taken as {stain} by its file name, but calls itself {other} inside."
        for stain, other in inside.items()
        if other not in (None, stain)
    ]
