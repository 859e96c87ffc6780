"""The plot without a window: points, their colours and which of them are chosen; what is where."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_histoclust.session.colouring import Colouring
    from napari_histoclust.session.plot.camera import Camera
    from napari_histoclust.session.plot.points import Points

    Mask = NDArray[np.bool_]

SMALLEST_PX, LARGEST_PX = 1.0, 5.0
"""Radius of a point: the distance of px centres from its own that are still painted is below it."""
DIMMED = 0.22
"""Opacity of what is not selected while something is."""
_COVERED = 0.3  # share of the canvas that all points together may take
_BOLDER_PX = 1.0  # by how much a few selected points are larger than the others
_LOOKED_AT = 50_000  # points that are enough to tell how many are visible
_NAMED_BY = 100_000  # points that are enough to find the middle of a cluster


class Plot:
    """Draws and searches the points of one run.

    Parameters
    ----------
    points : Points
        Where they are.
    """

    def __init__(self, points: Points) -> None:
        from napari_histoclust.session.plot import raster

        self._loops = raster
        self.points = points
        self._by_patch = np.zeros(points.patches, np.uint16)
        self._codes = np.zeros(len(points), np.uint16)
        self._table = np.zeros((1, 4), np.float32)
        self._chosen = np.zeros(-(-points.patches // 8), np.uint8)
        self._chosen_count = 0
        self._values = np.zeros(len(points), np.uint16)

    def colour(self, colouring: Colouring) -> None:
        """Take up other colours; what has none is neither drawn nor found."""
        if not np.array_equal(colouring.codes, self._by_patch):
            self._by_patch, self._codes = colouring.codes, colouring.codes[self.points.order]
        self._table = colouring.table
        self._mark()

    def choose(self, mask: Mask) -> None:
        """Take up another (n,) selection by patch."""
        self._chosen, self._chosen_count = np.packbits(mask), int(np.count_nonzero(mask))
        self._mark()

    def _mark(self) -> None:
        shown = self._table[:, 3] > 0
        self._loops.mark(self._codes, shown, self._chosen, self.points.order, self._values)

    def draw(self, camera: Camera) -> NDArray[np.uint32]:
        """Draw the points.

        Parameters
        ----------
        camera : Camera
            What to show, in device px.

        Returns
        -------
        (height, width) uint32
            0xAARRGGBB, multiplied by the opacity; transparent where no point is.
        """
        raster = self.draw_codes(camera)
        pixels = np.empty(raster.shape, np.uint32)
        self._loops.colour_px(raster, self._pixel_table(), pixels)
        return pixels

    def draw_codes(self, camera: Camera) -> NDArray[np.uint16]:
        """Return the (height, width) value of the point that is seen in each px, 0 where there is none."""
        raster = np.zeros((int(camera.height), int(camera.width)), np.uint16)
        plain, chosen = (disc(radius) for radius in self.radii(camera))
        spans = self.points.visible_spans(camera, LARGEST_PX * camera.ratio)
        seen = (self.points.x, self.points.y, self._values, spans, *_view(camera))
        if len(plain) == 1:
            self._loops.draw_px(*seen, raster)
        else:
            self._loops.draw_discs(*seen, 1, plain, raster)
        if self._chosen_count and len(chosen) > 1:
            self._loops.draw_discs(*seen, self._loops.SELECTED, chosen, raster)
        return raster

    def radii(self, camera: Camera) -> tuple[float, float]:
        """Return the radius in px of plain and of selected points: the fewer there are, the larger."""
        plain = _radius(self.count_visible(camera), camera)
        return plain, max(plain, min(plain + _BOLDER_PX, _radius(self._chosen_count, camera)))

    def count_visible(self, camera: Camera) -> int:
        """Return about how many points are on the canvas, exactly so if they are not very many."""
        spans = self.points.visible_spans(camera)
        step = max(1, int((spans[:, 1] - spans[:, 0]).sum()) // _LOOKED_AT)
        counted = self._loops.count_visible(
            self.points.x, self.points.y, spans, step, *_view(camera), camera.width, camera.height
        )
        return int(counted) * step

    def inside(self, corners: NDArray[np.float64], camera: Camera) -> Mask:
        """Return the (n,) patches with a drawn point inside a polygon of (k, 2) columns and rows in px."""
        mask = np.zeros((int(camera.height), int(camera.width)), bool)
        self._loops.fill_polygon(np.ascontiguousarray(corners, np.float64), mask)
        found = np.zeros(self.points.patches, bool)
        x, y = zip(*(camera.to_plane(*corner) for corner in (corners.min(0), corners.max(0))), strict=True)
        spans = self.points.spans(x[0], y[1], x[1], y[0])
        place = (self.points.x, self.points.y, self._values, spans, self.points.order)
        self._loops.points_inside(*place, *_view(camera), mask, found)
        return found

    def patch_at(self, column: float, row: float, camera: Camera, reach_px: float) -> int | None:
        """Return the patch whose drawn point is nearest to a px, None if none is within `reach_px`."""
        x, y = camera.to_plane(column, row)
        reach = reach_px / camera.scale
        spans = self.points.spans(x - reach, y - reach, x + reach, y + reach)
        place = (self.points.x, self.points.y, self._values, spans)
        found = int(self._loops.nearest(*place, *np.array([x, y, reach], np.float32)))
        return None if found < 0 else int(self.points.order[found])

    def place_of(self, patch: int) -> tuple[float, float] | None:
        """Return where a patch is in the plane; None if it is nowhere."""
        found = np.flatnonzero(self.points.order == patch)
        return (float(self.points.x[found[0]]), float(self.points.y[found[0]])) if len(found) else None

    def middles(self, labels: NDArray[np.integer]) -> dict[int, tuple[float, float]]:
        """Return the median place of each label that a patch has, by (n,) labels of the patches.

        Of large runs a part of the points is looked at.
        """
        step = max(1, len(self.points) // _NAMED_BY)
        of_point = labels[self.points.order[::step]]
        x, y = self.points.x[::step], self.points.y[::step]
        present = np.flatnonzero(np.bincount(of_point)) if len(of_point) else ()
        return {
            int(label): (float(np.median(x[of_point == label])), float(np.median(y[of_point == label])))
            for label in present
        }

    def _pixel_table(self) -> NDArray[np.uint32]:
        """Colours of the codes, for plain points and for selected ones."""
        faded = self._table * np.array([1, 1, 1, DIMMED], np.float32)
        return np.stack([_argb(faded if self._chosen_count else self._table), _argb(self._table)])


def _view(camera: Camera) -> tuple[np.float32, np.float32, np.float32]:
    return np.float32(camera.x), np.float32(camera.y), np.float32(camera.scale)


def _radius(count: int, camera: Camera) -> float:
    """Radius at which `count` points take their share of the canvas."""
    share_px = _COVERED * camera.width * camera.height / np.pi
    return float(np.clip(np.sqrt(share_px / max(count, 1)), SMALLEST_PX, LARGEST_PX * camera.ratio))


def disc(radius: float) -> NDArray[np.int32]:
    """Return the (px, 2) rows and columns of the px whose centres are nearer than `radius`."""
    return _disc(round(radius * 4))


@cache
def _disc(quarters: int) -> NDArray[np.int32]:
    reach = quarters // 4
    offsets = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1).T
    near = (offsets**2).sum(1) < max(1, (quarters / 4) ** 2)
    return np.ascontiguousarray(offsets[near], np.int32)


def _argb(rgba: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Colours in 0..1 as 0xAARRGGBB, multiplied by the opacity."""
    colours = rgba * np.concatenate([np.repeat(rgba[:, 3:], 3, axis=1), np.ones((len(rgba), 1))], axis=1)
    red, green, blue, opacity = (colours * 255 + 0.5).astype(np.uint32).T
    return np.asarray(opacity << 24 | red << 16 | green << 8 | blue, np.uint32)
