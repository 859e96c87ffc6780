"""Displacement fields that other programs computed, as far as they are needed to read a stain through them.

A field says for each place of the reference how far from it the same tissue lies in the stain. It may be far
smaller than the slide; between its px it is interpolated.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.reading import check_ordinary
from napari_histoclust.core.slides.placed.affine import Order

Field = NDArray[np.float32]
Unit = Literal["field", "px", "um"]

MAX_FIELD_PX = 2**27
"""A field of 11,585 px a side, 1 GiB: what is finer says nothing that the eye or a patch could notice."""
_ITK = (".mha", ".mhd", ".nii", ".nii.gz", ".nrrd")
# Neighbouring values of a field that differ by more level-0 px than this are no warp of tissue, and would
# make a single window read half of a slide.
_MAX_JUMP_PX = 4096.0
_ASPECT_TOLERANCE = 0.02


@dataclass(frozen=True, eq=False)
class Displacement:
    """How far the tissue of a stain lies from where the reference shows it.

    Parameters
    ----------
    field : (h, w, 2) float32
        Displacement (y, x) in level-0 px of the reference, from the reference to the stain.
    step : (float, float)
        Level-0 px of the reference per px of the field, (y, x).
    offset : (float, float)
        Place (y, x) in level-0 px of the reference of the upper left corner of the field.
    """

    field: Field
    step: tuple[float, float]
    offset: tuple[float, float] = (0.0, 0.0)


def read_displacement(
    path: Path,
    shape: tuple[int, int],
    *,
    order: Order = "xy",
    unit: Unit = "field",
    um_per_px: float | None = None,
    centred_with: tuple[int, int] | None = None,
) -> Displacement:
    """Read a displacement field that covers the whole reference.

    Parameters
    ----------
    path : Path
        .npy of shape (h, w, 2) or (2, h, w), or .mha, .mhd, .nii, .nii.gz, .nrrd with two values a px or
        two planes. Values written by ITK in the unit of its spacing are divided by the spacing.
    shape : (height, width)
        Of the reference in level-0 px.
    order : "xy" or "yx"
        Whether the displacement along x or along y comes first.
    unit : "field", "px" or "um"
        What a displacement of 1 is: a px of the field, a level-0 px of the reference, a micrometre.
    um_per_px : float, optional
        Of the reference; needed for "um".
    centred_with : (height, width), optional
        Level-0 px of the stain where the field was computed on both pictures padded to one size around
        their centres, as DeeperHistReg does.

    Raises
    ------
    HistoclustError
        If the file cannot be read, holds something else, or does not fit the reference; names it.
    """
    if not path.is_file():
        raise HistoclustError(f"{path}: no such file: correct the path of the displacement field.")
    check_ordinary(path)
    raw, spacing = _load(path)
    field = _two_last(path, raw)
    covered, offset = _frame(shape, centred_with)
    step = covered[0] / field.shape[0], covered[1] / field.shape[1]
    _check_aspect(path, field, covered, step)
    ordered = field if order == "yx" else field[..., ::-1]
    scaled = np.ascontiguousarray(ordered * _level0_px(path, unit, step, spacing, um_per_px), np.float32)
    _check_values(path, scaled, covered)
    return Displacement(scaled, step, offset)


def _frame(
    shape: tuple[int, int], other: tuple[int, int] | None
) -> tuple[tuple[int, int], tuple[float, float]]:
    """Size of what a field covers, and the place of its corner."""
    if other is None:
        return shape, (0.0, 0.0)
    height, width = max(shape[0], other[0]), max(shape[1], other[1])
    return (height, width), (-float((height - shape[0]) // 2), -float((width - shape[1]) // 2))


def padding_between(shape: tuple[int, int], other: tuple[int, int]) -> tuple[float, float]:
    """Return by how many px (y, x) a stain of size `other` lies further down and right than its reference.

    Both are centred in the smallest frame that holds them.
    """
    _, ours = _frame(shape, other)
    _, theirs = _frame(other, shape)
    return ours[0] - theirs[0], ours[1] - theirs[1]


def _level0_px(
    path: Path, unit: Unit, step: tuple[float, float], spacing: tuple[float, float], um_per_px: float | None
) -> NDArray[np.float32]:
    """Level-0 px (y, x) of a displacement of 1."""
    if unit == "field":
        return np.array([step[0] / spacing[0], step[1] / spacing[1]], np.float32)
    if unit == "px":
        return np.ones(2, np.float32)
    if um_per_px is None:
        raise HistoclustError(
            f"{path}: is in um, but the size of a px of the reference is unknown: give um_per_px in the "
            "stack.yaml."
        )
    return np.full(2, 1 / um_per_px, np.float32)


def _load(path: Path) -> tuple[NDArray[Any], tuple[float, float]]:
    """Values as they are, and the spacing (y, x) of the file."""
    name = path.name.lower()
    if name.endswith(".npy"):
        return _load_npy(path), (1.0, 1.0)
    if name.endswith(_ITK):
        return _load_itk(path)
    raise HistoclustError(
        f"{path}: displacement fields of type {path.suffix or 'unknown'} are not read: save it as .npy, .mha "
        "or .nii."
    )


def _load_npy(path: Path) -> NDArray[Any]:
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise _unreadable(path) from error
    _refuse_large(path, values.size)
    if values.dtype.kind not in "fiu":
        raise HistoclustError(f"{path}: its values are {values.dtype}, and a field is numbers: save it anew.")
    return np.asarray(values)


def _load_itk(path: Path) -> tuple[NDArray[Any], tuple[float, float]]:
    try:
        import SimpleITK as sitk  # noqa: N813 - as everybody calls it
    except ImportError as error:
        raise HistoclustError(
            f"{path}: reading it needs SimpleITK: install napari-histoclust[alignment], or save the field as "
            ".npy."
        ) from error
    library: Any = sitk  # it comes without types
    reader = library.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        size = [*reader.GetSize(), reader.GetNumberOfComponents()]
        _refuse_large(path, int(np.prod(size, dtype=np.float64)))
        image = reader.Execute()
    except (RuntimeError, ValueError, OverflowError) as error:
        raise _unreadable(path) from error
    across, down = image.GetSpacing()[:2]
    return library.GetArrayFromImage(image), (float(down), float(across))


def _unreadable(path: Path) -> HistoclustError:
    return HistoclustError(f"{path}: is no readable displacement field: the file is damaged, write it anew.")


def _refuse_large(path: Path, values: int) -> None:
    if values > 2 * MAX_FIELD_PX:
        raise HistoclustError(
            f"{path}: holds {values:,} numbers, far more than a displacement field needs: save it smaller, "
            "it is interpolated."
        )


def _two_last(path: Path, values: NDArray[Any]) -> NDArray[Any]:
    """Return the field as (h, w, 2), the order of the two as it is."""
    squeezed = values.squeeze()
    if squeezed.ndim == 3 and squeezed.shape[-1] == 3 and not squeezed[..., 2].any():
        squeezed = squeezed[..., :2]  # a plane in space, displaced within itself
    if squeezed.ndim == 3 and squeezed.shape[-1] == 2:
        return squeezed
    if squeezed.ndim == 3 and squeezed.shape[0] == 2:
        return np.moveaxis(squeezed, 0, -1)
    raise HistoclustError(
        f"{path}: has the shape {values.shape}, and a displacement field is (height, width, 2) or (2, "
        "height, width): save it so."
    )


def _check_aspect(
    path: Path, field: NDArray[Any], covered: tuple[int, int], step: tuple[float, float]
) -> None:
    """Sides are rounded when a picture is made smaller, so that the steps may differ a little."""
    allowed = _ASPECT_TOLERANCE + 1 / field.shape[0] + 1 / field.shape[1]
    if abs(np.log(step[0] / step[1])) > allowed:
        raise HistoclustError(
            f"{path}: is {field.shape[0]} x {field.shape[1]}, which does not cover {covered[0]} x "
            f"{covered[1]} px evenly: give the field of the whole reference."
        )


def _check_values(path: Path, field: Field, covered: tuple[int, int]) -> None:
    if not np.isfinite(field).all():
        raise HistoclustError(f"{path}: holds values that are no numbers: write the displacement field anew.")
    furthest = float(max(field.max(), -field.min()))
    if furthest > 2 * max(covered):
        raise HistoclustError(
            f"{path}: displaces by {furthest:,.0f} px, out of a slide of {covered[0]} x {covered[1]} px: say "
            "its unit in the stack.yaml."
        )
    jumps = [np.abs(np.diff(field, axis=axis)).max(initial=0) for axis in (0, 1)]
    if max(jumps) > _MAX_JUMP_PX:
        raise HistoclustError(
            f"{path}: jumps by {max(jumps):,.0f} px between neighbours, which no tissue does: look at the "
            "registration."
        )
