"""What the docks that start jobs have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QLayout, QScrollArea, QVBoxLayout, QWidget

from napari_histoclust.session.shown import ShowsState
from napari_histoclust.viewer.notices import sentences_shown
from napari_histoclust.widgets._job_button import JobButton, JobLine
from napari_histoclust.widgets._lifetime import follow

if TYPE_CHECKING:
    from napari_histoclust.core.jobs import Job
    from napari_histoclust.widgets._jobs import RunningJob
    from napari_histoclust.widgets.context import Context

NARROW_PX = 320


class JobDock(ShowsState, QScrollArea):
    """A dock of parts below one another that scrolls up and down only.

    A job that was started here is cancelled when the dock goes.

    Attributes
    ----------
    context : Context
    column : QVBoxLayout
        Receives the parts.
    buttons : dict of str to JobButton
        Those that a state's `hindrances` names.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.buttons: dict[str, JobButton] = {}
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(NARROW_PX)
        body = QWidget()
        outer = QVBoxLayout(body)
        outer.setContentsMargins(8, 8, 8, 8)
        self.column = QVBoxLayout()
        self.column.setSpacing(6)
        outer.addLayout(self.column)
        outer.addStretch(1)
        self.setWidget(body)

        follow(self, context.session.changed, self._on_session_changed)

    def add(self, *parts: QWidget | QLayout) -> None:
        """Put parts below those that are there."""
        for part in parts:
            if isinstance(part, QWidget):
                self.column.addWidget(part)
            else:
                self.column.addLayout(part)

    def _show_hindrances(self, hindrances: Mapping[str, str]) -> None:
        for name, sentence in hindrances.items():
            self.buttons[name].set_hindrance(sentence)

    def start(
        self,
        button: JobButton,
        line: JobLine,
        title: str,
        job: Job[Any],
        on_finished: Callable[[Any], None],
        *,
        is_heavy: bool = False,
    ) -> RunningJob | None:
        """Run a job; return it, or None where another one is running, which the user is told.

        Parameters
        ----------
        button, line
            Where it is cancelled and shown.
        title : str
            What it does, in the user's words.
        on_finished : bound method
            Takes the result.
        is_heavy : bool
            Whether it needs the whole processor, see `Host.begin_job`.
        """
        running: RunningJob | None = None
        with sentences_shown():
            running = self.context.runner.start(title, job, is_heavy=is_heavy)
            running.finished.connect(on_finished)
            button.attach(running)
            line.attach(running)
            self.destroyed.connect(running.cancel)
        return running
