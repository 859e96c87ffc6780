"""The report on a stack: shifts as a whole and by regions, overlaps, warnings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.alignment.sections import bump, pair, stained
from core.patches.made import stack_of
from napari_histoclust.core.alignment import StainAlignment, check_alignment
from napari_histoclust.core.alignment.check import overview_step, tolerated_px
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.slides.placed.warped import WarpedSlide
from napari_histoclust.core.slides.stack import Stack, open_stack
from napari_histoclust.core.tissue.mask import find_tissue


def check(stack: Stack, patch_px: float = 16) -> tuple[StainAlignment, ...]:
    return drive(check_alignment(stack, drive(find_tissue(stack, stack.stains, patch_px))))


@pytest.mark.parametrize("shift", [(0, 0), (14, -9), (-30, 5)])
def test_a_known_shift_is_found_as_a_whole_and_in_every_region(shift: tuple[int, int]) -> None:
    (found,) = check(pair(shift))
    assert found.stain == "CD31"
    assert found.shift_px is not None
    assert np.abs(np.array(found.shift_px) + shift).max() <= 1
    told = np.isfinite(found.regions.length_px)
    assert told.mean() > 0.8
    off = found.regions.shift_px[told] + shift
    assert np.quantile(np.hypot(*off.T), 0.9) < 2
    assert bool(found.warnings) == (shift != (0, 0))
    if found.warnings:
        assert found.warnings[0].startswith("CD31 is off by about")
        assert "everywhere" in found.warnings[0]


CORNERS = {
    "in the upper left": (0.2, 0.2),
    "in the upper right": (0.2, 0.8),
    "in the lower left": (0.8, 0.2),
    "in the lower right": (0.8, 0.8),
}


@pytest.mark.parametrize("place", CORNERS)
def test_a_corner_that_is_off_is_named_and_its_shift_is_right(place: str) -> None:
    (found,) = check(pair(bump(CORNERS[place], (10, -10)), um_per_px=0.5))
    assert len(found.warnings) == 1
    assert place in found.warnings[0]
    assert "everywhere" not in found.warnings[0]
    assert "µm)" in found.warnings[0]
    row, col = (int(v * n) for v, n in zip(CORNERS[place], found.regions.shape, strict=True))
    assert np.abs(found.regions.shift_px[row, col] - (-10, 10)).max() <= 2.5
    opposite = found.regions.shift_px[-1 - row, -1 - col]
    assert np.abs(opposite).max() <= 2


def test_stains_that_have_nothing_in_common_are_undecided() -> None:
    everywhere = np.ones((512, 512), bool)
    pictures = {
        "HE": [stained(everywhere, (120, 60, 130), 1)],
        "MT": [stained(everywhere, (90, 120, 180), 2)],
    }
    (found,) = check(stack_of(pictures))
    assert found.shift_px is None
    assert np.isnan(found.regions.length_px).mean() > 0.8
    (warning,) = found.warnings
    assert "undecided" in warning


def test_regions_without_tissue_say_nothing() -> None:
    stack = pair((0, 0))
    mask = drive(find_tissue(stack, stack.stains, 16))
    for part in mask.by_stain.values():
        part[:, : part.shape[1] // 2] = False
    (found,) = drive(check_alignment(stack, mask))
    left, right = np.split(found.regions.length_px, 2, axis=1)
    assert np.isnan(left).all()
    assert np.isfinite(right).mean() > 0.8
    assert np.isnan(found.regions.outline_dice[:, 0]).all()


def test_what_is_not_valid_is_no_structure() -> None:
    """A hole in one stain has strong edges that lie nowhere in the other."""
    stack = pair((0, 0))
    levels = stack.slides["CD31"].levels  # type: ignore[attr-defined]
    levels[0].picture[100:200, 100:200] = 255
    (found,) = check(stack)
    assert not found.warnings
    assert np.nanmax(found.regions.length_px) < 3


def test_the_document_is_json_with_nulls() -> None:
    (found,) = check(pair((0, 0)))
    document = found.document(0.5)
    assert found.shift_px is not None
    assert document["shift_um"] == [round(v / 2, 3) for v in found.shift_px]
    assert document["warning"] == ""
    cells = [cell for row in document["regions"]["shift_px"] for cell in row]
    assert sum(cell is None for cell in cells) == np.isnan(found.regions.length_px).sum()
    assert found.document()["shift_um"] is None


def test_the_overview_is_fine_enough_and_never_large() -> None:
    assert overview_step(900) == pytest.approx(900 / 1024)
    assert overview_step(30_000) == pytest.approx(30_000 / 1024)
    assert overview_step(60_000) == 32
    assert overview_step(100_000) == pytest.approx(100_000 / 2048)
    assert tolerated_px(1000, 1) == pytest.approx(12)
    assert tolerated_px(100_000, 49) == pytest.approx(147)


def test_real_stacks_lie_well(shared_data: Path) -> None:
    stack = open_stack(shared_data / "kpc_stack")
    results = check(stack)
    assert [result.stain for result in results] == ["CD31", "CK19", "Ki67", "MT"]
    assert all(result.outline_dice > 0.85 and not result.warnings for result in results)
    for result in results:
        assert np.nanmedian(result.regions.length_px) < 4


def test_real_neighbouring_sections_are_not_warned_of_until_they_are_moved(shared_data: Path) -> None:
    stack = open_stack(shared_data / "cima_lung5" / "aligned")
    assert not any(result.warnings for result in check(stack, 128))
    shift = np.array([[1, 0, 20.0], [0, 1, -16.0], [0, 0, 1]])
    moved = {s: WarpedSlide(stack.slides[s], shift, stack.shapes) for s in stack.stains if s != "HE"}
    stack.slides.update(moved)  # type: ignore[attr-defined]
    for result in check(stack, 128):
        assert result.shift_px is not None
        assert np.abs(np.array(result.shift_px) - (-20, 16)).max() < 5
        assert "everywhere" in result.warnings[0]
