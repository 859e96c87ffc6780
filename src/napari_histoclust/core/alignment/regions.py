"""Overlap and shift region by region."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.alignment.shifts import (
    Mask,
    Peak,
    Pictures,
    Spectra,
    Surface,
    correlate,
    find_peak,
    padded_shape,
    spectra_of,
)

Float = NDArray[np.float64]
Cell = tuple[int, int]

# Regions along the longer side. A window of two regions a side is an eighth more than what a bronchus or an
# island of tumour takes on the sections that this was tried on, and smaller ones say nothing.
ALONG = 8
# Weight of each neighbour's surface: shifts of tissue change slowly.
_NEIGHBOUR = 0.5
# A region needs this share of tissue in both stains to say anything of a shift, or of outlines.
MIN_TISSUE = 0.15
_LEAST_WINDOW_PX = 24
AROUND = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right]


@dataclass(frozen=True, eq=False)
class Regions:
    """A grid of regions over a slide and what they say of one stain.

    Parameters
    ----------
    shift_px : (rows, cols, 2) float64
        Shift (y, x) in level-0 px that would lay the stain best on the reference there; NaN where the two
        are too unlike, or hold too little tissue, to tell.
    outline_dice : (rows, cols) float64
        Overlap of the tissue, 2 |A and B| / (|A| + |B|); NaN without tissue.
    tissue : (rows, cols) float64
        Share of each region that is tissue of the reference and valid in both, 0..1.
    height_px, width_px : float
        Of a region in level-0 px.
    """

    shift_px: Float
    outline_dice: Float
    tissue: Float
    height_px: float
    width_px: float

    @cached_property
    def length_px(self) -> Float:
        """(rows, cols) length of the shifts in level-0 px, NaN where they are unknown."""
        return np.asarray(np.hypot(self.shift_px[..., 0], self.shift_px[..., 1]))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, cols = self.outline_dice.shape
        return rows, cols


def grid_shape(height: int, width: int) -> tuple[int, int]:
    """Return rows and columns of nearly square regions, 8 along the longer side where there is room."""
    side = max(height, width) / ALONG
    return max(1, round(height / side)), max(1, round(width / side))


def cell_means(picture: NDArray[np.generic], shape: tuple[int, int]) -> Float:
    """Return the (rows, cols) mean of a picture over each region; NaN where a region has no px."""
    edges = [np.linspace(0, side, n + 1).astype(int) for side, n in zip(picture.shape, shape, strict=True)]
    table = np.zeros((picture.shape[0] + 1, picture.shape[1] + 1))
    table[1:, 1:] = picture.cumsum(0, dtype=np.float64).cumsum(1)
    sums = np.diff(np.diff(table[np.ix_(*edges)], axis=0), axis=1)
    area = np.outer(*(np.diff(edge) for edge in edges)).astype(np.float64)
    return np.asarray(np.divide(sums, area, out=np.full(shape, np.nan), where=area > 0))


def cell_dice(a: Mask, b: Mask, valid: Mask, shape: tuple[int, int]) -> Float:
    """Return the (rows, cols) overlap of two masks where both are valid; NaN with hardly any tissue."""
    first, second = cell_means(a & valid, shape), cell_means(b & valid, shape)
    both, total = cell_means(a & b & valid, shape), first + second
    return np.asarray(np.divide(2 * both, total, out=np.full(shape, np.nan), where=total > MIN_TISSUE))


class Windows:
    """The reference, cut into one window a region, ready to be compared with each stain.

    Parameters
    ----------
    fixed : (n, h, w) float32
        See `features.structure`.
    """

    def __init__(self, fixed: Pictures) -> None:
        self._fixed = fixed
        height, width = fixed.shape[1:]
        self.shape = grid_shape(height, width)
        self.reach = max(4, int(max(height, width) / ALONG / 2))
        self._spectra: dict[Cell, Spectra] = {}

    def shifts(
        self, moving: Pictures, start: tuple[int, int], tissue: Float, tolerated_px: float
    ) -> dict[Cell, Peak]:
        """Find the shift of each region that holds tissue.

        Parameters
        ----------
        moving : (n, h, w) float32
            A stain, see `features.structure`.
        start : (int, int)
            Shift (y, x) in px that lays the whole of it best on the reference; others are looked for around.
        tissue : (rows, cols) float64
            Share of tissue of each region.
        tolerated_px : float
            Length in px up to which a shift is no matter.

        Returns
        -------
        dict of (row, col) to Peak
            Shifts in px, `start` included.
        """
        moved = _moved(moving, start)
        cells = [(int(r), int(c)) for r, c in np.argwhere(tissue >= MIN_TISSUE)]
        surfaces = {cell: self._surface(moved, cell) for cell in cells}
        return {cell: find_peak(_with_neighbours(surfaces, cell), start, tolerated_px) for cell in cells}

    def _surface(self, moved: Pictures, cell: Cell) -> Surface:
        window = self._window(cell)
        if cell not in self._spectra:
            self._spectra[cell] = spectra_of(self._fixed[window], self.reach)
        part = moved[window]
        shape = padded_shape(part.shape[1], part.shape[2], self.reach)
        return correlate(self._spectra[cell], spectra_of(part, self.reach), shape, self.reach)

    def _window(self, cell: Cell) -> tuple[slice, ...]:
        window: list[slice] = [slice(None)]
        for place, count, side in zip(cell, self.shape, self._fixed.shape[1:], strict=True):
            middle, half = (place + 0.5) * side / count, max(side / count, _LEAST_WINDOW_PX)
            window.append(slice(max(0, int(middle - half)), min(side, int(middle + half) + 1)))
        return tuple(window)


def without_loners(shift_px: Float, tolerated_px: float) -> Float:
    """Forget the shifts that matter but that no neighbouring region bears out: tissue does not jump.

    Parameters
    ----------
    shift_px : (rows, cols, 2) float64
        NaN where nothing is known.
    tolerated_px : float
        Up to this a shift is no matter; neighbours agree to within as much, or a third of the shift.
    """
    rows, cols = shift_px.shape[:2]
    framed = np.full((rows + 2, cols + 2, 2), np.nan)
    framed[1:-1, 1:-1] = shift_px
    length = np.hypot(shift_px[..., 0], shift_px[..., 1])
    near = np.maximum(tolerated_px, length / 3)
    borne_out = np.zeros((rows, cols), bool)
    for down, right in AROUND:
        other = framed[1 + down : 1 + down + rows, 1 + right : 1 + right + cols]
        borne_out |= np.hypot(*np.moveaxis(other - shift_px, -1, 0)) <= near
    kept = borne_out | (length <= tolerated_px)
    return np.where(kept[..., None], shift_px, np.nan)


def _moved(parts: Pictures, shift: tuple[int, int]) -> Pictures:
    """Move pictures by whole px; what comes in is zero, as is everything that is not valid."""
    out = np.zeros_like(parts)
    target, source = [slice(None)], [slice(None)]
    for by, side in zip(shift, parts.shape[1:], strict=True):
        target.append(slice(max(0, by), max(0, side + min(0, by))))
        source.append(slice(max(0, -by), max(0, side + min(0, -by))))
    out[tuple(target)] = parts[tuple(source)]
    return out


def _with_neighbours(surfaces: dict[Cell, Surface], cell: Cell) -> Surface:
    row, col = cell
    around = [(row - 1, col), (row + 1, col), (row, col - 1), (row, col + 1)]
    total = surfaces[cell].copy()
    for neighbour in around:
        if neighbour in surfaces:
            total += np.float32(_NEIGHBOUR) * surfaces[neighbour]
    return total
