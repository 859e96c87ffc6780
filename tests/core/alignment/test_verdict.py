"""Warnings in words."""

from __future__ import annotations

import numpy as np
import pytest

from napari_histoclust.core.alignment.regions import Regions
from napari_histoclust.core.alignment.verdict import (
    direction,
    length_in_words,
    place_of,
    place_shifts,
    warnings_for,
)


def regions(shifts: dict[tuple[int, int], tuple[float, float]], shape: tuple[int, int] = (6, 8)) -> Regions:
    field = np.full((*shape, 2), np.nan)
    for cell, shift in shifts.items():
        field[cell] = shift
    return Regions(field, np.ones(shape), np.ones(shape), 100.0, 100.0)


def words(grid: Regions, um_per_px: float | None = None, dice: float = 0.9) -> tuple[str, ...]:
    return warnings_for("CK19", dice, (0, 0), place_shifts(grid, 9), 9, um_per_px)


def everywhere(shift: tuple[float, float]) -> dict[tuple[int, int], tuple[float, float]]:
    return {(row, col): shift for row in range(6) for col in range(8)}


@pytest.mark.parametrize(
    ("cell", "place"),
    [
        ((0, 0), "in the upper left"),
        ((5, 7), "in the lower right"),
        ((5, 0), "in the lower left"),
        ((0, 4), "at the top"),
        ((3, 0), "at the left"),
        ((3, 4), "in the centre"),
        ((5, 3), "at the bottom"),
    ],
)
def test_places(cell: tuple[int, int], place: str) -> None:
    assert place_of(*cell, (6, 8)) == place


def test_the_place_that_is_off_is_named_with_px_and_um() -> None:
    grid = regions(
        everywhere((0.0, 1.0)) | {(4, 0): (0, 14), (5, 0): (0, 14), (4, 1): (0, 13), (5, 1): (1, 14)}
    )
    assert words(grid) == ("CK19 is off by about 14 px in the lower left.",)
    assert words(grid, 0.5) == ("CK19 is off by about 14 px (7 µm) in the lower left.",)


def test_a_stain_that_is_off_everywhere_is_said_once_with_the_way_to_move_it() -> None:
    (sentence,) = warnings_for(
        "CK19", 0.9, (-20.0, 7.0), place_shifts(regions(everywhere((-20, 7))), 9), 9, None
    )
    assert sentence == (
        "CK19 is off by about 21 px everywhere, and would lie best 20 px up and 7 px right: register the "
        "stains first."
    )


def test_single_regions_and_regions_that_contradict_each_other_are_no_warning() -> None:
    assert not words(regions(everywhere((0.0, 0.0)) | {(5, 0): (0, 30)}))
    wild = {(4, 0): (0, 30), (5, 0): (30, 0), (4, 1): (-30, 0), (5, 1): (0, -30)}
    assert not words(regions(everywhere((0.0, 0.0)) | wild))


def test_places_of_which_nothing_is_known_are_no_warning() -> None:
    assert not words(regions({}))
    assert not words(regions({(0, 0): (40, 0)}))


def test_bad_outlines_are_said() -> None:
    (sentence,) = words(regions(everywhere((0.0, 0.0))), dice=0.4)
    assert "overlap 0.40" in sentence


def test_words_of_lengths_and_ways() -> None:
    assert length_in_words(14.2, None) == "14 px"
    assert length_in_words(14.2, 0.25) == "14 px (4 µm)"
    assert length_in_words(3, 0.25) == "3 px (0.8 µm)"
    assert direction((14, -3)) == "14 px down and 3 px left"
    assert direction((0.2, 3)) == "3 px right"
    assert direction((0, 0)) == "where it is"
