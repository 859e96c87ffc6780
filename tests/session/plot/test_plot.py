"""Drawing and searching without a window."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_histoclust.session.colouring import Colouring
from napari_histoclust.session.plot.camera import Camera, fitted
from napari_histoclust.session.plot.plot import LARGEST_PX, SMALLEST_PX, Plot, disc
from napari_histoclust.session.plot.points import make_points
from napari_histoclust.session.plot.raster import SELECTED

COLOURS = np.array([[0, 0, 0, 0], [1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 1]], np.float32)


def some_places(n: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, 3, (n, 2)).astype(np.float32)


def plot_of(places: NDArray[np.floating], codes: NDArray[np.integer], table: NDArray = COLOURS) -> Plot:
    plot = Plot(make_points(places))
    plot.colour(Colouring(codes.astype(np.uint16), table))
    return plot


@pytest.mark.parametrize("n", [0, 1, 2, 300, 20_000])
def test_points_are_all_there_once(n: int) -> None:
    places = some_places(n)
    points = make_points(places)
    np.testing.assert_array_equal(np.sort(points.order), np.arange(n))
    np.testing.assert_array_equal(np.stack([points.x, points.y], 1), places[points.order])
    assert points.starts[-1] == n


def test_patches_without_a_place_are_left_out() -> None:
    places = some_places(50)
    places[[3, 7], [0, 1]] = np.nan
    assert set(range(50)) - set(make_points(places).order.tolist()) == {3, 7}


def test_points_at_one_place_are_one_cell() -> None:
    plot = plot_of(np.zeros((10, 2)), np.ones(10))
    camera = fitted(plot.points.bounds, 100, 100)
    assert plot.patch_at(50, 50, camera, 5) is not None


@pytest.mark.parametrize("seed", range(10))
def test_spans_hold_all_points_of_a_rectangle(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = make_points(some_places(5000, seed))
    (x0, x1), (y0, y1) = np.sort(rng.uniform(-9, 9, (2, 2)), axis=1)
    inside = (points.x >= x0) & (points.x <= x1) & (points.y >= y0) & (points.y <= y1)
    held = np.zeros(len(points), int)
    for start, end in points.spans(x0, y0, x1, y1):
        held[start:end] += 1
    assert held.max(initial=0) <= 1
    assert held[inside].all()


def test_slides_lie_side_by_side_not_one_over_the_other() -> None:
    """Of two slides on the very same places each is seen about as often as the other."""
    places = np.tile(some_places(20_000), (2, 1))
    plot = plot_of(places, np.repeat([1, 2], 20_000))
    seen = plot.draw_codes(fitted(plot.points.bounds, 60, 60))
    first, second = (np.count_nonzero(seen == code) for code in (1, 2))
    assert 0.6 < first / second < 1.7


@pytest.mark.parametrize("chosen", [0, 5, 2000])
@pytest.mark.parametrize("scale", [8, 40, 400])
def test_the_picture_is_that_of_a_literal_loop(scale: float, chosen: int) -> None:
    """What the spans leave out could not be seen; those selected lie on top."""
    places, codes = some_places(3000), np.random.default_rng(1).integers(1, 4, 3000)
    plot = plot_of(places, codes)
    mask = np.random.default_rng(2).permutation(3000) < chosen
    plot.choose(mask)
    camera = Camera(1.5, -2.0, scale, 120, 90)
    picture = np.zeros((110, 140), np.uint16)
    for selected, radius in zip((False, True), plot.radii(camera), strict=True):
        for patch in plot.points.order[mask[plot.points.order] == selected]:
            column, row = (int(np.floor(v)) for v in camera.to_canvas(*places[patch]))
            for r, q in disc(radius) + np.array([row + 10, column + 10]):
                if 0 <= r < 110 and 0 <= q < 140:
                    picture[r, q] = codes[patch] + selected * SELECTED
    drawn = plot.draw_codes(camera)
    assert (drawn != picture[10:-10, 10:-10]).mean() < 0.001  # float32 may round to the next px
    assert drawn.any()


def test_hidden_clusters_are_neither_drawn_nor_found() -> None:
    places, codes = some_places(400), np.arange(400) % 3 + 1
    table = COLOURS.copy()
    table[2, 3] = 0
    plot = plot_of(places, codes, table)
    camera = fitted(plot.points.bounds, 200, 200)
    everywhere = np.array([[0, 0], [200, 0], [200, 200], [0, 200]], float)
    np.testing.assert_array_equal(plot.inside(everywhere, camera), codes != 2)
    assert 2 not in plot.draw_codes(camera)
    for patch in range(1, 400, 3):
        found = plot.patch_at(*camera.to_canvas(*places[patch]), camera, 6)
        assert found is None or codes[found] != 2


def test_unselected_points_are_dimmed_and_selected_ones_on_top() -> None:
    places = np.zeros((3, 2))
    plot = plot_of(places, np.array([1, 2, 3]))
    camera = fitted((-1, -1, 1, 1), 50, 50)
    for patch, pure in enumerate([0xFFFF0000, 0xFF00FF00, 0xFF0000FF]):
        plot.choose(np.arange(3) == patch)
        assert plot.draw(camera)[25, 25] == pure
    apart = plot_of(np.array([[-0.5, 0], [0.5, 0]]), np.array([1, 1]))
    apart.choose(np.array([True, False]))
    pixels = apart.draw(fitted((-1, -1, 1, 1), 50, 50))
    chosen, other = pixels[25, 14], pixels[25, 36]
    assert chosen == 0xFFFF0000
    assert 0 < other >> 24 < 100
    assert (other >> 16) & 0xFF == other >> 24  # red, multiplied by its opacity
    apart.choose(np.zeros(2, bool))
    assert set(apart.draw(fitted((-1, -1, 1, 1), 50, 50)).ravel().tolist()) == {0, 0xFFFF0000}


def test_points_grow_as_they_become_fewer() -> None:
    plot = plot_of(some_places(20_000), np.ones(20_000))
    camera = fitted(plot.points.bounds, 300, 300)
    radii = [plot.radii(camera.zoomed(factor, 150, 150))[0] for factor in (1, 4, 10, 100, 1000)]
    assert radii == sorted(radii)
    assert radii[0] < radii[2]
    assert radii[-1] == LARGEST_PX
    assert all(SMALLEST_PX <= radius <= LARGEST_PX for radius in radii)


def test_points_take_the_same_share_of_a_screen_with_finer_px() -> None:
    plot = plot_of(some_places(2000), np.ones(2000))
    camera = fitted(plot.points.bounds, 300, 300)
    coarse, fine = plot.radii(camera.in_device_px(1))[0], plot.radii(camera.in_device_px(2))[0]
    assert fine == pytest.approx(2 * coarse)


def test_few_selected_points_are_bolder_many_are_not() -> None:
    plot = plot_of(some_places(50_000), np.ones(50_000))
    camera = fitted(plot.points.bounds, 200, 200)
    plot.choose(np.arange(50_000) < 5)
    plain, chosen = plot.radii(camera)
    assert chosen > plain
    plot.choose(np.ones(50_000, bool))
    assert plot.radii(camera) == (plain, plain)


def test_the_number_of_visible_points_of_a_large_run_is_nearly_right() -> None:
    places = some_places(1_000_000)
    points = make_points(places)
    plot = Plot(points)
    camera = Camera(0, 0, 50, 400, 200)
    exact = np.count_nonzero((np.abs(places[:, 0]) <= 4) & (np.abs(places[:, 1]) <= 2))
    assert plot.count_visible(camera) == pytest.approx(exact, rel=0.03)


def test_a_lasso_finds_what_is_inside_it() -> None:
    places, codes = some_places(5000), np.ones(5000)
    plot = plot_of(places, codes)
    camera = fitted(plot.points.bounds, 400, 300)
    corners = np.array([[150.0, 100], [250, 100], [250, 200], [150, 200]])
    found = plot.inside(corners, camera)
    px = np.array([camera.to_canvas(x, y) for x, y in places])
    well_inside = (np.abs(px - [200, 150]) < 49).all(1)
    well_outside = (np.abs(px - [200, 150]) > 51).any(1)
    assert found[well_inside].all()
    assert not found[well_outside].any()
    assert well_inside.any()


def test_a_click_finds_the_nearest_point_within_reach() -> None:
    plot = plot_of(np.array([[0.0, 0], [1, 0], [0, 1]]), np.ones(3))
    camera = Camera(0.5, 0.5, 100, 200, 200)
    assert plot.patch_at(*camera.to_canvas(1.03, 0.02), camera, 6) == 1
    assert plot.patch_at(*camera.to_canvas(1.07, 0.0), camera, 6) is None


def test_middles_are_medians() -> None:
    places = some_places(999)
    labels = np.random.default_rng(2).integers(1, 4, 999)
    middles = plot_of(places, labels).middles(labels)
    assert set(middles) == {1, 2, 3}
    for label, middle in middles.items():
        np.testing.assert_allclose(middle, np.median(places[labels == label], axis=0), rtol=1e-6)


def test_where_a_patch_is() -> None:
    places = some_places(20)
    places[4] = np.nan
    plot = plot_of(places, np.ones(20))
    assert plot.place_of(7) == pytest.approx(tuple(places[7]))
    assert plot.place_of(4) is None


def test_a_code_may_use_all_bits_but_the_mark() -> None:
    table = np.zeros((SELECTED, 4), np.float32)
    table[SELECTED - 1] = (1, 1, 1, 1)
    plot = plot_of(np.zeros((1, 2)), np.array([SELECTED - 1]), table)
    plot.choose(np.array([True]))
    assert plot.draw(fitted((-1, -1, 1, 1), 20, 20))[10, 10] == 0xFFFFFFFF
