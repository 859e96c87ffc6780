"""What the user is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from napari.utils.notifications import NotificationSeverity, notification_manager

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Progress
from napari_histoclust.viewer.notices import ActivityBar, sentences_shown


def test_a_gesture_that_cannot_be_done_says_why() -> None:
    with sentences_shown():
        raise HistoclustError("Cluster 1: type a name.")
    assert notification_manager.records[-1].message == "Cluster 1: type a name."
    assert notification_manager.records[-1].severity is NotificationSeverity.ERROR


def test_a_fault_of_ours_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), sentences_shown():
        raise ZeroDivisionError


def test_without_a_window_there_is_no_bar(capfd: pytest.CaptureFixture[str]) -> None:
    bar = ActivityBar("Train")
    bar.show(Progress("Epoch", 1, 10))
    bar.close()
    bar.close()
    assert capfd.readouterr() == ("", "")


@pytest.mark.gui
def test_the_bar_follows_the_phases_of_a_job(make_napari_viewer_proxy: Callable[..., Any]) -> None:
    viewer = make_napari_viewer_proxy(show=True)
    assert viewer is not None
    bar = ActivityBar("Run")
    inner = bar._bar
    assert inner is not None
    told = []
    inner.events.value.connect(lambda event: told.append((inner.total, event.value)))
    for progress in (
        Progress("Training", 40, 50),  # goes on where an earlier start stopped
        Progress("Training", 50, 50),
        Progress("Mapping", 1, 7),
        Progress("Mapping", 7, 7),
        Progress("Writing", 0, 7),
        Progress("UMAP"),
    ):
        bar.show(progress)
    assert told == [(50, 40), (50, 50), (7, 1), (7, 7), (7, 0), (0, 0)]
    assert inner.desc == "Run: UMAP: "
    bar.close()


@pytest.mark.gui
def test_a_job_may_end_while_its_bar_is_being_moved(make_napari_viewer_proxy: Callable[..., Any]) -> None:
    """napari's bar runs the event loop when it changes."""
    viewer = make_napari_viewer_proxy(show=True)
    assert viewer is not None
    bar = ActivityBar("Run")
    inner = bar._bar
    assert inner is not None

    def end(event: object) -> None:
        bar.show(Progress("Training", 2, 2))
        bar.close()

    inner.events.value.connect(end)
    bar.show(Progress("Training", 1, 2))
    assert bar._bar is None
    assert inner.n == 1
