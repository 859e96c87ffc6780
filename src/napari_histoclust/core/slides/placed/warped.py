"""A slide laid into another one's frame by an affine and a displacement field, window by window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.slides.levels import STRIP_BYTES, block_mean, downsample
from napari_histoclust.core.slides.placed.affine import Matrix, to_level
from napari_histoclust.core.slides.placed.displacement import Displacement
from napari_histoclust.core.slides.protocol import Int, Slide, UInt8, Windows
from napari_histoclust.core.slides.tiled.tiles import CHUNK_PX, WHITE, lazy_level

if TYPE_CHECKING:
    import dask.array as da

# A window is halved where it would need more px of the file than this many times its own, which happens
# only where a displacement field jumps.
_MOST_SOURCE, _ALWAYS_FINE_PX, _SMALLEST_PX = 16, 2**20, 32
# One window covers all patches unless that means reading this many times what they need by themselves; a
# patch by itself costs the tiles around it, of about this side.
_SPARSE, _TILE_PX = 2, 256
_NOWHERE = Displacement(np.zeros((0, 0, 2), np.float32), (1.0, 1.0))


class WarpedSlide:
    """A `Slide` seen in the frame of a reference. What lies outside its own picture is white.

    Parameters
    ----------
    slide : Slide
        The slide as it is in its file.
    affine : (3, 3) float array
        Maps (y, x, 1) in level-0 px of `slide` to level-0 px of the reference; px centres are whole numbers.
    shapes : tuple of (int, int)
        Levels of the reference, which this slide takes over.
    displacement : Displacement, optional
        Applied before the affine: a place p of the reference shows what `slide` holds at
        ``inverse(affine) @ (p + displacement(p))``.
    """

    corner_um = None
    is_placed = True

    def __init__(
        self,
        slide: Slide,
        affine: Matrix,
        shapes: tuple[tuple[int, int], ...],
        displacement: Displacement | None = None,
    ) -> None:
        self._slide = slide
        self._to_own = np.linalg.inv(affine)
        self._displacement = displacement or _NOWHERE
        self._is_plain = displacement is None and np.array_equal(affine, np.eye(3))
        self._own_px_per_px = float(np.sqrt(abs(np.linalg.det(self._to_own[:2, :2]))))
        self._own_downsamples = [downsample(slide.shapes[0], shape) for shape in slide.shapes]
        self.path: Path = slide.path
        self.name: str = slide.name
        self.shapes = shapes
        self.um_per_px = None if slide.um_per_px is None else slide.um_per_px * self._own_px_per_px
        self.reader: str = slide.reader
        self.warnings: tuple[str, ...] = slide.warnings
        self.hole_warnings = slide.hole_warnings

    def read(self, level: int, y: int, x: int, height: int, width: int, out: UInt8 | None = None) -> UInt8:
        """Return the warped (height, width, 3) window, interpolated linearly, white outside.

        A px has the same colour in whichever window it is read.
        """
        window = np.empty((height, width, 3), np.uint8) if out is None else out
        if self._is_plain and self.shapes == self._slide.shapes:
            return self._slide.read(level, y, x, height, width, window)
        self._fill(window, downsample(self.shapes[0], self.shapes[level]), y, x)
        return window

    def cut(self, level: int, y: Int, x: Int, out: UInt8, index: int) -> None:
        """Write patches into ``out[:, index]`` from one window around all, or each from its own."""
        cut_windows(self, level, y, x, out[:, index])

    def dask_levels(self) -> list[da.Array]:
        """Return every level of the reference's pyramid as a lazy, warped (y, x, 3) uint8 array."""
        return [
            lazy_level(self, level, (min(CHUNK_PX, shape[0]), min(CHUNK_PX, shape[1])))
            for level, shape in enumerate(self.shapes)
        ]

    def own_px(self, places_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where (n, 2) places (y, x) in level-0 px of the reference lie in level-0 px of the file."""
        from scipy import ndimage

        warp, moved = self._displacement, places_px
        if warp.field.size:
            at = (places_px + 0.5 - warp.offset) / warp.step - 0.5
            shifts = [
                ndimage.map_coordinates(warp.field[..., i], at.T, order=1, mode="nearest") for i in (0, 1)
            ]
            moved = places_px + np.stack(shifts, axis=1)
        return np.asarray(moved @ self._to_own[:2, :2].T + self._to_own[:2, 2], np.float64)

    def valid(self, shape: tuple[int, int], downsample: float) -> NDArray[np.bool_]:
        """Return where the centre of each px lies in the slide's own picture, and in none of its holes."""
        from napari_histoclust.core.slides.kernels import mark_inside

        mark = np.empty(shape, np.bool_)
        own = self._own_valid(downsample)
        steps = [whole / part for whole, part in zip(self._slide.shapes[0], own.shape, strict=True)]
        mark_inside(own, *self._maps(downsample, to_level(steps) @ self._to_own), mark)
        return mark

    def _own_valid(self, downsample: float) -> NDArray[np.bool_]:
        """Validity of the slide in its own frame, in px of at most about the size asked for."""
        factor = max(1.0, downsample * self._own_px_per_px)
        height, width = self._slide.shapes[0]
        shape = max(1, round(height / factor)), max(1, round(width / factor))
        own = self._slide.valid(shape, height / shape[0])
        return np.ones(shape, np.bool_) if own is None else own

    def _fill(self, window: UInt8, step: float, y: int, x: int) -> None:
        from napari_histoclust.core.slides.kernels import sample

        height, width = window.shape[:2]
        level, factor = self._own_level(step)
        to_source = to_level(self._own_downsamples[level] * factor) @ self._to_own
        size = tuple(-(-side // factor) for side in self._slide.shapes[level])
        low, high = self._needed(to_source, step, (y, x, height, width), size)
        if (high <= low).any():
            window[:] = WHITE
            return
        if np.prod(high - low) > _MOST_SOURCE * height * width + _ALWAYS_FINE_PX and _may_split(window):
            self._fill_halves(window, step, y, x)
            return
        source = self._shrunk(level, factor, low, high)
        sample(source, low, np.array(size, np.int64), y, x, *self._maps(step, to_source), window)

    def _fill_halves(self, window: UInt8, step: float, y: int, x: int) -> None:
        height, width = window.shape[:2]
        if height >= width:
            self._fill(window[: height // 2], step, y, x)
            self._fill(window[height // 2 :], step, y + height // 2, x)
        else:
            self._fill(window[:, : width // 2], step, y, x)
            self._fill(window[:, width // 2 :], step, y, x + width // 2)

    def _own_level(self, step: float) -> tuple[int, int]:
        """Coarsest level of the file that is still as fine as what is asked for, and how often to thin it."""
        wanted = step * self._own_px_per_px * 1.01
        fitting = [k for k, own in enumerate(self._own_downsamples) if own <= wanted]
        level = fitting[-1] if fitting else 0
        return level, max(1, int(wanted / self._own_downsamples[level]))

    def _shrunk(self, level: int, factor: int, low: NDArray[np.int64], high: NDArray[np.int64]) -> UInt8:
        """Read part of a level, averaged over squares of `factor` px, in strips."""
        top, left = (int(v) for v in low * factor)
        bottom, right = np.minimum(high * factor, self._slide.shapes[level]).tolist()
        if factor == 1:
            return self._slide.read(level, top, left, bottom - top, right - left)
        rows = max(1, STRIP_BYTES // (3 * (right - left) * factor)) * factor
        strips = [
            block_mean(self._slide.read(level, y, left, min(rows, bottom - y), right - left), factor)
            for y in range(top, bottom, rows)
        ]
        return np.concatenate(strips)

    def _maps(
        self, step: float, to_source: Matrix
    ) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
        """What `sampling` wants: to level 0 of the reference, the field, into the field, to the source."""
        to_level0 = np.array([[step, 0.5 * step - 0.5]] * 2)
        warp = self._displacement
        to_field = np.array(
            [
                [1 / side, (0.5 - start) / side - 0.5]
                for side, start in zip(warp.step, warp.offset, strict=True)
            ]
        )
        return to_level0, warp.field, to_field, np.ascontiguousarray(to_source[:2])

    def _needed(
        self, to_source: Matrix, step: float, window: tuple[int, int, int, int], size: tuple[int, ...]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First and past-the-last px (y, x) of the source that a window can need."""
        start = (np.array(window[:2]) + 0.5) * step - 0.5
        end = start + (np.array(window[2:]) - 1) * step
        least, most = self._displaced(start, end)
        (y0, x0), (y1, x1) = start + least, end + most
        corners = np.array([[y0, x0, 1], [y0, x1, 1], [y1, x0, 1], [y1, x1, 1]])
        places = (corners @ to_source.T)[:, :2]
        low = np.clip(np.floor(places.min(axis=0)) - 1, 0, size).astype(np.int64)
        high = np.clip(np.ceil(places.max(axis=0)) + 2, 0, size).astype(np.int64)
        return low, high

    def _displaced(
        self, start: NDArray[np.float64], end: NDArray[np.float64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Least and largest displacement (y, x) between two corners of the reference."""
        warp = self._displacement
        if not warp.field.size:
            return np.zeros(2, np.float32), np.zeros(2, np.float32)
        shape = np.array(warp.field.shape[:2])
        places = [(corner + 0.5 - warp.offset) / warp.step - 0.5 for corner in (start, end)]
        first = np.clip(np.floor(places[0]).astype(int), 0, shape - 1)
        last = np.clip(np.ceil(places[1]).astype(int), first, shape - 1)
        part = warp.field[first[0] : last[0] + 1, first[1] : last[1] + 1]
        return part.min(axis=(0, 1)), part.max(axis=(0, 1))


def cut_windows(slide: Windows, level: int, y: Int, x: Int, out: UInt8) -> None:
    """Write the (n, p, p, 3) patches at (y, x) from one window, or each by itself if far apart."""
    side = out.shape[1]
    top, left = int(y.min()), int(x.min())
    height, width = int(y.max()) - top + side, int(x.max()) - left + side
    if height * width <= _SPARSE * len(y) * (side + _TILE_PX) ** 2:
        out[:] = patches_of(slide.read(level, top, left, height, width), y - top, x - left, side)
        return
    for i in range(len(y)):
        out[i] = slide.read(level, int(y[i]), int(x[i]), side, side)


def patches_of(window: UInt8, y: Int, x: Int, patch_px: int) -> UInt8:
    """Copy patches out of a (h, w, 3) window into a (n, p, p, 3) array.

    A view with every possible corner in front is indexed once, so that a row of a patch is one copy of
    3 x p bytes and Python never loops over patches.
    """
    height, width, _ = window.shape
    window = np.ascontiguousarray(window)
    line, px, _ = window.strides
    corners = np.lib.stride_tricks.as_strided(
        window,
        (height - patch_px + 1, width - patch_px + 1, patch_px, 3 * patch_px),
        (line, px, line, 1),
        writeable=False,
    )
    return np.asarray(corners[y, x].reshape(len(y), patch_px, patch_px, 3))


def _may_split(window: UInt8) -> bool:
    return bool(max(window.shape[:2]) > _SMALLEST_PX)
