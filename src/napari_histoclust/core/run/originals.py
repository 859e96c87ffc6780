"""The images that a run was made from: found again, and compared before anything is laid over them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_histoclust.core.errors import HistoclustError, SettingError
from napari_histoclust.core.one_writer import one_writer
from napari_histoclust.core.run.manifest import InputFile, SlideEntry, read_manifest

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.core.slides.protocol import Slide
    from napari_histoclust.core.slides.stack import Stack

# Two scales are one where they differ by less: files state them with few digits.
_SAME_SCALE = 0.005


class OtherImageError(SettingError):
    """The images are there, and are not those that the run was made from."""


def open_original(folder: Path, entry: SlideEntry) -> Stack:
    """Open the images of a slide of the run in `folder`, and see that they are those that it was made from.

    They are looked for where they lay, and where they lie if they were moved together with the run.

    Raises
    ------
    OtherImageError
        If other images lie there.
    HistoclustError
        If they are not there or cannot be read.
    """
    return _first_that_fits(_places(folder, entry), entry)


def relinked(run: Run, slides: str | Path) -> Run:
    """Return the run with its images in a folder, or in folders of their names inside it; nothing is written.

    A slide that is not found there stays where it is, if it is there.

    Raises
    ------
    HistoclustError
        If a slide is in neither place, or other images lie in `slides`.
    """
    given = Path(slides)
    if not given.exists():
        raise SettingError("{slides} {}: no such file or folder.", given)
    entries = []
    for entry in run.manifest.slides:
        places = [*_places_in(given, entry), *_places(run.path, entry)]
        stack = _first_that_fits(places, entry, given)
        entries.append(at_place(entry, stack, run.path))
    return replace(run, manifest=run.manifest.model_copy(update={"slides": tuple(entries)}))


def write_places(run: Run) -> None:
    """Note in run.json where the images of the run lie now.

    Raises
    ------
    HistoclustError
        If the folder cannot be written, or another process writes there.
    """
    with one_writer(run.path, "a search for slides"):
        _write_places(run)


def _write_places(run: Run) -> None:
    manifest = read_manifest(run.path)
    moved = tuple(
        entry.model_copy(update={name: getattr(found, name) for name in _PLACE})
        for entry, found in zip(manifest.slides, run.manifest.slides, strict=True)
    )
    manifest.model_copy(update={"slides": moved}).write(run.path)


_PLACE = ("path", "relative_path", "inputs")


def at_place(entry: SlideEntry, stack: Stack, folder: Path) -> SlideEntry:
    """Return the entry with the place of a stack, seen from the run folder as well."""
    from napari_histoclust.core.slides.stack import file_facts

    stated = {line.stain for line in entry.inputs}  # bare glass in a missing stain's place has no file
    facts = {stain: file_facts(slide.path) for stain, slide in stack.slides.items() if stain in stated}
    inputs = tuple(
        line.model_copy(update={key: facts[line.stain][key] for key in ("path", "mtime")})
        if line.stain in facts
        else line
        for line in entry.inputs
    )
    return entry.model_copy(
        update={
            "path": str(stack.path.resolve()),
            "relative_path": relative_path(stack.path, folder),
            "inputs": inputs,
        }
    )


def relative_path(path: Path, folder: Path) -> str | None:
    """Return the way from a run folder to its images, None where there is none (another drive)."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:
        return None


def _places(folder: Path, entry: SlideEntry) -> list[Path]:
    places = [Path(entry.path)]
    if entry.relative_path is not None:
        places.append(Path(os.path.normpath(folder.resolve() / entry.relative_path)))
    return list(dict.fromkeys(places))


def _places_in(given: Path, entry: SlideEntry) -> list[Path]:
    """The place that was given, and what in it bears the name of the slide's file, or of its folder too."""
    parts = Path(entry.path.replace("\\", "/")).parts[-2:]  # a run may come from Windows
    return [given, *(given.joinpath(*parts[start:]) for start in range(len(parts) - 1, -1, -1))]


def _first_that_fits(places: list[Path], entry: SlideEntry, given: Path | None = None) -> Stack:
    from napari_histoclust.core.slides.stack import open_stack

    refusals: list[HistoclustError] = []
    for place in places:
        try:
            if place.exists():
                stack = open_stack(place)
                check_original(stack, entry)
                return stack
        except HistoclustError as error:
            refusals.append(error)
        except OSError as error:
            refusals.append(HistoclustError(f"{place}: can no longer be read ({error.strerror or error})."))
    others = [error for error in refusals if isinstance(error, OtherImageError)]
    if refusals:
        raise (others or refusals)[0]
    if given is not None:
        raise SettingError("{slides} {}: holds no images of the slide {}.", given, entry.name)
    raise SettingError(
        "{}: the images of this run are no longer there: put them back, or say with {slides} where they lie "
        "now.",
        entry.path,
    )


def check_original(stack: Stack, entry: SlideEntry) -> None:
    """Raise OtherImageError unless a stack is what the slide of a run was made from.

    Files of the same size and time of change are not read. A stain that is missing, or one more, is no other
    image. What an older version did not note is not compared.
    """
    if (difference := next(_differences(stack, entry), None)) is None:
        return
    path, what = difference
    raise OtherImageError(
        "{}: is not what this run was made from: {}; bring the original back, say with {slides} where it "
        "lies, or map the slide anew into another folder.",
        path,
        what,
    )


def _differences(stack: Stack, entry: SlideEntry) -> Iterator[tuple[Path, str]]:
    then, now = entry.shape_px, stack.shapes[0]
    if then != now:
        yield stack.path, f"it is {now[0]} x {now[1]} px and was {then[0]} x {then[1]} px"
    for line in entry.inputs:
        slide = stack.slides.get(line.stain)
        if slide is not None:
            yield from ((slide.path, what) for what in _differences_of_file(slide, line))
    if entry.reference is not None and entry.reference != stack.reference:
        yield stack.path, f"its reference is {stack.reference} and was {entry.reference}"
    if entry.um_per_px and stack.um_per_px and abs(stack.um_per_px / entry.um_per_px - 1) > _SAME_SCALE:
        yield stack.path, f"a px is {stack.um_per_px:g} um and was {entry.um_per_px:g} um"
    for line in entry.inputs:
        if (slide := stack.slides.get(line.stain)) is not None and _is_laid_otherwise(stack, slide, line):
            yield stack.path, f"{line.stain} is laid onto {stack.reference} in another way"


def _differences_of_file(slide: Slide, line: InputFile) -> Iterator[str]:
    from napari_histoclust.core.slides.fingerprint import is_one_file, sampled_sha256
    from napari_histoclust.core.slides.stack import file_facts

    facts = file_facts(slide.path)
    if line.size >= 0 and facts["size"] != line.size:
        yield f"the file of {line.stain} has another size"
        return
    if is_one_file(slide.path) and (facts["size"], facts["mtime"]) == (line.size, line.mtime):
        return
    if line.content_sha256:
        same = line.content_sha256 == sampled_sha256(slide.path)
    else:
        same = line.header_sha256 in ("", facts["header_sha256"])
    if not same:
        yield f"the file of {line.stain} holds something else"


def _is_laid_otherwise(stack: Stack, slide: Slide, line: InputFile) -> bool:
    from napari_histoclust.core.slides.fingerprint import placement_of

    return bool(line.content_sha256) and placement_of(slide, stack.shapes[0]) != line.placement
