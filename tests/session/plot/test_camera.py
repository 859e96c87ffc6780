from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from napari_histoclust.session.plot.camera import Camera, fitted

CAMERAS = st.builds(
    Camera,
    x=st.floats(-20, 20),
    y=st.floats(-20, 20),
    scale=st.floats(0.5, 500),
    width=st.integers(50, 900),
    height=st.integers(50, 900),
)
PX = st.floats(-100, 1000)


@given(CAMERAS, PX, PX)
def test_canvas_to_plane_and_back(camera: Camera, column: float, row: float) -> None:
    assert camera.to_canvas(*camera.to_plane(column, row)) == pytest.approx((column, row), abs=1e-6)


@given(CAMERAS, PX, PX, st.floats(0.5, 4))
def test_the_point_under_the_mouse_stays_when_zooming(
    camera: Camera, column: float, row: float, factor: float
) -> None:
    place = camera.to_plane(column, row)
    closer = camera.zoomed(factor, column, row)
    assert closer.to_canvas(*place) == pytest.approx((column, row), abs=1e-6)
    assert closer.scale == pytest.approx(camera.scale * factor)


@given(CAMERAS, PX, PX, st.floats(-300, 300), st.floats(-300, 300))
def test_a_drag_takes_the_points_along(
    camera: Camera, column: float, row: float, columns: float, rows: float
) -> None:
    place = camera.to_plane(column, row)
    there = camera.moved(columns, rows).to_canvas(*place)
    assert there == pytest.approx((column + columns, row + rows), abs=1e-6)


def test_up_in_the_plane_is_up_on_the_canvas() -> None:
    camera = fitted((0, 0, 1, 1), 100, 100)
    assert camera.to_canvas(0, 1)[1] < camera.to_canvas(0, 0)[1]


@pytest.mark.parametrize("bounds", [(0, 0, 10, 2), (-3, 1, -2, 50), (4, 4, 4, 4)])
def test_all_fits(bounds: tuple[float, float, float, float]) -> None:
    camera = fitted(bounds, 300, 200)
    for x, y in (bounds[:2], bounds[2:]):
        column, row = camera.to_canvas(x, y)
        assert 0 <= column <= 300
        assert 0 <= row <= 200


def test_a_finer_screen_shows_the_same() -> None:
    camera = Camera(1, 2, 30, 101, 77)
    fine = camera.in_device_px(1.5)
    assert (fine.width, fine.height) == (152, 116)
    assert fine.to_plane(0, 0) == pytest.approx(camera.to_plane(0, 0), abs=0.02)
