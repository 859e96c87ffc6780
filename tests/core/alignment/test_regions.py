"""Grids of regions, and shifts that nothing bears out."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_histoclust.core.alignment.regions import grid_shape, without_loners

SHIFTS = arrays(np.float64, (5, 6, 2), elements=st.sampled_from([0.0, 3.0, 20.0, -20.0, np.nan]))


@given(SHIFTS, st.floats(1, 30))
def test_loners_go_and_nothing_else_does(shift: np.ndarray, tolerated: float) -> None:
    found = without_loners(shift, tolerated)
    for row in range(5):
        for col in range(6):
            own = shift[row, col]
            length = np.hypot(*own)
            around = [
                shift[r, c]
                for r in range(max(0, row - 1), min(5, row + 2))
                for c in range(max(0, col - 1), min(6, col + 2))
                if (r, c) != (row, col)
            ]
            borne_out = any(np.hypot(*(other - own)) <= max(tolerated, length / 3) for other in around)
            expected = own if length <= tolerated or borne_out else (np.nan, np.nan)
            np.testing.assert_array_equal(found[row, col], expected)


@given(st.integers(50, 200_000), st.integers(50, 200_000))
def test_grids_are_nearly_square_regions(height: int, width: int) -> None:
    rows, cols = grid_shape(height, width)
    assert max(rows, cols) == 8
    if min(rows, cols) > 1:
        assert 0.65 < (height / rows) / (width / cols) < 1.55
