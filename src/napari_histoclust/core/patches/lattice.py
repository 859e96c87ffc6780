"""The lattice of patches over the tissue of a slide, and the level it is read from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.errors import SettingError
from napari_histoclust.core.patches.area import AreaTable
from napari_histoclust.core.patches.grid import PatchGrid, block_number, block_places
from napari_histoclust.core.slides.stack import Stack
from napari_histoclust.core.tissue.mask import TissueMask

_FAR_SCALES = 4.0


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
        Where either scale is unknown: level 0 and `patch_px` as it is.
    """
    if model_um_per_px is None or stack.um_per_px is None:
        return LevelChoice(0, patch_px)
    fitting = [k for k, d in enumerate(stack.downsamples) if d * stack.um_per_px <= model_um_per_px * 1.01]
    level = fitting[-1] if fitting else 0
    own = stack.downsamples[level] * stack.um_per_px
    return LevelChoice(
        level, max(1, round(patch_px * model_um_per_px / own)), _scales_apart(stack, model_um_per_px)
    )


def _scales_apart(stack: Stack, model_um_per_px: float) -> str:
    assert stack.um_per_px is not None
    ratio = stack.um_per_px / model_um_per_px
    if 1 / _FAR_SCALES <= ratio <= _FAR_SCALES:
        return ""
    return (
        f"{stack.name}: a px is {stack.um_per_px:g} um but the model was trained on {model_um_per_px:g} um; "
        "check the physical size."
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
