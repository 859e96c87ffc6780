"""The jobs of the dock of slides. No Qt; what is heavy is imported in the job's thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_histoclust.core.config import FitSettings
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.slides.formats.registry import is_image, is_zarr
from napari_histoclust.core.slides.pyramid.build import with_pyramids
from napari_histoclust.core.slides.stack import Stack, open_stack

if TYPE_CHECKING:
    from napari_histoclust.core.alignment import StainAlignment


@dataclass(frozen=True, eq=False)
class OpenedStacks:
    """Slides that could be opened, and a sentence for each one that could not."""

    stacks: tuple[Stack, ...]
    refusals: tuple[str, ...]


def slide_paths(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return what to open for paths that were chosen or dropped, each once.

    Several images of one folder are the stains of one slide: then the folder is meant.
    """
    images = [path for path in paths if is_image(path) and not is_zarr(path)]
    together = {path.parent for path in images if sum(p.parent == path.parent for p in images) > 1}
    meant = [path.parent if path in images and path.parent in together else path for path in paths]
    return tuple(dict.fromkeys(meant))


def open_stacks(paths: Sequence[Path]) -> Job[OpenedStacks]:
    """Open slides one after the other; one that cannot be opened does not keep the others out.

    Large pictures without a pyramid get one, at the first time.
    """
    stacks, refusals = [], []
    for number, path in enumerate(paths):
        yield Progress(f"Opening {path.name}", number, len(paths))
        try:
            stacks.append((yield from with_pyramids(open_stack(path))))
        except HistoclustError as error:
            refusals.append(str(error))
    return OpenedStacks(tuple(stacks), tuple(refusals))


def open_phantom() -> Job[OpenedStacks]:
    """Open the sample slide, which is made at the first time."""
    from napari_histoclust.viewer.sample import phantom_folder

    folder = yield from phantom_folder()
    return OpenedStacks((open_stack(folder),), ())


def align(stack: Stack, patch_px: int = FitSettings().patch_px) -> Job[tuple[StainAlignment, ...]]:
    """Find the tissue of a slide and compare how its stains lie on the reference."""
    yield Progress("Looking for tissue")
    from napari_histoclust.core.alignment import check_alignment
    from napari_histoclust.core.tissue.mask import find_tissue

    mask = yield from find_tissue(stack, stack.stains, patch_px)
    return (yield from check_alignment(stack, mask))
