"""Places of patches in the world, against the picture that napari draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as Outline

from core.runs import make_run
from napari_histoclust.core.run.run import Run
from napari_histoclust.viewer.layers import clusters_layer
from napari_histoclust.viewer.places import patch_at, patches_inside, world_of_patch


@pytest.fixture(scope="module", params=[(0.5, 32, None, 1.0), (None, 32, 16, 1.0), (0.25, 20, 20, 4.0)])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    um_per_px, patch_px, stride_px, downsample = request.param
    return make_run(
        tmp_path_factory.mktemp("places") / "run",
        slides=2,
        um_per_px=um_per_px,
        patch_px=patch_px,
        stride_px=stride_px,
        downsample=downsample,
    )


@pytest.mark.parametrize("slide", [0, 1])
def test_every_patch_is_found_at_its_own_centre(run: Run, slide: int) -> None:
    for patch in range(run.rows(slide).start, run.rows(slide).stop):
        assert patch_at(run, slide, world_of_patch(run, patch)) == patch


@settings(max_examples=60, deadline=None)
@given(y=st.floats(-0.6, 1.1), x=st.floats(-0.6, 1.1))
def test_a_click_finds_the_patch_whose_px_napari_draws_there(run: Run, y: float, x: float) -> None:
    picture, options, _ = clusters_layer(run, 1)
    scale, translate = np.array(options["scale"]), np.array(options["translate"])
    world = translate + np.array([y, x]) * picture.shape * scale
    place = np.round((world - translate) / scale).astype(int)  # napari's px are centred on whole numbers
    inside = (place >= 0).all() and (place < picture.shape).all()
    found = patch_at(run, 1, (float(world[0]), float(world[1])))
    on_edge = (
        np.abs((world - translate) / scale + 0.5 - np.round((world - translate) / scale + 0.5)).min() < 1e-6
    )
    if on_edge:
        return
    expected = run.grids[1].ids[tuple(place)] if inside else -1
    assert (found is None) == (expected < 0)
    if found is not None:
        assert found == run.rows(1).start + expected


@pytest.mark.parametrize("slide", [0, 1])
def test_an_outline_holds_the_patches_whose_centres_are_inside(run: Run, slide: int) -> None:
    centres = np.array([world_of_patch(run, p) for p in range(run.rows(slide).start, run.rows(slide).stop)])
    low, high = centres.min(0), centres.max(0)
    angle = np.linspace(0, 2 * np.pi, 31)[:-1]
    radius = np.where(np.arange(30) % 2, 0.37, 0.23)[:, None] * (high - low)
    star = (low + high) / 2 + radius * np.stack([np.sin(angle), np.cos(angle)], axis=1) + 0.0137
    expected = np.flatnonzero(Outline(star).contains_points(centres)) + run.rows(slide).start
    assert len(expected) > 5
    np.testing.assert_array_equal(np.sort(patches_inside(run, slide, star)), expected)


def test_a_loop_drawn_twice_round_holds_what_it_holds_once_as_on_the_plot(run: Run) -> None:
    centres = np.array([world_of_patch(run, p) for p in range(run.rows(0).stop)])
    low, high = centres.min(0), centres.max(0)
    corners = np.array([[0.21, 0.2], [0.21, 0.8], [0.77, 0.8], [0.77, 0.2]]) * (high - low) + low
    once = patches_inside(run, 0, corners)
    assert len(once) > 5
    np.testing.assert_array_equal(patches_inside(run, 0, np.concatenate([corners, corners])), once)
