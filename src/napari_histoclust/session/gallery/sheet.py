"""Saving a sheet: read anew, larger than on the screen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_histoclust.core.atomic import check_file
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.figures.sheet import PATCH_PX, Sheet, draw_sheet
from napari_histoclust.core.figures.style import save
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.run.edits import ClusterEdits, scored
from napari_histoclust.core.run.run import Run
from napari_histoclust.session.gallery.images import Ids, Pictures, SlideImages

USUAL, MOST = 40, 200
"""Patches of a sheet: as proposed, and as many as a page can bear."""

_PIECE = 8


@dataclass(frozen=True, eq=False)
class SheetRequest:
    """What is to stand on a sheet.

    Parameters
    ----------
    images : SlideImages
        Of the run; no other thread may use them.
    edits : ClusterEdits
        Names and colours of the clusters.
    ids : (n,) patch ids
        At least one, in order.
    title : str
    """

    images: SlideImages
    edits: ClusterEdits
    ids: Ids
    title: str


def write_sheet(request: SheetRequest, path: Path) -> Job[Path]:
    """Write a sheet as PNG, whole or not at all.

    Raises
    ------
    HistoclustError
        If not one patch can be read, something else stands at `path`, or it cannot be written.
    """
    check_file(path)
    pictures = Pictures()
    for start in range(0, len(request.ids), _PIECE):
        piece = yield from request.images.read(request.ids[start : start + _PIECE], PATCH_PX)
        pictures.pixels.update(piece.pixels)
        pictures.problem = pictures.problem or piece.problem
        yield Progress("Reading patches", min(start + _PIECE, len(request.ids)), len(request.ids))
    if not pictures.pixels:
        raise HistoclustError(pictures.problem)
    yield Progress("Drawing the sheet")
    return save(draw_sheet(_sheet(request, pictures)), path)


def _sheet(request: SheetRequest, pictures: Pictures) -> Sheet:
    """Put the sheet together; a patch that cannot be read stays white."""
    run, ids, edits = request.images.run, request.ids, request.edits
    white = np.full((len(request.images.stains), PATCH_PX, PATCH_PX, 3), 255, np.uint8)
    patch_px, um_per_px = _scale(run)
    return Sheet(
        title=request.title,
        pixels=np.stack([pictures.pixels.get(patch, white) for patch in ids.tolist()]),
        patches=ids,
        confidence=scored(run, edits).confidence[ids],
        labels=edits.lookup[edits.labels[ids]],
        clusters=edits.clusters(),
        stains=request.images.stains,
        patch_px=patch_px,
        um_per_px=um_per_px,
    )


def _scale(run: Run) -> tuple[float | None, float | None]:
    """Side of a patch and size of a px, where they are the same on all slides."""
    sides = {grid.patch_px * grid.downsample for grid in run.grids}
    scales = set(run.um_per_px)
    if len(sides) > 1 or len(scales) > 1:
        return None, None
    return sides.pop(), scales.pop()
