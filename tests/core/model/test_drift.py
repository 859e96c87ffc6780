"""How far a slide lies, from made-up distances: share outside, what is blamed, what is said of light."""

from __future__ import annotations

import numpy as np
import pytest

from napari_histoclust.core.model.drift import (
    PERCENTILES,
    Seen,
    drift_of,
    percentiles_of,
)


@pytest.fixture
def known() -> np.ndarray:
    return np.abs(np.random.default_rng(0).normal(3, 1, 4000))


@pytest.fixture
def seen(known: np.ndarray) -> Seen:
    return Seen(
        distances=percentiles_of(known),
        without={"HE": 3.0, "MT": 3.0},
        glass={"HE": (240, 245), "MT": (250, 252)},
        strength={"HE": (0.3, 0.4), "MT": (0.2, 0.2)},
    )


def test_what_was_seen_lies_inside(known: np.ndarray, seen: Seen) -> None:
    drift = drift_of("own", known, seen)
    assert drift.outside == pytest.approx(0.01, abs=0.001)
    assert drift.farther == pytest.approx(1, abs=0.01)
    assert not drift.is_outside
    assert seen.median == pytest.approx(np.median(known), abs=1e-3)
    assert len(seen.distances) == len(PERCENTILES)


def test_a_tenth_far_away_lies_outside_though_the_median_stays(known: np.ndarray, seen: Seen) -> None:
    known[:400] = 30
    drift = drift_of("case 8", known, seen)
    assert drift.outside >= 0.1
    assert drift.is_outside
    assert "case 8 lies outside" in drift.sentence
    assert "11%" in drift.sentence


def test_the_stain_without_which_it_lies_nearer_is_blamed(known: np.ndarray, seen: Seen) -> None:
    drift = drift_of("x", 2 * known, seen, without={"HE": 6.1, "MT": 3.3})
    assert drift.stains == ("MT",)
    assert "Most in MT" in drift.sentence
    assert drift_of("x", known, seen, without={"HE": 1.0, "MT": 1.0}).stains == ()


def test_light_and_strength_are_told_though_calibration_takes_them_out(known: np.ndarray, seen: Seen) -> None:
    drift = drift_of("dark", known, seen, glass={"HE": 215, "MT": 226}, strength={"HE": 0.35, "MT": 0.4})
    assert not drift.is_outside
    assert drift.notes[0].startswith("The glass of HE and MT is darker")
    assert drift.notes[1].startswith("MT is stained 2 times as strongly")
    assert len(drift.notes) == 2
    assert drift_of("own", known, seen, glass={"HE": 243}, strength={"HE": 0.39}).notes == ()
