"""Pulling writers as jobs."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator

import pytest

from napari_histoclust.core.errors import Cancelled
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.threads import ahead, pulled


def _count(n: int, closed: list[int]) -> Generator[int, None, None]:
    try:
        yield from range(n)
    finally:
        closed.append(n)


def test_result_and_progress() -> None:
    closed: list[int] = []
    seen = []
    assert drive(pulled(sum, _count(1000, closed), 1000, "Adding"), seen.append) == 499_500
    assert closed == [1000]
    assert all(0 <= p.done <= p.total == 1000 and p.text == "Adding" for p in seen)


def test_fault_of_the_work_comes_out_and_the_items_are_closed() -> None:
    closed: list[int] = []

    def work(items: Iterator[int]) -> None:
        for item in items:
            if item == 3:
                raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        drive(pulled(work, _count(10, closed), 10, "Writing"))


def test_fault_of_the_items_comes_out() -> None:
    def items() -> Generator[int, None, None]:
        yield 1
        raise ValueError("unreadable")

    with pytest.raises(ValueError, match="unreadable"):
        drive(pulled(list, items(), 2, "Writing"))


def test_cancelling_stops_endless_work_and_waits_for_it() -> None:
    closed: list[int] = []
    ended = []

    def work(items: Iterator[int]) -> None:
        try:
            for _ in items:
                pass
        except Cancelled:
            ended.append(True)
            raise

    with pytest.raises(Cancelled):
        drive(pulled(work, _count(10**12, closed), 0, "Writing"), cancelled=lambda: True)
    assert ended == [True]
    assert closed == [10**12]


def test_ahead_keeps_the_order_and_stays_near() -> None:
    taken = []

    def items() -> Iterator[int]:
        for i in range(500):
            taken.append(i)
            yield i

    results = []
    for result in ahead(lambda i: i * i, items()):
        results.append(result)
        assert len(taken) - len(results) <= 2 * (os.cpu_count() or 1)
    assert results == [i * i for i in range(500)]


def test_ahead_passes_faults_on() -> None:
    with pytest.raises(ZeroDivisionError):
        list(ahead(lambda i: 1 // i, [1, 0, 1]))
