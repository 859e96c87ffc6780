"""Connected regions of a mask, measured strip by strip: a whole picture of 64-bit numbers is never made."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]
Labels = NDArray[np.int32]

STRIP_ROWS = 256


def strips(rows: int) -> Iterator[slice]:
    """Rows of a picture in strips."""
    for top in range(0, rows, STRIP_ROWS):
        yield slice(top, min(top + STRIP_ROWS, rows))


def label_regions(mask: Mask) -> tuple[Labels, int]:
    """Number the 4-connected regions of a mask from 1; 0 is outside."""
    labels = np.empty(mask.shape, np.int32)
    return labels, int(ndimage.label(mask, output=labels))


def region_sums(labels: Labels, count: int, values: NDArray[np.generic] | None = None) -> NDArray[np.float64]:
    """Return the (count + 1,) sum of the values in each region, or its area where none are given."""
    sums = np.zeros(count + 1)
    for rows in strips(len(labels)):
        weights = None if values is None else np.asarray(values[rows], np.float64).ravel()
        sums += np.bincount(labels[rows].ravel(), weights, count + 1)
    return sums


def without_small(mask: Mask, area: float) -> Mask:
    """Return the mask without its regions below an area in px."""
    labels, count = label_regions(mask)
    keep = region_sums(labels, count) >= area
    keep[0] = False
    kept: Mask = keep[labels]
    return kept
