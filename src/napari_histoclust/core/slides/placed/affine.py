"""Affines that lay one picture on another: read from a matrix or a file, checked, and in our convention.

Ours is: 3 x 3, acts on (y, x, 1), level-0 px of the stain to level-0 px of the reference, and the centre of
the first px is (0, 0).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.reading import check_ordinary, load_npy

Matrix = NDArray[np.float64]
Order = Literal["yx", "xy"]

# Beyond this a stain would be a speck on the reference, or the other way round.
SMALLEST_SCALE, LARGEST_SCALE = 0.02, 50.0
_KEYS = ("affine", "matrix")
_MAX_BYTES = 64 * 1024


def read_affine(path: Path) -> Matrix:
    """Read a matrix from a .json or .npy file.

    Parameters
    ----------
    path : Path
        A JSON list of 3 (or 2) rows of 3 numbers, by itself or under ``affine`` or ``matrix``; or a .npy
        array of that shape. Nothing is unpickled.

    Returns
    -------
    (3, 3) float64

    Raises
    ------
    HistoclustError
        If it cannot be read or holds something else; names it.
    """
    check_ordinary(path)
    if path.stat().st_size > _MAX_BYTES:
        raise HistoclustError(f"{path}: is too large for an affine of 3 x 3 numbers: give the right file.")
    try:
        if path.suffix.lower() == ".npy":
            return _square(path, load_npy(path))
        return _square(path, _from_json(json.loads(path.read_text(encoding="utf-8"))))
    except (OSError, ValueError, EOFError, TypeError, RecursionError) as error:
        raise HistoclustError(
            f"{path}: is no affine of 3 x 3 numbers in JSON or .npy: write the matrix anew."
        ) from error


def _from_json(document: Any) -> Any:
    if isinstance(document, dict):
        named = [document[key] for key in _KEYS if key in document]
        return named[0] if len(named) == 1 else None
    return document


def _square(path: Path, rows: Any) -> Matrix:
    matrix = np.asarray(rows, np.float64)
    if matrix.shape == (2, 3):
        matrix = np.vstack([matrix, (0.0, 0.0, 1.0)])
    if matrix.shape != (3, 3):
        raise HistoclustError(f"{path}: holds numbers of shape {matrix.shape}, and an affine is 3 x 3.")
    return matrix


def in_our_convention(matrix: Matrix, order: Order, from_reference: bool, downsample: float) -> Matrix:
    """Return an affine as we use it.

    Parameters
    ----------
    matrix : (3, 3) float64
        As it was computed; it must be checked already.
    order : "yx" or "xy"
        Whether it acts on (y, x, 1) or (x, y, 1).
    from_reference : bool
        Whether it maps px of the reference to px of the stain, as programs that warp images need it.
    downsample : float
        Level-0 px per px of the pictures that it was computed on.
    """
    if order == "xy":
        matrix = matrix[[1, 0, 2]][:, [1, 0, 2]]
    if from_reference:
        matrix = np.asarray(np.linalg.inv(matrix), np.float64)
    small = to_level(downsample)
    return np.asarray(np.linalg.inv(small) @ matrix @ small)


def check_affine(where: str, matrix: Matrix) -> None:
    """Raise HistoclustError where a matrix cannot lay one picture on another; `where` begins the sentence."""
    if not np.isfinite(matrix).all() or not np.allclose(matrix[2], (0, 0, 1)):
        raise HistoclustError(f"{where} must be finite and end in the row [0, 0, 1].")
    scales = np.linalg.svd(matrix[:2, :2], compute_uv=False)
    wrong = [scale for scale in scales if not SMALLEST_SCALE <= scale <= LARGEST_SCALE]
    if wrong:
        raise HistoclustError(
            f"{where} scales by {round(wrong[0], 6):g}, which is singular or out of reason: correct it."
        )


def to_level(step: float | Sequence[float]) -> Matrix:
    """Return the matrix from level-0 px to px of a level, centre to centre: v = (u + 0.5) / step - 0.5.

    `step` is in level-0 px per px of the level, one for both axes or (y, x).
    """
    y, x = np.broadcast_to(np.asarray(step, np.float64), 2)
    return np.array([[1 / y, 0, 0.5 / y - 0.5], [0, 1 / x, 0.5 / x - 0.5], [0, 0, 1]])
