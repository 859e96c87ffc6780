"""Downsamples from rounded sizes, channels from names, overviews by averaging."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.slides.written import noise, write_pyramid
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.slides import overview
from napari_histoclust.core.slides.channels import channel_warnings, group_channels
from napari_histoclust.core.slides.levels import common_levels, downsample
from napari_histoclust.core.slides.overview import block_mean, overview_level, read_overview
from napari_histoclust.core.slides.stack import open_stack


@given(
    height=st.integers(600, 200_000),
    width=st.integers(600, 200_000),
    halvings=st.integers(0, 6),
    up=st.booleans(),
)
def test_rounded_halves_are_whole_downsamples(height: int, width: int, halvings: int, up: bool) -> None:
    small = height, width
    for _ in range(halvings):
        small = ((small[0] + up) // 2, (small[1] + up) // 2)
    assert downsample((height, width), small) == 2**halvings


def test_five_rounded_halvings_are_32_though_the_ratio_is_more() -> None:
    assert downsample((2325, 2325), (72, 72)) == 32
    assert downsample((2325, 600), (73, 18)) == 32  # rounded up one way, down the other: 600 / 18 = 33.3


def test_odd_factors_and_broken_ones() -> None:
    assert downsample((9000, 6000), (3000, 2000)) == 3
    assert downsample((1000, 1000), (667, 667)) == pytest.approx(1.5, rel=0.01)


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (["HE_R", "HE_G", "HE_B"], [("HE", (0, 1, 2))]),
        (["HE", "HE", "HE", "MT", "MT", "MT"], [("HE", (0, 1, 2)), ("MT", (3, 4, 5))]),
        (["red", "green", "blue"], [("", (0, 1, 2))]),
        (["R", "G", "B", "A"], [("", (0, 1, 2))]),
        ([], [("channel 1", (0,)), ("channel 2", (1,)), ("channel 3", (2,))]),
        (["DAPI", "", "CD3"], [("DAPI", (0,)), ("channel 2", (1,)), ("CD3", (2,))]),
        (["IgG", "IgA", "C3"], [("IgG", (0,)), ("IgA", (1,)), ("C3", (2,))]),
        (["405", "488", "561"], [("405", (0,)), ("488", (1,)), ("561", (2,))]),
        (["DAPI", "CD31", "CK19"], [("DAPI", (0,)), ("CD31", (1,)), ("CK19", (2,))]),
    ],
)
def test_channels_by_name(names: list[str], groups: list[tuple[str, tuple[int, ...]]]) -> None:
    assert group_channels(len(names) or 3, names, grey=True) == groups


def test_channels_without_names_are_numbered_and_that_is_said() -> None:
    groups = group_channels(4, ["DAPI", "", "", "CD3"], grey=True)
    (said,) = channel_warnings("x.tif", groups, 4)
    assert "2 of its 4 channels have no name" in said
    assert "channel 2, channel 3" in said
    assert not channel_warnings("x.tif", group_channels(2, ["DAPI", "CD3"], grey=True), 2)
    assert "alpha" in channel_warnings("x.tif", group_channels(4, list("RGBA"), grey=True), 4)[0]


@pytest.mark.parametrize("factor", [1, 2, 3, 7])
def test_block_mean_is_the_mean_of_each_square(factor: int) -> None:
    picture = noise(21, 28)
    small = block_mean(picture, factor)
    for i in range(21 // factor):
        for j in range(28 // factor):
            square = picture[i * factor : (i + 1) * factor, j * factor : (j + 1) * factor].astype(float)
            assert np.abs(square.mean((0, 1)) - small[i, j]).max() <= 0.5 + 1e-9


def test_overview_takes_the_nearest_finer_level_in_strips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels = write_pyramid(tmp_path / "HE.tif", noise(300, 200))
    stack = open_stack(tmp_path)
    assert overview_level(stack, 1.0) == (0, 1)
    assert overview_level(stack, 6.0) == (2, 1)
    assert overview_level(stack, 12.0) == (2, 3)
    monkeypatch.setattr(overview, "STRIP_BYTES", 3 * 100 * 20)
    picture = drive(read_overview(stack, "HE", 1, 4))
    np.testing.assert_array_equal(picture, block_mean(levels[1], 4))


def test_a_level_is_shared_where_both_sides_agree_to_two_px() -> None:
    shapes = {"HE": ((100, 80), (50, 40), (25, 20)), "CD31": ((100, 80), (50, 43), (27, 18))}
    slides: Any = {stain: SimpleNamespace(shapes=found) for stain, found in shapes.items()}
    shared = common_levels(slides, ("HE", "CD31"), "HE")
    assert shared.shapes == ((100, 80), (25, 20))
    assert shared.own == {"HE": (0, 2), "CD31": (0, 2)}
