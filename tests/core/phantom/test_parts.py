"""Shapes against their formulas, px by px."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_histoclust.core.phantom.parts import draw_cone, draw_ellipse, empty_parts, snap

_SIDE = 48
_PLACE = st.floats(-20, 68)


def _literal_ellipse(y: float, x: float, long: float, short: float, angle: float, value: float) -> np.ndarray:
    picture = np.zeros((_SIDE, _SIDE), np.uint8)
    for i in range(_SIDE):
        for j in range(_SIDE):
            along = (j - x) * math.cos(angle) + (i - y) * math.sin(angle)
            across = (i - y) * math.cos(angle) - (j - x) * math.sin(angle)
            distance = math.sqrt((along / long) ** 2 + (across / short) ** 2)
            if distance < 1:
                picture[i, j] = int(255 * value * min(1.0, (1 - distance) * max(short / 1.4, 0.7)))
    return picture


@settings(max_examples=25, deadline=None)
@given(_PLACE, _PLACE, st.floats(2, 15), st.floats(0.2, 1), st.floats(0, 6.3), st.floats(0.1, 1))
def test_an_ellipse_is_what_its_formula_says(
    y: float, x: float, long: float, ratio: float, angle: float, value: float
) -> None:
    picture = np.zeros((_SIDE, _SIDE), np.uint8)
    draw_ellipse(picture, y, x, long, long * ratio, angle, value)
    difference = picture.astype(int) - _literal_ellipse(y, x, long, long * ratio, angle, value)
    assert np.abs(difference).max() <= 1


@given(st.permutations(range(6)))
def test_the_order_of_drawing_does_not_show(order: list[int]) -> None:
    shapes = [(7.5 * k, 40.0 - 6 * k, 9.0, 5.0, 0.7 * k, 0.5 + 0.08 * k) for k in range(6)]
    first, second = (np.zeros((_SIDE, _SIDE), np.uint8) for _ in range(2))
    parts, turned = empty_parts(_SIDE), empty_parts(_SIDE)
    for k in range(6):
        draw_ellipse(first, *shapes[k])
        draw_ellipse(second, *shapes[order[k]])
        draw_cone(parts, *shapes[k][:2], 20.0)
        draw_cone(turned, *shapes[order[k]][:2], 20.0)
    assert (first == second).all()
    assert (parts.body == turned.body).all()
    assert (parts.neighbour == turned.neighbour).all()


def test_cones_keep_the_two_strongest_cells_of_each_px() -> None:
    centres = [(10.0, 12.0), (30.0, 20.0), (22.0, 40.0), (25.0, 8.0)]
    parts = empty_parts(_SIDE)
    for y, x in centres:
        draw_cone(parts, y, x, 25.0)
    i, j = np.indices((_SIDE, _SIDE))
    heights = np.array([np.clip(1 - np.hypot(i - y, j - x) / 25, 0, 1) for y, x in centres])
    ranked = np.sort(np.floor(255 * heights), axis=0)
    assert np.abs(parts.body - ranked[-1]).max() <= 1
    assert np.abs(parts.neighbour - ranked[-2]).max() <= 1


def test_between_two_cells_lies_a_straight_border() -> None:
    parts = empty_parts(_SIDE)
    draw_cone(parts, 24.0, 10.0, 30.0)
    draw_cone(parts, 24.0, 38.0, 30.0)
    border = parts.body.astype(int) - parts.neighbour
    assert (border[10:38, 24] == 0).all()
    assert (border[10:38, 16] > 20).all()


@given(st.floats(-1e5, 1e5), st.integers(0, 100_000))
def test_snapped_places_do_not_depend_on_the_block_they_are_seen_from(place: float, corner: int) -> None:
    here = snap(place) - corner
    assert here + corner == snap(place)
    assert abs(snap(place) - place) <= 1 / 128


def test_an_empty_block_holds_nothing() -> None:
    parts = empty_parts(16)
    assert parts.gland.min() == 255
    assert not any(getattr(parts, name).any() for name in parts._fields if name != "gland")
    assert all(getattr(parts, name).shape == (16, 16) for name in parts._fields)


@pytest.mark.parametrize("place", [(-40.0, 10.0), (100.0, 100.0)])
def test_what_lies_outside_the_block_leaves_it_alone(place: tuple[float, float]) -> None:
    parts = empty_parts(_SIDE)
    draw_cone(parts, *place, 20.0)
    draw_ellipse(parts.nucleus, *place, 12.0, 6.0, 0.3, 1.0)
    assert not parts.body.any()
    assert not parts.nucleus.any()
