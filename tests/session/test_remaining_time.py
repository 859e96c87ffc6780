"""The estimate of the remaining time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from napari_histoclust.core.jobs import Progress
from napari_histoclust.session.remaining_time import RemainingTime


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Iterator[Clock]:
    return Clock()


def test_a_steady_job_ends_when_the_estimate_says(clock: Clock) -> None:
    pace = RemainingTime(clock)
    for done in range(11):
        remaining = pace.estimate_s(Progress("Work", done, 10))
        assert remaining == (None if done == 0 else pytest.approx(2.0 * (10 - done)))
        clock.now += 2.0


def test_units_of_an_earlier_start_do_not_count(clock: Clock) -> None:
    pace = RemainingTime(clock)
    assert pace.estimate_s(Progress("Work", 90, 100)) is None
    clock.now += 5.0
    assert pace.estimate_s(Progress("Work", 91, 100)) == pytest.approx(45.0)


@pytest.mark.parametrize("second", [Progress("Map", 0, 50), Progress("Map", 0, 10)])
def test_a_new_phase_starts_anew(clock: Clock, second: Progress) -> None:
    pace = RemainingTime(clock)
    pace.estimate_s(Progress("Train", 0, 10))
    clock.now += 1000.0
    pace.estimate_s(Progress("Train", 10, 10))
    assert pace.estimate_s(second) is None
    clock.now += 1.0
    assert pace.estimate_s(Progress("Map", 1, second.total)) == pytest.approx(second.total - 1)


def test_no_end_no_estimate(clock: Clock) -> None:
    pace = RemainingTime(clock)
    pace.estimate_s(Progress("Work", 1))
    clock.now += 1.0
    assert pace.estimate_s(Progress("Work", 2)) is None


def test_more_than_all_is_not_negative(clock: Clock) -> None:
    pace = RemainingTime(clock)
    pace.estimate_s(Progress("Work", 1, 10))
    clock.now += 1.0
    assert pace.estimate_s(Progress("Work", 12, 10)) == 0
