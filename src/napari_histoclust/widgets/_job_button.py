"""A button that starts a job and then cancels it, and the line that shows how far the job is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_histoclust.session.forms.numbers import format_remaining

if TYPE_CHECKING:
    from napari_histoclust.core.jobs import Progress
    from napari_histoclust.widgets._jobs import JobRunner, RunningJob

# napari's stylesheet has an accent of its own but hands it to no palette; this one is read on dark and light
_PRIMARY = """
QPushButton[primary="true"] { background-color: #1f6fc0; color: white; font-weight: bold; }
QPushButton[primary="true"]:hover { background-color: #2a82da; }
QPushButton[primary="true"]:pressed { background-color: #195a9c; }
"""


class JobButton(QPushButton):
    """Asks for a job; while it runs, the same button cancels it.

    While another job holds the thread, or something stands in the way, the button is disabled and its tooltip
    says why.

    Parameters
    ----------
    text, hint : str
        Caption and tooltip while it can be clicked.
    runner : JobRunner

    Signals
    -------
    asked
        The user wants the job.
    """

    asked = Signal()

    def __init__(self, text: str, hint: str, runner: JobRunner, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._caption, self._hint, self._hindrance = text, hint, ""
        self._is_primary = False
        self._runner = runner
        self._running: RunningJob | None = None
        self.clicked.connect(self._on_self_clicked)
        runner.started.connect(self._on_runner_changed)
        runner.released.connect(self._on_runner_changed)
        self._repaint()

    def set_hindrance(self, sentence: str) -> None:
        """Disable the button and give the reason, or enable it with an empty sentence."""
        if sentence != self._hindrance:
            self._hindrance = sentence
            self._repaint()

    def set_primary(self, is_primary: bool) -> None:
        """Highlight this button as the next sensible step, or take that back; Cancel is never highlighted."""
        if is_primary != self._is_primary:
            self._is_primary = is_primary
            self._repaint()

    def attach(self, running: RunningJob) -> None:
        """Become the Cancel button of a job, until it ends."""
        self._running = running
        running.ended.connect(self._on_running_ended)
        self._repaint()

    def _on_self_clicked(self) -> None:
        if self._running is None:
            self.asked.emit()
        else:
            self._running.cancel()
            self._repaint()

    def _on_running_ended(self) -> None:
        self._running = None
        self._repaint()

    def _on_runner_changed(self, *_: object) -> None:
        self._repaint()

    def _repaint(self) -> None:
        self._highlight(self._is_primary and self._running is None)
        if self._running is not None:
            is_cancelling = self._running.is_cancelling
            self.setText("Cancelling…" if is_cancelling else "Cancel")
            self.setEnabled(not is_cancelling)
            self.setToolTip(f"Stop: {self._running.title}. What was there before stays.")
            return
        reason = self._hindrance or _occupied(self._runner)
        self.setText(self._caption)
        self.setEnabled(not reason)
        self.setToolTip(reason or self._hint)

    def _highlight(self, is_on: bool) -> None:
        if bool(self.property("primary")) != is_on:
            self.setProperty("primary", is_on)
            self.setStyleSheet(_PRIMARY if is_on else "")


def _occupied(runner: JobRunner) -> str:
    """Why no other job can begin, in one sentence; empty where it can."""
    if runner.job is None:
        return ""
    if runner.job.has_ended or runner.job.is_cancelling:
        return f"{runner.job.title} is still winding up: in a moment."
    return f"{runner.job.title} is running: wait for it or cancel it first."


class JobLine(QWidget):
    """How far a job is: a bar, what is being done, and the remaining time. Hidden while there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bar = QProgressBar(self, textVisible=False)
        self._bar.setFixedHeight(10)
        self._text = QLabel(self)
        self._text.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._bar)
        column.addWidget(self._text)
        self.hide()

    def text(self) -> str:
        """Return the line of words."""
        return str(self._text.text())

    def attach(self, running: RunningJob) -> None:
        """Show a job until it ends."""
        self._bar.setRange(0, 0)
        self._text.setText(f"{running.title}…")
        running.progressed.connect(self._on_running_progressed)
        running.ended.connect(self.hide)
        self.show()

    def _on_running_progressed(self, progress: Progress, remaining_s: float | None) -> None:
        # in thousandths, because Qt counts in 32 bits
        self._bar.setRange(0, 0 if progress.fraction is None else 1000)
        self._bar.setValue(round(1000 * (progress.fraction or 0)))
        count = f" {progress.done:,} of {progress.total:,}" if progress.total else ""
        remaining = "" if remaining_s is None else f", {format_remaining(remaining_s)}"
        self._text.setText(f"{progress.text}{count}{remaining}")
