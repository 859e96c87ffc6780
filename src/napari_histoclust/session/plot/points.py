"""The points of the plot in the order in which they are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.jobs import Job, Progress

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.session.plot.camera import Camera

_POINTS_PER_CELL = 128
_CELLS_AT_MOST = 256  # along a side: 3 px each of a canvas of 800 px, so that the raster stays in the cache
_SEED = 765


@dataclass(frozen=True, eq=False)
class Points:
    """Places of the patches in the plane, ready to be drawn.

    Cell by cell of a coarse lattice, so that a part of the plane is a few spans of the arrays and the raster
    is written place by place. Within a cell in random order: in the order of the patches the last slide would
    cover all others.

    Parameters
    ----------
    x, y : (m,) float32
        In draw order.
    order : (m,) int32
        Patch of each point; patches without a finite place are left out.
    starts : (rows * columns + 1,) int64
        First point of each cell, row after row.
    cells : (int, int)
        Rows and columns of the lattice.
    bounds : (float, float, float, float)
        Smallest x and y, largest x and y.
    patches : int
        Number of patches of the run.
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    order: NDArray[np.int32]
    starts: NDArray[np.int64]
    cells: tuple[int, int]
    bounds: tuple[float, float, float, float]
    patches: int

    def __len__(self) -> int:
        return len(self.order)

    def spans(self, x0: float, y0: float, x1: float, y1: float) -> NDArray[np.int64]:
        """Return a (k, 2) table of first and past-the-last point: all points in this rectangle are in it."""
        left, bottom, right, top = self.bounds
        rows, columns = self.cells
        first, last = _cells((x0, x1), left, right, columns)
        low, high = _cells((y0, y1), bottom, top, rows)
        row = np.arange(low, high + 1, dtype=np.int64) * columns
        return np.stack([self.starts[row + first], self.starts[row + last + 1]], axis=1)

    def visible_spans(self, camera: Camera, margin_px: float = 0.0) -> NDArray[np.int64]:
        """Return the spans that cover the canvas and `margin_px` around it."""
        x0, y0 = camera.to_plane(-margin_px, camera.height + margin_px)
        x1, y1 = camera.to_plane(camera.width + margin_px, -margin_px)
        return self.spans(x0, y0, x1, y1)


def _cells(ends: tuple[float, float], low: float, high: float, count: int) -> tuple[int, int]:
    """First and last cell from one end to the other; a cell more at each side makes up for rounding."""
    width = max(high - low, 1e-6) / count
    first, last = ((end - low) / width for end in ends)
    return int(np.clip(first - 1, 0, count - 1)), int(np.clip(last + 1, 0, count - 1))


def make_points(places: NDArray[np.floating]) -> Points:
    """Sort (n, 2) places of the patches into draw order."""
    from napari_histoclust.session.plot.raster import sort_into_cells

    x, y = (np.ascontiguousarray(column, np.float32) for column in places.T)
    shuffled = np.random.default_rng(_SEED).permutation(len(places)).astype(np.int32)
    shuffled = shuffled[np.isfinite(x + y)[shuffled]]
    bounds = _bounds(x[shuffled], y[shuffled])
    side = int(np.clip(np.sqrt(len(shuffled) / _POINTS_PER_CELL), 1, _CELLS_AT_MOST))
    lattice = [bounds[0], bounds[1], *(side / max(bounds[i + 2] - bounds[i], 1e-6) for i in (0, 1))]
    x0, y0, per_x, per_y = map(np.float32, lattice)
    order, starts = sort_into_cells(x, y, shuffled, x0, y0, per_x, per_y, side, side)
    return Points(x[order], y[order], order, starts, (side, side), bounds, len(places))


def _bounds(x: NDArray[np.float32], y: NDArray[np.float32]) -> tuple[float, float, float, float]:
    if not len(x):
        return 0.0, 0.0, 1.0, 1.0
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def prepare_plot() -> Job[None]:
    """Load what the plot needs; compiles its loops at the first use on a machine, which takes seconds."""
    yield Progress("Preparing the plot")
    import matplotlib.colors  # noqa: F401 - what a scale of colours needs, 0.5 s

    from napari_histoclust.session.plot import raster  # noqa: F401 - compiled here, off the GUI thread


def load_points(run: Run) -> Job[Points | None]:
    """Read the points of a run, and what they can be coloured by; None where it has no UMAP."""
    yield from prepare_plot()
    yield Progress("Sorting the points")
    return None if run.embedding is None else make_points(run.embedding)
