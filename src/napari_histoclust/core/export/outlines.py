"""Outlines in level-0 px of a slide: those of the reference, or those of one stain's own file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from napari_histoclust.core.export.polygons import Geometries, cluster_polygons
from napari_histoclust.core.patches.grid import PatchGrid
from napari_histoclust.core.run.run import Run

Float = NDArray[np.float64]
ToStain = Callable[[Float], Float]
"""Maps (n, 2) x-y places in level-0 px of the reference to those of a stain's own file."""


def cluster_outlines(run: Run, slide: int, stain: str | None, simplify_px: float) -> dict[int, Any]:
    """Return the outline of each cluster that is on the slide by its id, in px of the stain."""
    grid, lead = run.grids[slide], to_stain(run, slide, stain)
    ids, outlines = cluster_polygons(run.label_picture(slide), keep_junctions=simplify_px > 0)
    outlines = to_level0(outlines, grid)
    if simplify_px > 0 and len(ids):
        outlines = shapely.coverage_simplify(outlines, simplify_px)
    return dict(zip(ids.tolist(), laid_on(outlines, lead, grid.place_px), strict=True))


def patch_squares(grid: PatchGrid, block: slice, to_own: ToStain | None = None) -> Geometries:
    """Return the squares of a block of patches, a stride wide, in px of the reference or of a stain."""
    row, col = grid.row[block].astype(float), grid.col[block].astype(float)
    return laid_on(to_level0(shapely.box(col, row, col + 1, row + 1), grid), to_own, grid.place_px)


def to_level0(outlines: Geometries, grid: PatchGrid) -> Geometries:
    """Move outlines from units of places to level-0 px of the reference, x-y."""
    corner_px = grid.origin_px[1] - grid.place_px / 2, grid.origin_px[0] - grid.place_px / 2
    moved: Geometries = shapely.transform(outlines, lambda xy: xy * grid.place_px + np.array(corner_px))
    return moved


def to_stain(run: Run, slide: int, stain: str | None) -> ToStain | None:
    """Return what leads to a stain's own px, None where they are those of the reference.

    Raises
    ------
    HistoclustError
        If the slide has no such stain, or a stain is asked for and the images are no longer there.
    """
    if stain is None:
        return None
    from napari_histoclust.core.slides.names import canonical_stain

    stack, name = run.open_stack(slide), canonical_stain(stain)
    stack.require([name])
    own = stack.slides[name]
    if not own.is_placed:
        return None

    def lead(xy: Float) -> Float:
        # The slide takes y-x and puts 0 at the centre of the first px, the outlines put it at its corner.
        return np.asarray(own.own_px(xy[:, ::-1] - 0.5)[:, ::-1] + 0.5, np.float64)

    return lead


def laid_on(outlines: Geometries, lead: ToStain | None, step_px: float) -> Geometries:
    """Move outlines from the reference's px to a stain's.

    Parameters
    ----------
    outlines : (k,) Polygon or MultiPolygon
    lead : ToStain or None
    step_px : float
        Straight sides get a vertex at least this often, as a displacement may bend them.
    """
    if lead is None:
        return outlines
    moved: Any = shapely.transform(shapely.segmentize(outlines, step_px), lead)
    return np.asarray(np.where(shapely.is_valid(moved), moved, _mended(moved)), object)


def _mended(outlines: Geometries) -> Geometries:
    """Cut polygons that a fold of the displacement made cross themselves."""
    broken = ~shapely.is_valid(outlines)
    mended = outlines.copy()
    mended[broken] = shapely.make_valid(outlines[broken], method="structure", keep_collapsed=False)
    return mended
