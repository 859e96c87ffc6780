"""One button that starts and cancels, and the line beside it."""

from __future__ import annotations

import threading

import pytest
from pytestqt.qtbot import QtBot

from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.session.forms.numbers import format_remaining, format_side, format_size
from napari_histoclust.widgets._job_button import JobButton, JobLine
from napari_histoclust.widgets.context import Context
from widgets.made import context, notifications

pytestmark = pytest.mark.gui
__all__ = ["context", "notifications"]


def waiting(may_end: threading.Event) -> Job[str]:
    done = 0
    while not may_end.is_set():
        done = min(done + 1, 99)
        yield Progress("Waiting", done, 100)
    return "done"


def start(context: Context, button: JobButton, line: JobLine, job: Job[str]) -> None:
    running = context.runner.start("Training", job)
    button.attach(running)
    line.attach(running)


def test_train_cancel_cancelling_train(qtbot: QtBot, context: Context) -> None:
    button, line = JobButton("Train", "Train a model.", context.runner), JobLine()
    for widget in (button, line):
        qtbot.addWidget(widget)
        widget.show()
    assert not line.isVisible() or line.text() == ""
    may_end = threading.Event()
    start(context, button, line, waiting(may_end))
    assert (button.text(), button.isEnabled()) == ("Cancel", True)
    qtbot.waitUntil(lambda: "Waiting" in line.text())
    button.click()
    assert (button.text(), button.isEnabled()) == ("Cancelling…", False)
    qtbot.waitUntil(lambda: button.text() == "Train" and button.isEnabled())
    assert not line.isVisible()


def test_the_button_of_another_job_says_what_is_running(qtbot: QtBot, context: Context) -> None:
    button, line, other = (
        JobButton("Train", "", context.runner),
        JobLine(),
        JobButton("Map", "Label.", context.runner),
    )
    for widget in (button, line, other):
        qtbot.addWidget(widget)
    may_end = threading.Event()
    start(context, button, line, waiting(may_end))
    assert not other.isEnabled()
    assert other.toolTip() == "Training is running: wait for it or cancel it first."
    with qtbot.waitSignal(context.runner.released):
        may_end.set()
    assert other.isEnabled()
    assert other.toolTip() == "Label."


def test_a_hindrance_disables_and_says_why(qtbot: QtBot, context: Context) -> None:
    button = JobButton("Map", "Label.", context.runner)
    qtbot.addWidget(button)
    button.set_hindrance("Train a model first.")
    assert (button.isEnabled(), button.toolTip()) == (False, "Train a model first.")
    button.set_hindrance("")
    assert (button.isEnabled(), button.toolTip()) == (True, "Label.")


def test_a_click_asks(qtbot: QtBot, context: Context) -> None:
    button = JobButton("Map", "", context.runner)
    qtbot.addWidget(button)
    with qtbot.waitSignal(button.asked):
        button.click()


def test_the_primary_button_looks_otherwise(qtbot: QtBot, context: Context) -> None:
    button = JobButton("Map", "", context.runner)
    qtbot.addWidget(button)
    button.resize(90, 30)
    plain = button.grab().toImage()
    button.set_primary(True)
    assert button.grab().toImage() != plain
    button.set_primary(False)
    assert button.grab().toImage() == plain


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s left"),
        (42, "42 s left"),
        (61, "about 1 min left"),
        (3000, "about 50 min left"),
        (3590, "about 1 h left"),
        (40 * 3600, "about 40 h left"),
        (80 * 3600, "about 3 days left"),
    ],
)
def test_remaining_time_in_words(seconds: float, words: str) -> None:
    assert format_remaining(seconds) == words


def test_lengths_in_words() -> None:
    assert format_side(128, None) == "128 px"
    assert format_side(128, 0.5) == "128 px = 64 µm"
    assert format_size((2000, 10_000), 0.5) == "10,000 × 2,000 px (5 × 1 mm)"
