"""A slide laid into another one's frame by an affine, window by window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.slides.levels import downsample
from napari_histoclust.core.slides.protocol import Slide, UInt8
from napari_histoclust.core.slides.tiles import CHUNK_PX, WHITE, lazy_level

if TYPE_CHECKING:
    import dask.array as da


class WarpedSlide:
    """A `Slide` seen in the frame of a reference.

    Parameters
    ----------
    slide : Slide
        The slide as it is in its file.
    affine : (3, 3) float array
        Maps (y, x, 1) in level-0 px of `slide` to level-0 px of the reference; px centres are whole numbers.
    shapes : tuple of (int, int)
        Levels of the reference, which this slide takes over.
    """

    def __init__(
        self, slide: Slide, affine: NDArray[np.float64], shapes: tuple[tuple[int, int], ...]
    ) -> None:
        self._slide = slide
        self._to_own = np.linalg.inv(affine)
        self._own_px_per_px = float(np.sqrt(abs(np.linalg.det(self._to_own[:2, :2]))))
        self._own_downsamples = [downsample(slide.shapes[0], shape) for shape in slide.shapes]
        self.path: Path = slide.path
        self.name: str = slide.name
        self.shapes = shapes
        self.um_per_px = None if slide.um_per_px is None else slide.um_per_px * self._own_px_per_px
        self.reader: str = slide.reader
        self.warnings: tuple[str, ...] = slide.warnings

    def read(self, level: int, y: int, x: int, height: int, width: int, out: UInt8 | None = None) -> UInt8:
        """Return the warped (height, width, 3) window, interpolated linearly, white outside."""
        from scipy import ndimage

        step = downsample(self.shapes[0], self.shapes[level])
        own_level = self._own_level(step)
        matrix = self._window_to_own(step, self._own_downsamples[own_level]) @ _shift(y, x)
        top, left, size = _bounds(matrix, height, width, self._slide.shapes[own_level])
        source = self._slide.read(own_level, top, left, *size)
        matrix = _shift(-top, -left) @ matrix
        window = np.empty((height, width, 3), np.uint8) if out is None else out
        for channel in range(3):
            ndimage.affine_transform(
                source[..., channel],
                matrix[:2, :2],
                matrix[:2, 2],
                output_shape=(height, width),
                output=window[..., channel],
                order=1,
                mode="constant",
                cval=WHITE,
            )
        return window

    def dask_levels(self) -> list[da.Array]:
        """Return every level of the reference's pyramid as a lazy, warped (y, x, 3) uint8 array."""
        return [
            lazy_level(self, level, (min(CHUNK_PX, shape[0]), min(CHUNK_PX, shape[1])))
            for level, shape in enumerate(self.shapes)
        ]

    def _own_level(self, step: float) -> int:
        """Coarsest level of the file that is still at least as fine as what is asked for."""
        wanted = step * self._own_px_per_px * 1.01
        fitting = [k for k, own in enumerate(self._own_downsamples) if own <= wanted]
        return fitting[-1] if fitting else 0

    def _window_to_own(self, step: float, own_step: float) -> NDArray[np.float64]:
        """Matrix from px of a level of the reference to px of a level of the file, centre to centre."""
        return np.asarray(_to_level(own_step) @ self._to_own @ np.linalg.inv(_to_level(step)))


def _to_level(step: float) -> NDArray[np.float64]:
    """Matrix from level-0 px to px of a level: v = (u + 0.5) / step - 0.5."""
    offset = 0.5 / step - 0.5
    return np.array([[1 / step, 0, offset], [0, 1 / step, offset], [0, 0, 1]])


def _shift(y: float, x: float) -> NDArray[np.float64]:
    return np.array([[1, 0, y], [0, 1, x], [0, 0, 1]], np.float64)


def _bounds(
    matrix: NDArray[np.float64], height: int, width: int, shape: tuple[int, int]
) -> tuple[int, int, tuple[int, int]]:
    """Corner and size of the part of the file that a window needs, with a px or two to spare."""
    corners = np.array([[0, 0, 1], [0, width, 1], [height, 0, 1], [height, width, 1]], np.float64)
    places = (corners @ matrix.T)[:, :2]
    limit = np.array(shape)
    low = np.clip(np.floor(places.min(axis=0)).astype(int) - 2, -2, limit)
    high = np.clip(np.ceil(places.max(axis=0)).astype(int) + 3, low + 1, limit + 2)
    return int(low[0]), int(low[1]), (int(high[0] - low[0]), int(high[1] - low[1]))
