from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.validation import space
from napari_histoclust.core.validation.space import common_space, stain_features, structureless


@pytest.fixture
def pixels() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (300, 6, 32, 32), dtype=np.uint8)


def test_features_are_what_they_are_called() -> None:
    patch = np.full((1, 1, 16, 16), 255, np.uint8)
    patch[:, :, ::2, :] = 24  # optical density 1.01, every other line
    (mean, spread, grain, patchiness) = stain_features(patch)[0]
    density = -np.log10(25 / 256)
    assert mean == pytest.approx(density / 2, rel=1e-5)
    assert spread == pytest.approx(density / 2, rel=1e-5)
    assert grain == pytest.approx(density / 2, rel=1e-5)  # full steps down, none across
    assert patchiness == pytest.approx(0, abs=1e-6)
    patch[:, :, :8], patch[:, :, 8:] = 255, 24
    (_, _, grain, patchiness) = stain_features(patch)[0]
    assert grain == pytest.approx(density / 30, rel=1e-5)  # one of 15 steps down
    assert patchiness == pytest.approx(density / 2, rel=1e-5)


def test_axes_are_centred_uncorrelated_and_ordered(pixels: NDArray[np.uint8]) -> None:
    found = drive(common_space(pixels))
    assert found.dtype == np.float32
    assert found.shape[1] <= space.AXES_AT_MOST
    covariance = found.T.astype(np.float64) @ found / len(found)
    variances = np.diag(covariance)
    assert np.allclose(found.mean(axis=0), 0, atol=1e-4)
    assert np.allclose(covariance, np.diag(variances), atol=1e-3)
    assert (np.diff(variances) <= 1e-6).all()


def test_chunks_and_a_repeat_change_nothing(
    pixels: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = drive(common_space(pixels))
    assert np.array_equal(whole, drive(common_space(pixels)))
    monkeypatch.setattr(space, "CHUNK", 7)
    assert np.allclose(whole, drive(common_space(pixels)), atol=1e-4)


def test_a_stain_without_content_does_no_harm(pixels: NDArray[np.uint8]) -> None:
    white = pixels.copy()
    white[:, 3:] = 255
    assert np.allclose(drive(common_space(white)), drive(common_space(pixels[:, :3])), atol=1e-4)


def test_patches_that_all_look_alike_are_refused() -> None:
    with pytest.raises(HistoclustError, match="look alike"):
        drive(common_space(np.full((20, 3, 32, 32), 90, np.uint8)))


def test_structureless_points_are_as_spread_out() -> None:
    points = np.random.default_rng(1).normal(size=(5000, 3)).astype(np.float32) * [3, 1, 0.1]
    noise = structureless(points.astype(np.float32), seed=2)
    assert noise.shape == points.shape
    assert np.allclose(noise.std(axis=0), points.std(axis=0), rtol=0.05)
    assert np.array_equal(noise, structureless(points.astype(np.float32), seed=2))
