"""The compiled loops beside literal ones."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from matplotlib.path import Path
from numpy.typing import NDArray

from napari_histoclust.session.plot import raster
from napari_histoclust.session.plot.plot import disc
from napari_histoclust.session.plot.raster import SELECTED

HEIGHT, WIDTH = 11, 14
PLACES = st.floats(-6, 6, width=32)
VALUES = st.sampled_from([0, 1, 2, 300, SELECTED | 1, SELECTED | 7])
RADII = st.sampled_from([1, 1.25, 1.5, 2, 3.25, 5])
VIEW = (np.float32(0.25), np.float32(-0.5), np.float32(2.5))


Points = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint16]]


@st.composite
def some_points(draw: st.DrawFn) -> Points:
    n = draw(st.integers(0, 40))
    x, y = (draw(arrays(np.float32, n, elements=PLACES)) for _ in range(2))
    return x, y, np.array(draw(st.lists(VALUES, min_size=n, max_size=n)), np.uint16)


def spans_of(n: int) -> NDArray[np.int64]:
    """All points, in two pieces."""
    return np.array([[0, n // 2], [n // 2, n]], np.int64)


def px_of(x: np.float32, y: np.float32) -> tuple[int, int]:
    x0, y0, scale = VIEW
    column = (x - x0) * scale + np.float32(WIDTH / 2)
    row = (y0 - y) * scale + np.float32(HEIGHT / 2)
    return math.floor(row), math.floor(column)


def literal_picture(
    x: NDArray[np.float32], y: NDArray[np.float32], values: NDArray[np.uint16], plain: float, chosen: float
) -> NDArray[np.uint16]:
    """First those that are not selected, then those that are; each a round spot, later ones over earlier."""
    picture = np.zeros((HEIGHT, WIDTH), np.uint16)
    for selected in (False, True):
        radius = chosen if selected else plain
        for i in range(len(x)):
            if values[i] == 0 or (values[i] >= SELECTED) != selected:
                continue
            row, column = px_of(x[i], y[i])
            for r in range(HEIGHT):
                for q in range(WIDTH):
                    if (r, q) == (row, column) or math.hypot(r - row, q - column) < radius:
                        picture[r, q] = values[i]
    return picture


@given(some_points())
@settings(deadline=None)
def test_points_of_one_px(
    points: Points,
) -> None:
    drawn = np.zeros((HEIGHT, WIDTH), np.uint16)
    raster.draw_px(*points, spans_of(len(points[0])), *VIEW, drawn)
    np.testing.assert_array_equal(drawn, literal_picture(*points, 1, 1))


@given(some_points(), RADII, st.sampled_from([0, 1, 2]))
@settings(deadline=None, max_examples=50)
def test_larger_points_also_where_they_stick_out_of_the_canvas(
    points: Points, plain: float, bolder: float
) -> None:
    chosen = plain + bolder
    drawn = np.zeros((HEIGHT, WIDTH), np.uint16)
    for lowest, radius in ((1, plain), (SELECTED, chosen)):
        raster.draw_discs(*points, spans_of(len(points[0])), *VIEW, lowest, disc(radius), drawn)
    np.testing.assert_array_equal(drawn, literal_picture(*points, plain, chosen))


@given(st.integers(1, 40).flatmap(lambda n: st.tuples(st.permutations(range(n)), st.just(n))), st.data())
@settings(deadline=None)
def test_values_say_what_is_hidden_and_what_is_selected(
    order_and_n: tuple[list[int], int], data: st.DataObject
) -> None:
    order, n = np.array(order_and_n[0], np.int32), order_and_n[1]
    codes = data.draw(arrays(np.uint16, n, elements=st.integers(1, 3)))
    chosen = data.draw(arrays(bool, n))
    shown = np.array([False, *data.draw(arrays(bool, 3))])
    values = np.full(n, 9, np.uint16)
    raster.mark(codes, shown, np.packbits(chosen), order, values)
    for i in range(n):
        expected = (codes[i] | (SELECTED if chosen[order[i]] else 0)) if shown[codes[i]] else 0
        assert values[i] == expected


def test_px_get_the_colour_of_their_code() -> None:
    picture = np.array([[0, 1, 2], [SELECTED | 1, SELECTED | 2, 0]], np.uint16)
    table = np.array([[0, 10, 20], [0, 11, 21]], np.uint32)
    pixels = np.empty((2, 3), np.uint32)
    raster.colour_px(picture, table, pixels)
    assert pixels.tolist() == [[0, 10, 20], [11, 21, 0]]


@pytest.mark.parametrize("seed", range(20))
def test_a_lasso_holds_the_px_whose_centres_matplotlib_finds_inside(seed: int) -> None:
    """Loops that do not cross themselves, partly outside of the canvas."""
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, 40))
    radius = rng.uniform(5, 45, 40)
    corners = np.stack([30 + radius * np.cos(angle), 20 + radius * np.sin(angle)], axis=1)
    if seed % 2:
        corners = corners[::-1].copy()
    mask = np.zeros((50, 60), bool)
    raster.fill_polygon(corners, mask)
    row, column = np.indices(mask.shape)
    centres = np.stack([column.ravel() + 0.5, row.ravel() + 0.5], axis=1)
    np.testing.assert_array_equal(mask.ravel(), Path(corners).contains_points(centres))
    assert mask.any()


@given(arrays(np.int64, (6, 2), elements=st.integers(-4, 18)))
@settings(deadline=None)
def test_a_lasso_that_crosses_itself_holds_all_that_it_winds_about(grid: NDArray[np.int64]) -> None:
    corners = grid + np.array([0.23, 0.31])  # off the centres of px
    mask = np.zeros((HEIGHT, WIDTH), bool)
    raster.fill_polygon(corners, mask)
    for r in range(HEIGHT):
        for q in range(WIDTH):
            angle = turned_about(corners - [q + 0.5, r + 0.5])
            if not math.isnan(angle):
                assert mask[r, q] == (round(angle / (2 * np.pi)) != 0)


def turned_about(corners: NDArray[np.float64]) -> float:
    """Angle that somebody in the origin turns by when following a polygon; nan on its edge."""
    angles = np.arctan2(corners[:, 1], corners[:, 0])
    steps = (np.roll(angles, -1) - angles + np.pi) % (2 * np.pi) - np.pi
    return math.nan if (np.abs(np.abs(steps) - np.pi) < 1e-9).any() else float(steps.sum())


@given(some_points(), arrays(bool, (HEIGHT, WIDTH)))
@settings(deadline=None)
def test_points_inside_are_those_drawn_on_the_mask(points: Points, mask: NDArray[np.bool_]) -> None:
    x, y, values = points
    order = np.random.default_rng(0).permutation(len(x)).astype(np.int32)
    found = np.zeros(len(x), bool)
    raster.points_inside(x, y, values, spans_of(len(x)), order, *VIEW, mask, found)
    for i in range(len(x)):
        row, column = px_of(x[i], y[i])
        on_canvas = 0 <= row < HEIGHT and 0 <= column < WIDTH
        assert found[order[i]] == (values[i] > 0 and on_canvas and mask[row, column])


@given(some_points(), PLACES, PLACES, st.floats(0.125, 3, width=32))
@settings(deadline=None)
def test_the_nearest_point_is_one_that_is_shown(
    points: Points,
    x0: float,
    y0: float,
    reach: float,
) -> None:
    x, y, values = points
    found = raster.nearest(x, y, values, spans_of(len(x)), np.float32(x0), np.float32(y0), np.float32(reach))
    distance = (x - np.float32(x0)) ** 2 + (y - np.float32(y0)) ** 2
    near = (values > 0) & (distance <= np.float32(reach) ** 2)
    assert (found >= 0) == near.any()
    if found >= 0:
        best = np.flatnonzero(near & (distance == distance[near].min()))
        on_top = values[best] >= SELECTED
        assert found == (best[on_top][-1] if on_top.any() else best[-1])


@given(some_points())
@settings(deadline=None)
def test_visible_points_are_counted(
    points: Points,
) -> None:
    x, y, _ = points
    x0, y0, scale = VIEW
    seen = (abs(x - x0) <= WIDTH / 2 / scale) & (abs(y - y0) <= HEIGHT / 2 / scale)
    assert raster.count_visible(x, y, spans_of(len(x)), 1, *VIEW, WIDTH, HEIGHT) == seen.sum()


def test_cells_keep_the_order_inside_them() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.uniform(0, 4, (2, 500)).astype(np.float32)
    shuffled = rng.permutation(500)[:300].astype(np.int32)
    one = np.float32(1)
    order, starts = raster.sort_into_cells(x, y, shuffled, 0 * one, 0 * one, one, one, 4, 4)
    cell = np.minimum(y.astype(int), 3) * 4 + np.minimum(x.astype(int), 3)
    for c in range(16):
        np.testing.assert_array_equal(order[starts[c] : starts[c + 1]], shuffled[cell[shuffled] == c])
    assert starts[-1] == 300
