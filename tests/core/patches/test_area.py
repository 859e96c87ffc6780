"""Covered shares against px-by-px overlap."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_histoclust.core.patches.lattice import AreaTable


def literal_share(mask: np.ndarray, downsample: float, y: float, x: float, size: float) -> float:
    """Sum of the overlaps of a square with every px of the mask."""
    total = 0.0
    for i, j in np.argwhere(mask):
        tall = min(y + size, (i + 1) * downsample) - max(y, i * downsample)
        wide = min(x + size, (j + 1) * downsample) - max(x, j * downsample)
        total += max(tall, 0) * max(wide, 0)
    return total / size**2


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    downsample=st.floats(1, 9),
    size=st.floats(0.5, 40),
    y=st.floats(0, 60),
    x=st.floats(0, 60),
)
def test_shares_are_exact(seed: int, downsample: float, size: float, y: float, x: float) -> None:
    mask = np.random.default_rng(seed).random((9, 13)) < 0.5
    table = AreaTable(mask, downsample)
    expected = literal_share(mask, downsample, y, x, size)
    assert abs(float(table.squares(np.array([y]), np.array([x]), size)[0]) - expected) < 1e-5
    assert abs(float(table.lattice(np.array([0.0, y]), np.array([x]), size)[1, 0]) - expected) < 1e-5
