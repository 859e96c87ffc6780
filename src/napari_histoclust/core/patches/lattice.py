"""The lattice of patches over the tissue of a slide, and the level it is read from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.errors import SettingError
from napari_histoclust.core.patches.grid import PatchGrid, block_number, block_places
from napari_histoclust.core.slides.stack import Stack
from napari_histoclust.core.tissue.mask import TissueMask

# From here on the scale of a slide is said to be another than the model's, and said to be doubtful.
_OTHER_SCALE, _FAR_SCALES = 1.1, 4.0


@dataclass(frozen=True)
class LevelChoice:
    """Which level to read for a model, and how large a patch is there.

    Parameters
    ----------
    level : int
        Level of the stack.
    patch_px : int
        Side of a patch in px of that level.
    warning : str
        What the user should know of the scales, empty if nothing.
    margin_px : int
        What is read around a patch, on every side, in px of that level.
    """

    level: int
    patch_px: int
    warning: str = ""
    margin_px: int = 0


def choose_level(stack: Stack, patch_px: int, model_um_per_px: float | None) -> LevelChoice:
    """Choose the level on which a patch shows the same piece of tissue as in training.

    Parameters
    ----------
    stack : Stack
        The slide.
    patch_px : int
        Side of a patch in px of the model's own scale.
    model_um_per_px : float or None
        Scale on which the model was trained.

    Returns
    -------
    LevelChoice
        The coarsest level that is no coarser than the model's scale, so that a patch is never enlarged.
        Where either scale is unknown: level 0 and `patch_px` as it is. Its warning says where the scales
        differ or one is unknown.
    """
    if model_um_per_px is None or stack.um_per_px is None:
        return LevelChoice(0, patch_px, _scale_unknown(stack, model_um_per_px))
    fitting = [k for k, d in enumerate(stack.downsamples) if d * stack.um_per_px <= model_um_per_px * 1.01]
    level = fitting[-1] if fitting else 0
    own = stack.downsamples[level] * stack.um_per_px
    side = max(1, round(patch_px * model_um_per_px / own))
    return LevelChoice(level, side, _scales_apart(stack, model_um_per_px, patch_px, side, level))


def _scale_unknown(stack: Stack, model_um_per_px: float | None) -> str:
    """One sentence where one of two scales is unknown; where both are there is nothing to compare."""
    if stack.um_per_px is None and model_um_per_px is not None:
        whose = f"its physical size is unknown and the model was trained on {model_um_per_px:g} um per px"
    elif stack.um_per_px is not None and model_um_per_px is None:
        whose = f"a px is {stack.um_per_px:g} um but the scale that the model was trained on is unknown"
    else:
        return ""
    return f"{stack.name}: {whose}; they are taken to be the same, state um_per_px in a stack.yaml."


def _scales_apart(stack: Stack, model_um_per_px: float, patch_px: int, side: int, level: int) -> str:
    assert stack.um_per_px is not None
    ratio = stack.um_per_px / model_um_per_px
    if 1 / _OTHER_SCALE <= ratio <= _OTHER_SCALE:
        return ""
    is_far = not 1 / _FAR_SCALES <= ratio <= _FAR_SCALES
    return (
        f"{stack.name}: a px is {stack.um_per_px:g} um but the model was trained on {model_um_per_px:g} um; "
        f"its patches of {patch_px} px are {side} px of level {level} here"
        + (": check the physical size." if is_far else ".")
    )


def make_grid(
    stack: Stack,
    mask: TissueMask,
    *,
    patch_px: int,
    stride_px: int,
    level: int,
    min_tissue: float,
    min_valid: float,
) -> PatchGrid:
    """Lay the lattice over a slide and keep the places that hold tissue.

    Parameters
    ----------
    stack : Stack
        The slide.
    mask : TissueMask
        Its tissue.
    patch_px, stride_px : int
        Side and distance of the patches, in px of `level`.
    level : int
        Level that will be read.
    min_tissue : float
        Smallest tissue fraction of a patch.
    min_valid : float
        Smallest share of a patch that every stain must cover.

    Raises
    ------
    HistoclustError
        If a patch does not fit into the slide or no patch holds enough tissue.
    """
    places = lattice_shape(stack, level, patch_px, stride_px)
    step = stack.downsamples[level]
    y, x = (np.arange(n, dtype=np.float64) * stride_px * step for n in places)
    tissue = AreaTable(mask.tissue, mask.downsample).lattice(y, x, patch_px * step)
    kept = tissue >= min_tissue
    if not kept.any():
        raise SettingError(
            "{min_tissue} {:g}: no patch of {} holds so much tissue: give a lower value or smaller patches.",
            min_tissue,
            stack.name,
        )
    for valid in mask.valid.values():
        if not valid.all():
            kept &= AreaTable(valid, mask.downsample).lattice(y, x, patch_px * step) >= min_valid
    if not kept.any():
        raise SettingError(
            "{min_valid} {:g}: no patch of {} is covered so far by all stains: give a lower value or smaller "
            "patches.",
            min_valid,
            stack.name,
        )
    row, col = _in_block_order(kept, stride_px)
    return PatchGrid(places, patch_px, stride_px, level, step, row, col, tissue[row, col])


def lattice_shape(stack: Stack, level: int, patch_px: int, stride_px: int) -> tuple[int, int]:
    """Return rows and columns of the full lattice: all places that lie wholly inside the slide.

    Raises
    ------
    HistoclustError
        If not even one patch fits.
    """
    height, width = stack.shapes[level]
    if patch_px > min(height, width):
        raise SettingError(
            "{patch_px}: a patch of {} px does not fit into {} ({} x {} px at level {}): give a smaller one.",
            patch_px,
            stack.name,
            height,
            width,
            level,
        )
    return (height - patch_px) // stride_px + 1, (width - patch_px) // stride_px + 1


def _in_block_order(kept: NDArray[np.bool_], stride_px: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Places of the patches, block by block and row by row inside each."""
    row, col = (place.astype(np.int32) for place in np.nonzero(kept))
    order = np.argsort(block_number(row, col, kept.shape[1], block_places(stride_px)), kind="stable")
    return row[order], col[order]


Float = NDArray[np.float64]


class AreaTable:
    """Summed-area table of a mask.

    The integral of a mask up to a point is bilinear inside each mask px, so that interpolating the table
    gives the exact area, however a square lies over the px (Crow 1984, "Summed-area tables for texture
    mapping").

    Parameters
    ----------
    mask : (h, w) bool
        The mask.
    downsample : float
        Level-0 px per mask px; all positions are given in level-0 px.
    """

    def __init__(self, mask: NDArray[np.bool_], downsample: float) -> None:
        self._downsample = downsample
        # 32 bits hold any mask of up to 2 billion px
        table = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), np.int32)
        np.cumsum(mask, axis=0, out=table[1:, 1:], dtype=np.int32)
        np.cumsum(table[1:, 1:], axis=1, out=table[1:, 1:])
        self._table = table

    def lattice(self, y: Float, x: Float, size: float) -> NDArray[np.float32]:
        """Return the (len(y), len(x)) covered share of squares with corners at every (y, x)."""
        rows = _interpolated(self._table, (y + size) / self._downsample)
        rows -= _interpolated(self._table, y / self._downsample)
        columns = rows.T
        area = _interpolated(columns, (x + size) / self._downsample)
        area -= _interpolated(columns, x / self._downsample)
        return self._share(area.T, size)

    def squares(self, y: Float, x: Float, size: float) -> NDArray[np.float32]:
        """Return the (n,) covered share of the squares with corners at (y[i], x[i])."""
        y0, y1 = y / self._downsample, (y + size) / self._downsample
        x0, x1 = x / self._downsample, (x + size) / self._downsample
        return self._share(self._at(y1, x1) - self._at(y0, x1) - self._at(y1, x0) + self._at(y0, x0), size)

    def _at(self, y: Float, x: Float) -> Float:
        row, down = _split(y, self._table.shape[0])
        col, right = _split(x, self._table.shape[1])
        upper = self._table[row, col] * (1 - right) + self._table[row, col + 1] * right
        lower = self._table[row + 1, col] * (1 - right) + self._table[row + 1, col + 1] * right
        return np.asarray(upper * (1 - down) + lower * down, np.float64)

    def _share(self, area: Float, size: float) -> NDArray[np.float32]:
        side = size / self._downsample
        return np.clip(area / (side * side), 0, 1).astype(np.float32)


def _split(place: Float, length: int) -> tuple[NDArray[np.intp], Float]:
    """Whole and broken part of a place in the table; places beyond the mask stop at its edge."""
    place = np.clip(place, 0, length - 1)
    whole = np.minimum(place.astype(np.intp), length - 2)
    return whole, place - whole


def _interpolated(table: NDArray[np.generic], place: Float) -> Float:
    """(len(place), columns) rows of the table at broken places."""
    whole, part = _split(place, table.shape[0])
    low = np.asarray(table[whole], np.float64)
    low += (np.asarray(table[whole + 1], np.float64) - low) * part[:, None]
    return low
