"""The plan of tissues: fields, their interpolation, and the classes they decide."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import RegularGridInterpolator

from napari_histoclust.core.phantom import layout
from napari_histoclust.core.phantom.classes import draw_classes
from napari_histoclust.core.phantom.glands import draw_glands
from napari_histoclust.core.phantom.layout import (
    CLASSES,
    DECIDING,
    FIELDS,
    NODE_PX,
    Plan,
    block_fields,
    class_of,
    interpolate,
    make_plan,
    vessel_at,
)
from napari_histoclust.core.phantom.parts import empty_parts


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(seed=2, section=0, size_px=4096, um_per_px=0.5)


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 255), st.floats(0, 255))
def test_interpolation_is_bilinear(y: float, x: float) -> None:
    plan = make_plan(2, 0, 4096, 0.5)
    fields = block_fields(plan, 1024, 1024, 256)
    nodes = (np.arange(fields.shape[0]) - plan.margin) * NODE_PX
    expected = RegularGridInterpolator((nodes, nodes), fields.astype(float))((y, x)).ravel()
    out = np.zeros(FIELDS, np.float32)
    interpolate(fields, plan.margin, y, x, 0, FIELDS, out)
    assert out == pytest.approx(expected, rel=1e-3, abs=2e-3)


def test_fields_of_two_blocks_agree_where_they_overlap(plan: Plan) -> None:
    left, right = block_fields(plan, 512, 512, 256), block_fields(plan, 512, 768, 256)
    shared = left.shape[1] - 16
    assert (left[:, 16:] == right[:, :shared]).all()


def _values(**fields: float) -> np.ndarray:
    values = np.full(FIELDS, -1.0, np.float32)
    values[layout.OUTLINE] = 1.0
    for name, value in fields.items():
        values[getattr(layout, name)] = value
    return values


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"OUTLINE": -0.1, "F_TUMOUR": 1, "F_VESSEL": 1}, "background"),
        ({}, "parenchyma"),
        ({"F_TUMOUR": 1, "F_VESSEL": 1}, "vessel"),
        ({"F_TUMOUR": 1, "F_NECROSIS": 1, "F_STROMA": 1}, "necrosis"),
        ({"F_NECROSIS": 1}, "parenchyma"),
        ({"F_TUMOUR": 1, "F_LYMPHOID": 1}, "tumour"),
        ({"F_LYMPHOID": 1, "F_STROMA": 1}, "lymphoid follicle"),
        ({"F_STROMA": 1, "F_GLAND": 1}, "stroma"),
        ({"F_GLAND": 1, "F_MUSCLE": 1}, "gland"),
        ({"F_MUSCLE": 1, "F_FAT": 1}, "muscle"),
        ({"F_FAT": 1}, "fat"),
    ],
)
def test_rarer_tissues_lie_on_top(fields: dict[str, float], expected: str) -> None:
    assert CLASSES[class_of(_values(**fields))] == expected


def test_classes_drawn_by_lattice_cells_are_those_decided_px_by_px(plan: Plan) -> None:
    y0, x0, side = 1024, 1536, 256
    fields, parts = block_fields(plan, y0, x0, side), empty_parts(side)
    draw_glands(plan, fields, y0, x0, parts)
    draw_classes(plan, fields, y0, x0, parts)
    literal = np.zeros((side, side), np.uint8)
    values = np.zeros(DECIDING, np.float32)
    for y in range(side):
        for x in range(side):
            interpolate(fields, plan.margin, y, x, 0, DECIDING, values)
            if values[layout.F_VESSEL] > -2 * NODE_PX:
                values[layout.F_VESSEL] = vessel_at(plan, y0 + y, x0 + x)[0]
            literal[y, x] = class_of(values)
    literal[(parts.gland < 200) & (literal > 0)] = layout.GLAND
    # A cell whose corners agree is taken whole, though a thin tongue may end inside it.
    assert (literal != parts.tissue).mean() < 0.002


def test_the_plan_scales_with_the_slide() -> None:
    """The same seed at four times the side: the same tissues at the same relative places, nearly."""
    pictures = []
    for size, step in ((4096, 1), (16384, 4)):
        plan = make_plan(2, 0, size, 0.5)
        fields = block_fields(plan, 0, 0, size)[plan.margin : -plan.margin - 1 : step]
        inner = fields[:, plan.margin : -plan.margin - 1 : step]
        pictures.append([[class_of(values) for values in row] for row in inner])
    same = np.array(pictures[0]) == np.array(pictures[1])
    assert same.mean() > 0.9


def test_plans_of_sections_share_tissue_and_differ_in_place() -> None:
    plans = [make_plan(5, section, 4096, 0.5) for section in range(3)]
    assert len({plan.seed for plan in plans}) == 1
    assert len({plan.section_seed for plan in plans}) == 3
    assert not plans[0].shift.any()
    assert all(plan.shift.any() for plan in plans[1:])
    assert all((plan.blobs == plans[0].blobs).all() for plan in plans)
