"""Every px of a section is a function of seed and place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_histoclust.core.phantom import CLASSES, STAINS
from napari_histoclust.core.phantom.layout import shift_at
from napari_histoclust.core.phantom.section import Section, make_section

_SIZE = 2048


@pytest.fixture(scope="module")
def section() -> Section:
    return make_section(seed=0, index=0, size_px=_SIZE, um_per_px=0.5)


@pytest.fixture(scope="module")
def truth(section: Section) -> np.ndarray:
    return section.classes(0, 0, _SIZE)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 100), st.integers(0, 100), st.sampled_from([64, 128, 320]))
def test_a_block_is_the_same_however_the_slide_is_cut(row: int, col: int, side: int) -> None:
    section = make_section(seed=0, index=1, size_px=_SIZE, um_per_px=0.5)
    y, x = row * 16, col * 16
    whole = section.block(y, x, 512)
    assert (section.block(y, x, side) == whole[:side, :side]).all()
    assert (section.block(y + 128, x + 64, side) == whole[128 : 128 + side, 64 : 64 + side]).all()
    assert (section.classes(y + 128, x + 64, 64) == section.classes(y, x, 512)[128:192, 64:128]).all()


def test_same_seed_same_px_and_other_seed_other_tissue(section: Section, truth: np.ndarray) -> None:
    again = make_section(seed=0, index=0, size_px=_SIZE, um_per_px=0.5)
    other = make_section(seed=1, index=0, size_px=_SIZE, um_per_px=0.5)
    assert (again.block(512, 512, 256) == section.block(512, 512, 256)).all()
    assert (other.classes(0, 0, _SIZE) != truth).mean() > 0.2


@pytest.mark.parametrize("seed", [0, 1, 2, 7])
def test_every_class_is_there_and_their_areas_are_very_unequal(seed: int) -> None:
    section = make_section(seed, 0, 4096, 0.5)
    count = np.bincount(section.classes(0, 0, 4096).ravel(), minlength=len(CLASSES))
    share = count[1:] / count[1:].sum()
    assert share.min() > 0.001
    assert share[0] > 0.3
    assert share[CLASSES.index("vessel") - 1] < 0.05
    assert 0.3 < count[1:].sum() / count.sum() < 0.8


def test_sections_lie_within_three_px_of_the_truth() -> None:
    for size in (256, 4096, 100_000):
        for index in range(len(STAINS)):
            plan = make_section(3, index, size, 0.5).plan
            places = np.linspace(0, size, 23)
            shifts = [shift_at(plan, y, x) for y in places for x in places]
            away = np.hypot(*np.array(shifts).T).max()
            assert away <= 3
            assert (away == 0) == (index == 0)


def test_neighbouring_sections_show_the_same_tissue_but_other_cells(section: Section) -> None:
    other = make_section(seed=0, index=3, size_px=_SIZE, um_per_px=0.5)
    here, there = section.classes(512, 512, 1024), other.classes(512, 512, 1024)
    assert (here == there).mean() > 0.97
    here_cells, there_cells = (s._drawn(512, 512, 1024)[1].nucleus > 60 for s in (section, other))
    overlap = (here_cells & there_cells).sum() / (here_cells | there_cells).sum()
    assert overlap < 0.5


def test_stains_mark_what_they_are_for(truth: np.ndarray) -> None:
    def brown(name: str) -> np.ndarray:
        index = [stain.name for stain in STAINS].index(name)
        red, _, blue = np.moveaxis(make_section(0, index, _SIZE, 0.5).block(0, 0, _SIZE).astype(int), -1, 0)
        return red - blue > 40

    def share(marked: np.ndarray, tissue: str) -> float:
        return float(marked[truth == CLASSES.index(tissue)].mean())

    keratin, cycling, endothelium = brown("CK19"), brown("Ki67"), brown("CD31")
    assert share(keratin, "tumour") > 0.5 > 10 * share(keratin, "parenchyma")
    assert share(keratin, "gland") > 0.1
    assert share(cycling, "tumour") > 5 * share(cycling, "muscle")
    assert share(endothelium, "vessel") > 5 * share(endothelium, "parenchyma")


def test_canvas_and_holes_look_like_a_scanner_s(section: Section) -> None:
    corner = section.block(0, 0, 64)[0, 0]
    assert tuple(corner) == STAINS[0].padding
    sparse = make_section(0, 3, _SIZE, 0.5)
    y, x, side = sparse.look.holes[0]
    block = sparse.block(y // 16 * 16, x // 16 * 16, 256)
    hole = block[y % 16 : y % 16 + side, x % 16 : x % 16 + side]
    assert (hole == 255).all()
    assert len(sparse.look.holes) == STAINS[3].holes > 0


def test_a_block_off_the_lattice_is_refused(section: Section) -> None:
    with pytest.raises(ValueError, match="multiples of 16"):
        section.block(8, 0, 64)


def test_cells_keep_their_size_in_um(section: Section) -> None:
    """At half the px size a cell covers four times the px."""
    coarse = make_section(0, 0, 2048, 1.0)._drawn(512, 512, 512)[1].nucleus > 60
    fine = make_section(0, 0, 4096, 0.5)._drawn(1024, 1024, 1024)[1].nucleus > 60
    assert fine.mean() == pytest.approx(coarse.mean(), rel=0.25)
