"""Colours follow the law of absorption and the stains' tables."""

from __future__ import annotations

import numpy as np
import pytest

from napari_histoclust.core.phantom import STAINS, stains
from napari_histoclust.core.phantom.layout import FIELDS, NODE_PX, Plan, make_plan
from napari_histoclust.core.phantom.paint import Look, absorption_table, paint
from napari_histoclust.core.phantom.parts import Parts, empty_parts
from napari_histoclust.core.phantom.section import make_section

_SIDE = 32


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(0, 0, 4096, 0.5)


def _look(stain: int) -> Look:
    """The look of a stain with flat textures, so that colours can be computed by hand."""
    look = make_section(0, stain, 4096, 0.5).look
    flat = np.full_like(look.fine, 128)
    return look._replace(fine=flat, coarse=flat, broad=flat)


def _paint(plan: Plan, parts: Parts, look: Look) -> np.ndarray:
    nodes = _SIDE // NODE_PX + 2 * plan.margin + 1
    fields = np.zeros((nodes, nodes, FIELDS), np.float32)
    fields[..., -1] = 1.0  # SHADE
    out = np.empty((_SIDE, _SIDE, 3), np.uint8)
    paint(plan, fields, parts, look, 2048, 2048, out)
    return out


def test_the_table_is_ten_to_minus_the_density() -> None:
    table = absorption_table()
    assert table[0] == 1
    assert table[512] == pytest.approx(0.1)
    assert len(table) == 2048
    assert (np.diff(table) < 0).all()


@pytest.mark.parametrize("stain", range(5))
def test_a_full_nucleus_absorbs_what_the_stain_s_table_says(plan: Plan, stain: int) -> None:
    parts = empty_parts(_SIDE)
    parts.nucleus[:] = 255
    look = _look(stain)
    amount = 0.72 + 0.45 * 128 / 255
    expected = STAINS[stain].glass * 10 ** -(amount * STAINS[stain].densities[stains.NUCLEUS])
    assert _paint(plan, parts, look)[5, 5] == pytest.approx(expected, abs=1.6)


def test_empty_places_show_the_glass(plan: Plan) -> None:
    for stain in range(5):
        picture = _paint(plan, empty_parts(_SIDE), _look(stain))
        assert np.abs(picture.astype(int) - STAINS[stain].glass).max() <= 1


def test_only_ki67_colours_nuclei_in_cycle(plan: Plan) -> None:
    for stain, named in enumerate(STAINS):
        resting, cycling = empty_parts(_SIDE), empty_parts(_SIDE)
        for parts in (resting, cycling):
            parts.nucleus[:] = 255
        cycling.cycling[:] = 255
        same = (_paint(plan, resting, _look(stain)) == _paint(plan, cycling, _look(stain))).all()
        assert same == (named.name != "Ki67")


def test_only_cd31_marks_capillaries_brown(plan: Plan) -> None:
    for stain, named in enumerate(STAINS):
        parts = empty_parts(_SIDE)
        parts.tissue[:] = 2
        parts.capillary[:] = 255
        red, _, blue = _paint(plan, parts, _look(stain))[5, 5].astype(int)
        assert (red - blue > 60) == (named.name == "CD31")


def test_every_stain_has_a_density_for_every_part() -> None:
    for stain in STAINS:
        assert stain.densities.shape == (len(stains.PARTS), 3)
        assert stain.densities.min() >= 0
        assert not stain.densities.flags.writeable
    assert [stain.name for stain in STAINS] == ["HE", "CD31", "CK19", "Ki67", "MT"]
    assert STAINS[0].padding != (255, 255, 255)
    assert all(stain.padding == (255, 255, 255) for stain in STAINS[1:])
