"""Jobs run to their end, tell how far they are, and stop when asked."""

from __future__ import annotations

import pytest

from napari_histoclust.core.errors import Cancelled
from napari_histoclust.core.jobs import Job, Progress, drive


def counting(to: int, trace: list[str]) -> Job[int]:
    try:
        for i in range(to):
            yield Progress("Counting", i + 1, to)
        return to
    finally:
        trace.append("closed")


def test_drive_returns_the_result_and_reports_every_step() -> None:
    seen: list[Progress] = []
    trace: list[str] = []
    assert drive(counting(3, trace), seen.append) == 3
    assert [p.done for p in seen] == [1, 2, 3]
    assert trace == ["closed"]


def test_cancelling_closes_the_job_in_the_callers_thread() -> None:
    trace: list[str] = []
    answers = iter([False, True])
    with pytest.raises(Cancelled, match="Counting"):
        drive(counting(10, trace), cancelled=lambda: next(answers))
    assert trace == ["closed"]


def test_an_error_in_the_listener_closes_the_job() -> None:
    trace: list[str] = []

    def listener(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drive(counting(10, trace), listener)
    assert trace == ["closed"]


@pytest.mark.parametrize(
    ("progress", "fraction", "text"),
    [
        (Progress("Reading"), None, "Reading"),
        (Progress("Reading", 1, 4), 0.25, "Reading 1/4"),
        (Progress("Reading", 9, 4), 1.0, "Reading 9/4"),
        (Progress("Training", 1, 2, {"loss": 0.12345}), 0.5, "Training 1/2  loss 0.1235"),
    ],
)
def test_progress_as_fraction_and_text(progress: Progress, fraction: float | None, text: str) -> None:
    assert progress.fraction == fraction
    assert str(progress) == text
