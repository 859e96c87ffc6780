from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_histoclust.core.stains.optical_density import mean_optical_density


def literal(patches: NDArray[np.uint8]) -> NDArray[np.float64]:
    return -np.log10((patches.astype(float) + 1) / 256).mean(axis=(2, 3, 4))


@pytest.mark.parametrize("side", [4, 16, 64, 127])
def test_small_patches_are_measured_whole(side: int) -> None:
    patches = np.random.default_rng(side).integers(0, 256, (3, 2, side, side, 3), dtype=np.uint8)
    np.testing.assert_allclose(mean_optical_density(patches), literal(patches), rtol=1e-6)


def test_large_patches_are_measured_at_every_second_px() -> None:
    patches = np.random.default_rng(1).integers(0, 256, (2, 5, 128, 128, 3), dtype=np.uint8)
    np.testing.assert_allclose(mean_optical_density(patches), literal(patches[:, :, ::2, ::2]), rtol=1e-6)


def test_glass_has_no_density_and_black_the_most() -> None:
    patches = np.stack([np.full((1, 8, 8, 3), value, np.uint8) for value in (255, 0)])
    np.testing.assert_allclose(mean_optical_density(patches)[:, 0], [0, np.log10(256)], atol=1e-6)
