"""The lattice over the tissue, and the level it is read from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.patches.made import geometry, mask_of, noise_stack
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.patches.grid import PatchGrid, block_places
from napari_histoclust.core.patches.lattice import choose_level, make_grid
from napari_histoclust.core.tissue.mask import TissueMask


def grid_of(stack: Any, mask: TissueMask, patch_px: int, stride_px: int, **limits: float) -> PatchGrid:
    settings_ = {"level": 0, "min_tissue": 0.5, "min_valid": 0.75, **limits}
    return make_grid(stack, mask, patch_px=patch_px, stride_px=stride_px, **settings_)  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(20, 90),
    width=st.integers(20, 90),
    patch_px=st.integers(1, 20),
    stride_px=st.integers(1, 25),
    downsample=st.integers(1, 5),
    seed=st.integers(0, 1000),
)
def test_the_grid_is_what_a_loop_over_all_places_gives(
    height: int, width: int, patch_px: int, stride_px: int, downsample: int, seed: int
) -> None:
    shape = -(-height // downsample), -(-width // downsample)
    rng = np.random.default_rng(seed)
    tissue, valid = rng.random(shape) < 0.7, rng.random(shape) < 0.9
    tissue[:, 0] = valid[:, 0] = True
    fine = [np.repeat(np.repeat(m, downsample, 0), downsample, 1) for m in (tissue, valid)]
    expected = {}
    for row, y in enumerate(range(0, height - patch_px + 1, stride_px)):
        for col, x in enumerate(range(0, width - patch_px + 1, stride_px)):
            shares = [float(m[y : y + patch_px, x : x + patch_px].mean()) for m in fine]
            if shares[0] >= 0.4 - 1e-6 and shares[1] >= 0.6 - 1e-6:
                expected[row, col] = shares[0]
    mask = mask_of(tissue, downsample, S0=valid)
    limits = {"min_tissue": 0.4 - 1e-6, "min_valid": 0.6 - 1e-6}
    if not expected:
        with pytest.raises(HistoclustError, match="--min-"):
            grid_of(noise_stack(height, width), mask, patch_px, stride_px, **limits)
        return
    grid = grid_of(noise_stack(height, width), mask, patch_px, stride_px, **limits)
    found = {
        (int(r), int(c)): float(t) for r, c, t in zip(grid.row, grid.col, grid.tissue_fraction, strict=True)
    }
    assert found.keys() == expected.keys()
    assert all(abs(found[place] - expected[place]) < 1e-5 for place in found)
    assert grid.shape == ((height - patch_px) // stride_px + 1, (width - patch_px) // stride_px + 1)


def test_patches_come_block_by_block_and_row_by_row() -> None:
    tissue = np.ones((60, 70), bool)
    grid = grid_of(geometry(60 * 64, 70 * 64), mask_of(tissue, 64.0), 64, 64)
    side = block_places(64)
    keys = [(r // side, c // side, r, c) for r, c in zip(grid.row.tolist(), grid.col.tolist(), strict=True)]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(grid) == 60 * 70
    blocks = [key[:2] for key in keys]
    starts = [0, *(k for k in range(1, len(keys)) if blocks[k] != blocks[k - 1]), len(keys)]
    assert grid.block_starts.tolist() == starts


def test_positions_and_pictures_agree() -> None:
    tissue = np.zeros((10, 10), bool)
    tissue[2:7, 3:9] = True
    grid = grid_of(geometry(100, 100), mask_of(tissue, 10.0), 10, 10)
    assert (grid.y_px.min(), grid.x_px.max()) == (25.0, 85.0)
    np.testing.assert_array_equal(grid.ids >= 0, tissue)
    np.testing.assert_array_equal(grid.picture(np.arange(len(grid)) + 1), grid.ids + 1)
    assert (grid.place_px, grid.origin_px) == (10.0, (5.0, 5.0))


def test_a_slide_of_200_000_px_is_a_few_arrays() -> None:
    rng = np.random.default_rng(0)
    coarse = rng.random((40, 40)) < 0.9
    tissue = np.repeat(np.repeat(coarse, 100, 0), 100, 1)
    grid = grid_of(geometry(200_000, 200_000), mask_of(tissue, 50.0), 128, 128)
    assert grid.shape == (1562, 1562)
    assert 2_000_000 < len(grid) < 1562 * 1562
    assert grid.row.dtype == grid.col.dtype == np.int32
    assert grid.tissue_fraction.dtype == np.float32


def test_what_cannot_be_is_said() -> None:
    tissue = np.zeros((10, 10), bool)
    tissue[0, 0] = True
    with pytest.raises(
        HistoclustError, match=r"--patch-px: a patch of 101 px does not fit .* \(100 x 120 px"
    ):
        grid_of(geometry(100, 120), mask_of(tissue, 10.0), 101, 10)
    with pytest.raises(HistoclustError, match=r"--min-tissue 0\.5: no patch of huge"):
        grid_of(geometry(100, 100), mask_of(tissue, 10.0), 50, 10)
    with pytest.raises(HistoclustError, match=r"--min-valid 0\.75: no patch of huge"):
        grid_of(geometry(100, 100), mask_of(tissue, 10.0, HE=~tissue), 10, 10)


@pytest.mark.parametrize(
    ("um", "model_um", "level", "patch_px"),
    [
        (None, 0.5, 0, 128),
        (0.5, None, 0, 128),
        (0.5, 0.5, 0, 128),
        (0.25, 0.5, 1, 128),
        (0.25, 0.504, 1, 129),
        (0.25, 0.496, 1, 127),  # a level may be a hundredth coarser than the model
        (0.25, 0.49, 0, 251),  # and no more; 250.9 px
        (0.25, 0.4, 0, 205),
        (0.25, 1.0, 2, 128),
        (0.25, 2.0, 2, 256),
        (1.0, 0.5, 0, 64),
    ],
)
def test_a_patch_shows_the_same_piece_of_tissue(
    um: float | None, model_um: float | None, level: int, patch_px: int
) -> None:
    stack = geometry(1000, 1000)
    stack.um_per_px, stack.downsamples = um, (1.0, 2.0, 4.0)
    choice = choose_level(stack, 128, model_um)
    assert (choice.level, choice.patch_px) == (level, patch_px)
    if um is None or model_um is None:
        assert "unknown" in choice.warning
    else:
        assert ("trained on" in choice.warning) == (not 1 / 1.1 <= um / model_um <= 1.1)
        assert ("check the physical size" in choice.warning) == (model_um == 2.0)


@pytest.mark.parametrize(("model_um", "patch_px"), [(0.55, 4), (0.65, 5), (0.01, 1)])
def test_a_patch_is_rounded_to_the_nearest_px_and_never_to_none(model_um: float, patch_px: int) -> None:
    stack = geometry(1000, 1000)
    stack.um_per_px, stack.downsamples = 0.5, (1.0,)
    assert choose_level(stack, 4, model_um).patch_px == patch_px


@pytest.mark.parametrize(
    ("model_um", "is_told"), [(0.125, False), (0.1249, True), (2.0, False), (2.001, True)]
)
def test_a_scale_more_than_four_times_off_is_told(model_um: float, is_told: bool) -> None:
    stack = geometry(1000, 1000)
    stack.um_per_px, stack.downsamples = 0.5, (1.0, 2.0, 4.0)
    warning = choose_level(stack, 128, model_um).warning
    assert warning.startswith(
        f"huge: a px is 0.5 um but the model was trained on {model_um:g} um; its patches"
    )
    assert warning.endswith(": check the physical size.") == is_told
