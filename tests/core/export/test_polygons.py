"""Outlines of label pictures, against boxes dissolved one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray
from scipy import ndimage

from napari_histoclust.core.export.polygons import cluster_polygons

pictures = npst.arrays(
    np.uint8,
    npst.array_shapes(min_dims=2, max_dims=2, max_side=9),
    elements=st.integers(0, 3),
)


def _dissolved(picture: NDArray[Any], label: int) -> shapely.Geometry:
    row, col = np.nonzero(picture == label)
    return shapely.union_all(shapely.box(col, row, col + 1, row + 1))


def _regions(picture: NDArray[Any], label: int) -> int:
    return int(ndimage.label(picture == label)[1])


def _check(picture: NDArray[Any]) -> None:
    ids, outlines = cluster_polygons(picture)
    assert ids.tolist() == [label for label in np.unique(picture) if label > 0]
    for label, outline in zip(ids, outlines, strict=True):
        assert shapely.is_valid(outline), shapely.is_valid_reason(outline)
        assert shapely.area(outline) == (picture == label).sum()
        assert shapely.equals(outline, _dissolved(picture, label))
        assert shapely.get_num_geometries(outline) == _regions(picture, label)
        assert outline.geom_type == ("Polygon" if _regions(picture, label) == 1 else "MultiPolygon")


@settings(max_examples=300, deadline=None)
@given(pictures)
def test_as_boxes_dissolved(picture: NDArray[np.uint8]) -> None:
    _check(picture)


@pytest.mark.parametrize("seed", range(3))
def test_salt_and_pepper_with_many_holes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    _check((rng.random((40, 50)) < 0.8).astype(np.uint8) * rng.choice([1, 1, 1, 2], (40, 50)))


def test_every_place_lies_in_its_own_cluster() -> None:
    picture = np.random.default_rng(0).integers(0, 5, (30, 20)).astype(np.uint16)
    ids, outlines = cluster_polygons(picture)
    row, col = np.indices(picture.shape)
    seen = np.zeros_like(picture)
    for label, outline in zip(ids, outlines, strict=True):
        seen[shapely.contains_xy(outline, col + 0.5, row + 0.5)] = label
    np.testing.assert_array_equal(seen, picture)


def test_hole_that_touches_the_outside_by_a_corner() -> None:
    picture = np.array([[1, 1, 0], [1, 0, 1], [1, 1, 1]])
    _, (outline,) = cluster_polygons(picture)
    assert shapely.is_valid(outline)
    assert len(outline.interiors) == 1
    assert shapely.area(outline.interiors[0].envelope) == 1


def test_two_holes_that_touch_by_a_corner() -> None:
    picture = np.ones((4, 4), int)
    picture[1, 1] = picture[2, 2] = 0
    _, (outline,) = cluster_polygons(picture)
    assert shapely.is_valid(outline)
    assert len(outline.interiors) == 2


def test_region_inside_a_hole_of_its_own_cluster() -> None:
    picture = np.ones((5, 5), int)
    picture[1:4, 1:4] = 0
    picture[2, 2] = 1
    _, (outline,) = cluster_polygons(picture)
    assert sorted(len(part.interiors) for part in outline.geoms) == [0, 1]
    assert shapely.area(outline) == 17


def test_corners_of_other_clusters_leave_no_vertex() -> None:
    _, outlines = cluster_polygons(np.array([[1, 1, 1], [2, 3, 2]]))
    assert len(outlines[0].exterior.coords) == 5


@settings(max_examples=200, deadline=None)
@given(pictures, st.sampled_from([0.5, 1.5, 5.0]))
def test_outlines_with_junctions_fit_together_and_can_be_simplified(
    picture: NDArray[np.uint8], tolerance: float
) -> None:
    """The same outlines with more vertices; neighbours have all vertices of their border in common."""
    plain, outlines = cluster_polygons(picture)[1], cluster_polygons(picture, keep_junctions=True)[1]
    assert shapely.equals(plain, outlines).all()
    assert shapely.coverage_is_valid(outlines)
    simple = shapely.coverage_simplify(outlines, tolerance)
    assert shapely.is_valid(simple).all()
    assert shapely.coverage_is_valid(simple)


def test_outlines_run_counter_clockwise_and_holes_clockwise() -> None:
    picture = np.random.default_rng(1).choice([0, 1, 1, 1], (20, 20))
    _, (outline,) = cluster_polygons(picture)
    parts = outline.geoms if outline.geom_type == "MultiPolygon" else [outline]
    assert all(part.exterior.is_ccw for part in parts)
    assert not any(hole.is_ccw for part in parts for hole in part.interiors)
    assert any(len(part.interiors) for part in parts)


def test_empty_picture() -> None:
    ids, outlines = cluster_polygons(np.zeros((3, 4), np.uint8))
    assert len(ids) == len(outlines) == 0
