"""What stands in place of the plot while there is none."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from napari_histoclust.session.jobs import embed
from napari_histoclust.viewer.notices import sentences_shown

if TYPE_CHECKING:
    from napari_histoclust.core.jobs import Progress
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.session import Session
    from napari_histoclust.widgets._jobs import RunningJob
    from napari_histoclust.widgets.context import Context

UMAP = "UMAP"
"""Title of the job."""
_NO_RUN = "Each patch of the slides will be a point here.\nMap the slides, or open a run, to see them."
_NO_PLACES = (
    "The UMAP lays all patches out in the plane: those that look alike come to lie side by side. "
    "Compute it to see and choose the patches here."
)
_COMPUTE, _CANCEL, _CANCELLING = "Compute the UMAP", "Cancel", "Cancelling ..."


class Invitation(QWidget):
    """Says what is missing, and computes the UMAP if it is that."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._job: RunningJob | None = None
        self.sentence = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self.sentence.setWordWrap(True)
        self.button = QPushButton(_COMPUTE)
        self.button.clicked.connect(self._on_button_clicked)
        column = QVBoxLayout(self)
        column.addStretch()
        column.addWidget(self.sentence)
        column.addWidget(self.button, alignment=Qt.AlignmentFlag.AlignHCenter)
        column.addStretch()
        context.runner.started.connect(self._on_runner_started)
        self._follow(context.runner.job)

    def show_no_run(self) -> None:
        """Ask for a run."""
        self._show(_NO_RUN, False)

    def show_wait(self) -> None:
        """Say that the points are on their way."""
        self._show("Preparing the plot ...", False)

    def show_failure(self, reason: str) -> None:
        """Say why there are no points."""
        self._show(reason, False)

    def offer_umap(self) -> None:
        """Offer to compute the UMAP, or show how far it is."""
        if self._job is None:
            self._show(_NO_PLACES, True)
        else:
            self._show("Computing the UMAP ...", True)

    def _show(self, sentence: str, has_button: bool) -> None:
        self.sentence.setText(sentence)
        self.button.setVisible(has_button)
        self.button.setText(_COMPUTE if self._job is None else _CANCEL)
        self.button.setEnabled(True)

    def _on_button_clicked(self) -> None:
        if self._job is not None:
            self.button.setText(_CANCELLING)
            self.button.setEnabled(False)
            self._job.cancel()
        elif self._context.session.run is not None:
            with sentences_shown():
                self._compute(self._context.session.run)

    def _compute(self, run: Run) -> None:
        """Start the job; its result is loaded even if this dock has been closed meanwhile."""
        job = self._context.runner.start(UMAP, embed(run), is_heavy=True)
        job.finished.connect(partial(_load_embedded, self._context.session))

    def _on_runner_started(self, job: RunningJob) -> None:
        self._follow(job)

    def _follow(self, job: RunningJob | None) -> None:
        """Show how far a job is, if it is the UMAP."""
        if job is None or job.title != UMAP or job.has_ended:
            return
        self._job = job
        job.progressed.connect(self._on_job_progressed)
        job.ended.connect(self._on_job_ended)
        if not self.button.isHidden():
            self.offer_umap()

    def _on_job_progressed(self, progress: Progress, remaining_s: float | None) -> None:
        if not self.button.isHidden():
            self.sentence.setText(progress.text)

    def _on_job_ended(self) -> None:
        self._job = None
        if not self.button.isHidden():
            self.offer_umap()


def _load_embedded(session: Session, embedded: Run) -> None:
    """Show the places, unless another run has been opened meanwhile."""
    run = session.run
    if run is not None and run.path == embedded.path:
        session.set_run(embedded)
