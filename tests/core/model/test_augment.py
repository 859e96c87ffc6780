from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_histoclust.core.config import FitSettings
from napari_histoclust.core.model.augment import Views, draw_views, inner, make_views

STILL = FitSettings(rotation_deg=0, shift=0, scale=0)


def _pixels(n: int, side: int, stains: int, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.integers(0, 256, (n, side, side, 3 * stains), dtype=np.uint8))


def _fill(stains: int) -> torch.Tensor:
    return torch.arange(3 * stains, dtype=torch.uint8).view(stains, 3)


def _slow_views(
    pixels: NDArray[np.uint8], views: Views, fill: NDArray[np.uint8], margin: int
) -> NDArray[np.float64]:
    """Look up one pixel at a time."""
    n, whole, _, channels = pixels.shape
    side = whole - 2 * margin
    centre = (side - 1) / 2
    made = np.empty((n, side, side, channels))
    for p, y, x, s in np.ndindex(n, side, side, channels // 3):
        old = views.maps[p, s] @ np.array([y - centre, x - centre, 1.0], np.float32) + np.float32(
            centre + margin
        )
        row, col = (int(v) for v in np.round(old))
        inside = 0 <= row < whole and 0 <= col < whole
        colour = pixels[p, row, col, 3 * s : 3 * s + 3] if inside else fill[s]
        made[p, y, x, 3 * s : 3 * s + 3] = (colour / 255.0) ** views.density[p, s]
    return made


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    side=st.sampled_from([4, 7, 8]),
    per_stain=st.booleans(),
    flips=st.booleans(),
    jitter=st.sampled_from([0.0, 0.3]),
    margin=st.sampled_from([0, 0, 3]),
)
def test_views_against_a_literal_version(
    seed: int, side: int, per_stain: bool, flips: bool, jitter: float, margin: int
) -> None:
    given_settings = FitSettings(
        rotation_deg=40, shift=0.2, scale=0.2, per_stain_affine=per_stain, flips=flips, od_jitter=jitter
    )
    pixels = _pixels(2, side + 2 * margin, 2, seed)
    views = draw_views(given_settings, 2, 2, side, np.random.default_rng(seed))
    made = make_views(pixels, views, _fill(2), margin).numpy()
    slow = _slow_views(pixels.numpy(), views, _fill(2).numpy(), margin)
    # float32 rounds a place that falls between two pixels either way
    assert np.isclose(made, slow, atol=1e-5).mean() > 0.97


def test_no_change_gives_the_pixels_back() -> None:
    pixels = _pixels(3, 8, 2)
    views = draw_views(STILL, 3, 2, 8, np.random.default_rng(0))
    torch.testing.assert_close(make_views(pixels, views, _fill(2)), pixels / 255)


def test_a_shifted_view_shows_what_lies_beside_the_patch() -> None:
    pixels = _pixels(1, 8, 2)
    shifted = np.zeros((1, 2, 2, 3), np.float32)
    shifted[..., 0, 0] = shifted[..., 1, 1] = 1
    shifted[..., 0, 2] = 2
    made = make_views(pixels, Views(shifted, np.ones((1, 2), np.float32)), _fill(2), margin_px=2)
    torch.testing.assert_close(made, pixels[:, 4:8, 2:6] / 255)
    planes = pixels.permute(0, 3, 1, 2)
    torch.testing.assert_close(inner(planes, 4), planes[:, :, 2:6, 2:6])


@pytest.mark.parametrize("side", [5, 8])
def test_flips_are_the_eight_symmetries_shared_by_the_stains(side: int) -> None:
    pixels = _pixels(1, side, 2).expand(200, -1, -1, -1).contiguous()
    views = draw_views(STILL.model_copy(update={"flips": True}), 200, 2, side, np.random.default_rng(1))
    made = (make_views(pixels, views, _fill(2)) * 255).round().to(torch.uint8)
    turned = [torch.rot90(pixels[0], k, (0, 1)) for k in range(4)]
    eight = {t.numpy().tobytes() for t in turned} | {t.flip(0).numpy().tobytes() for t in turned}
    assert len(eight) == 8
    assert {picture.numpy().tobytes() for picture in made} == eight


def test_draws_of_the_paper_stay_in_their_ranges_and_differ_between_stains() -> None:
    maps = draw_views(FitSettings(), 500, 5, 64, np.random.default_rng(0)).maps.astype(np.float64)
    linear = maps[..., :2]
    scale = 1 / np.sqrt(np.linalg.det(linear))
    angle = np.rad2deg(np.arctan2(linear[..., 1, 0], linear[..., 0, 0]))
    shift = -np.linalg.solve(linear, maps[..., 2:])[..., 0] / 64
    for values, largest in ((angle, 5), (scale - 1, 0.05), (shift, 0.05)):
        assert 0.97 * largest < np.abs(values).max() <= largest * 1.0001
        assert abs(values.mean()) < 0.05 * largest
    assert np.unique(angle.round(4), axis=1).shape[1] == 5
    assert (angle[:, 0] != angle[:, 1]).all()


def test_shared_affine_keeps_the_stains_on_each_other() -> None:
    views = draw_views(FitSettings(per_stain_affine=False), 4, 3, 64, np.random.default_rng(0))
    assert (views.maps == views.maps[:, :1]).all()
    assert len(np.unique(views.maps[:, 0], axis=0)) == 4


def test_places_outside_take_the_colour_of_their_stain() -> None:
    away = np.zeros((1, 2, 2, 3), np.float32)
    away[..., 2] = 100
    made = make_views(_pixels(1, 4, 2), Views(away, np.ones((1, 2), np.float32)), _fill(2))
    torch.testing.assert_close(made, torch.broadcast_to(_fill(2).flatten() / 255, made.shape))


def test_density_multiplies_the_optical_density_of_one_stain() -> None:
    pixels = _pixels(1, 4, 2).clamp(min=1)
    still = draw_views(STILL, 1, 2, 4, np.random.default_rng(0))
    made = make_views(pixels, Views(still.maps, np.array([[1.2, 1.0]], np.float32)), _fill(2))
    before, after = -torch.log(pixels / 255), -torch.log(made)
    torch.testing.assert_close(after[..., :3], 1.2 * before[..., :3])
    torch.testing.assert_close(after[..., 3:], before[..., 3:], atol=1e-5, rtol=1e-5)
