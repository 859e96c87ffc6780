"""Between napari's world and the patches of a run.

World units are um where the slide states its scale and level-0 px where it does not; napari puts the centre
of px (0, 0) at the world's origin, the lattice counts from the corner of the slide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run

_HALF_PX = 0.5


def world_of_patch(run: Run, patch: int) -> tuple[float, float]:
    """Return the (y, x) centre of a patch in the world of its slide."""
    slide = int(run.slide_index[patch])
    grid, row = run.grids[slide], patch - run.rows(slide).start
    scale = run.um_per_px[slide] or 1.0
    return float(grid.y_px[row] - _HALF_PX) * scale, float(grid.x_px[row] - _HALF_PX) * scale


def patch_side_world(run: Run, slide: int) -> float:
    """Return the side of a patch of a slide in world units."""
    grid = run.grids[slide]
    return grid.patch_px * grid.downsample * (run.um_per_px[slide] or 1.0)


def lattice_of_world(run: Run, slide: int, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn (n, 2) world points y, x into places of the lattice; the centre of place (0, 0) is 0, 0."""
    grid = run.grids[slide]
    px = points / (run.um_per_px[slide] or 1.0) + _HALF_PX
    return np.asarray((px - grid.origin_px) / grid.place_px, np.float64)


def patch_at(run: Run, slide: int, point: tuple[float, float]) -> int | None:
    """Return the patch that is drawn at a world point (y, x), None where there is none."""
    place = np.floor(lattice_of_world(run, slide, np.array([point], float))[0] + 0.5).astype(int)
    grid = run.grids[slide]
    if (place < 0).any() or (place >= grid.shape).any():
        return None
    patch = int(grid.ids[tuple(place)])
    return None if patch < 0 else run.rows(slide).start + patch


def patches_inside(run: Run, slide: int, outline: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the ids of the patches whose centres lie inside a closed (m, 2) outline y, x in the world."""
    from napari_histoclust.session.plot.raster import fill_polygon  # compiles what it holds

    grid, inside = run.grids[slide], np.zeros(run.grids[slide].shape, bool)
    corners = lattice_of_world(run, slide, outline)[:, ::-1] + 0.5  # a patch's centre is that of its px
    fill_polygon(np.ascontiguousarray(corners), inside)
    patches = grid.ids[inside].astype(np.int64)
    return np.asarray(patches[patches >= 0] + run.rows(slide).start)
