"""The dock of validation and of the choice of K."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QPushButton, QWidget

from napari_histoclust.core.config import PRESETS, FitSettings
from napari_histoclust.core.validation.k_range import USUAL
from napari_histoclust.session.dock_states import (
    Document,
    ValidationState,
    answered,
    read_comparison,
    read_indices,
    resolve_validation,
)
from napari_histoclust.session.forms.number_range import NumberRange
from napari_histoclust.session.jobs import choose_k, validate
from napari_histoclust.session.session import Aspect
from napari_histoclust.viewer.notices import sentences_shown
from napari_histoclust.widgets._controls import prose, section, tipped
from napari_histoclust.widgets._dialogs import ask_new_folder, beside_slides
from napari_histoclust.widgets._dock import JobDock
from napari_histoclust.widgets._job_button import JobButton, JobLine
from napari_histoclust.widgets._number_box import NumberBox
from napari_histoclust.widgets.forms import settings_of
from napari_histoclust.widgets.validation.index_table import IndexTable
from napari_histoclust.widgets.validation.k_curves import KCurves

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.widgets.context import Context

_CHOICE = (
    "How many clusters does the tissue bear? The encoders are trained once a seed on patches of the slide "
    "that is shown. For each number of clusters, halves and bootstraps of the tissue say whether the "
    "clusters come back, beside shuffled tissue and points without structure. With the preset paper a model "
    "is trained for each number and each seed, which takes hours."
)
_FOLDER = (
    "Table and curves are written there. A folder in which the same comparison was interrupted is gone on "
    "with."
)
_FIGURE = "indices.png"
_USUAL = USUAL["neighbours"]
_KS, _SEED_COUNTS = NumberRange(2, 200, is_whole=True), NumberRange(1, 100, is_whole=True)


class ValidationDock(JobDock):
    """Indices of the run, and models of several numbers of clusters side by side."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        runner = context.runner
        self.compute = JobButton(
            "Compute the indices", "How compact and how separate the clusters are, beside k-means.", runner
        )
        self.compare = JobButton("Compare numbers of clusters…", _CHOICE, runner)
        self.buttons = {"validate": self.compute, "compare": self.compare}
        self.figure = tipped(
            QPushButton("All curves"), "Open the figure with all measures, as it is for print."
        )
        self.compute_line, self.compare_line = JobLine(), JobLine()
        self.note, self.answer, self.verdict = prose(), prose(), prose()
        self.table, self.curves = IndexTable(), KCurves()
        self.first = NumberBox(_KS, _USUAL.ks[0], "Smallest number of clusters.")
        self.last = NumberBox(_KS, _USUAL.ks[-1], "Largest number of clusters, itself included.")
        self.seeds = NumberBox(
            _SEED_COUNTS, _USUAL.seeds, "Trainings: with several, their spread shows what is chance."
        )
        self._arrange()
        self._listen()
        self._read()
        self._refresh()

    def _arrange(self) -> None:
        ks, form = QHBoxLayout(), QFormLayout()
        ks.addWidget(self.first, 1)
        ks.addWidget(prose("to"))
        ks.addWidget(self.last, 1)
        form.addRow("Clusters", ks)
        form.addRow("Seeds", self.seeds)
        self.add(section("Indices"), self.compute, self.compute_line, self.table, self.note)
        self.add(section("Choice of K"), prose(_CHOICE), form, self.compare, self.compare_line)
        self.add(self.answer, self.curves, self.figure, self.verdict)

    def _listen(self) -> None:
        self.compute.asked.connect(self.validate)
        self.compare.asked.connect(self._on_compare_asked)
        self.figure.clicked.connect(self._on_figure_clicked)

    def validate(self) -> None:
        """Compute the indices of the run."""
        run = self.context.session.run
        if run is not None:
            job = validate(run)
            self.start(self.compute, self.compute_line, "Validation", job, self._on_validated)

    def compare_into(self, folder: Path) -> None:
        """Compare the numbers of clusters that the form says; table and curves go to `folder`."""
        stack = self.context.session.stack
        if stack is None:
            return
        with sentences_shown():
            job = choose_k(stack, *self._wanted(), folder)
            self.start(self.compare, self.compare_line, "Choice of K", job, self._on_compared, is_heavy=True)

    def _wanted(self) -> tuple[FitSettings, range, int]:
        """Return settings, numbers of clusters and seeds; raise HistoclustError if one is out of range."""
        first, last = sorted(box.checked("Clusters") for box in (self.first, self.last))
        return self._settings(), range(first, last + 1), self.seeds.checked("Seeds")

    def _settings(self) -> FitSettings:
        """Return what is typed in the dock of models, where the same patches are trained on."""
        typed = self.context.session.notes.typed
        return PRESETS["robust"].settings if typed is None else settings_of(FitSettings, typed.fit)

    def _on_validated(self, _run: Run) -> None:
        self._read()
        self._refresh()

    def _on_compare_asked(self) -> None:
        with sentences_shown():
            self._wanted()  # before a folder is asked for
            proposed = beside_slides(self.context.session.stacks, "choose-k")
            folder = ask_new_folder("Compare numbers of clusters", _FOLDER, proposed, self)
            if folder is not None:
                self.compare_into(folder)

    def _on_compared(self, folder: Path) -> None:
        self.context.session.notes.choose_k_folder = folder
        self._read()
        self._refresh()

    def _on_figure_clicked(self) -> None:
        folder = self.context.session.notes.choose_k_folder
        QDesktopServices.openUrl(QUrl.fromLocalFile(f"{folder}/{_FIGURE}"))

    def _on_session_changed(self, changed: frozenset[Aspect]) -> None:
        if Aspect.RUN in changed:
            self._read()
        self._refresh()

    def _read(self) -> None:
        """Read what lies in the folders of the run and of the last comparison."""
        session = self.context.session
        self._indices = read_indices(session.run)
        self._comparison = read_comparison(session.notes.choose_k_folder)

    def _resolve(self) -> ValidationState:
        return resolve_validation(self.context.session, self._indices, self._comparison)

    def _show_indices(self, indices: Document | None) -> None:
        self.table.setVisible(indices is not None)
        if indices is not None:
            self.table.show_document(indices)

    def _show_note(self, note: str) -> None:
        self.note.setText(note)

    def _show_comparison(self, comparison: Document | None) -> None:
        for widget in (self.curves, self.figure, self.verdict):
            widget.setVisible(comparison is not None)
        answer, rest = answered(comparison)
        self.answer.setVisible(bool(answer))
        self.answer.setText(answer)
        self.verdict.setText(rest)
        if comparison is not None:
            self.curves.show_document(comparison)
