"""The dock that saves and exports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget

from napari_histoclust.viewer.notices import sentences_shown, tell
from napari_histoclust.widgets._dock import JobDock, prose, section
from napari_histoclust.widgets._folders import ask_new_folder, free_folder
from napari_histoclust.widgets._follow import follow
from napari_histoclust.widgets._job_button import JobButton, JobLine
from napari_histoclust.widgets._tips import tipped
from napari_histoclust.widgets.results.choices import SELECTED, ExportChoices
from napari_histoclust.widgets.saving import copy_run, save

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_histoclust.core.export.options import ExportOptions
    from napari_histoclust.core.jobs import Job
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.widgets.context import Context


class ResultsDock(JobDock):
    """Save the run, copy it, export it.

    Parameters
    ----------
    context : Context
    parent : QWidget, optional
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self.where, self.written = prose(), prose()
        self.save_button = tipped(
            QPushButton("Save"), "Write names, colours, merges and the view into the run folder."
        )
        self.copy_button = JobButton(
            "Save a copy…", "Copy the whole run folder, with all changes.", context.runner
        )
        self.choices = ExportChoices()
        self.export_button = JobButton(
            "Export…", "Write the ticked formats into a folder of your choice.", context.runner
        )
        self.line = JobLine()
        self._arrange()
        self.save_button.clicked.connect(self._on_save_clicked)
        self.copy_button.asked.connect(self._on_copy_asked)
        self.export_button.asked.connect(self._on_export_asked)
        self.choices.changed.connect(self._on_session_changed)
        session = context.session
        for signal in (session.saved, session.palette.changed, session.selection.changed):
            follow(self, signal, self._on_session_changed)
        follow(self, session.run_changed, self._on_run_changed)
        self._on_run_changed()

    def _arrange(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.save_button)
        row.addWidget(self.copy_button)
        self.add(section("Run"), self.where, row, section("Export"), self.choices, self.export_button)
        self.add(self.line, self.written)

    def copy_to(self, folder: Path) -> None:
        """Save, and copy the run folder."""
        run = self.context.session.run
        if run is not None and save(self.context):
            self._start(self.copy_button, "Copying", copy_run(run.path, folder))

    def export_to(self, folder: Path) -> None:
        """Write what is chosen, as it is named and merged, into a folder."""
        run, chosen = self.context.session.edited_run(), self.choices
        if run is None:
            return
        with sentences_shown():
            patches = chosen.patches(self.context.session)
            job = _export(run, patches, chosen.formats(), folder, chosen.options())
            self._start(self.export_button, "Export", job)

    def _start(self, button: JobButton, title: str, job: Job[tuple[Path, ...]]) -> None:
        self.written.clear()
        self.start(button, self.line, title, job, self._on_written)

    def _on_written(self, files: tuple[Path, ...]) -> None:
        names = ", ".join(file.name for file in files)
        self.written.setText(f"Written into {files[0].parent}: {names}.")

    def _on_run_changed(self) -> None:
        run = self.context.session.run
        self.choices.set_stains(() if run is None else run.stains)
        self._on_session_changed()

    def _on_session_changed(self) -> None:
        session = self.context.session
        hindrance = "" if session.run is not None else "There is no run yet."
        self.save_button.setEnabled(session.run is not None)
        self.copy_button.set_hindrance(hindrance)
        self.export_button.set_hindrance(hindrance or self._nothing_to_export())
        self.save_button.setText("Save *" if session.has_unsaved_edits else "Save")
        if session.run is None:
            self.where.setText("There is no run yet. Map a slide, or open a run folder, in the other tabs.")
        else:
            self.where.setText(f"{len(session.run):,} patches in\n{session.run.path}")

    def _nothing_to_export(self) -> str:
        if not self.choices.formats():
            return "Tick at least one format."
        if self.choices.scope.currentText() == SELECTED and not len(self.context.session.selection):
            return "Nothing is selected: choose some patches on the plot or the tissue."
        return ""

    def _on_save_clicked(self) -> None:
        if save(self.context):
            tell("Saved.")

    def _on_copy_asked(self) -> None:
        run = self.context.session.run
        if run is not None:
            words = "The run is copied there with all changes."
            folder = ask_new_folder(
                "Save a copy", words, free_folder(run.path, f"{run.path.name}-copy"), self
            )
            if folder is not None:
                self.copy_to(folder)

    def _on_export_asked(self) -> None:
        run = self.context.session.run
        if run is None:
            return
        with sentences_shown():
            self.choices.options()  # before a folder is asked for
            folder = QFileDialog.getExistingDirectory(self, "Export into", str(run.path))
            if folder:
                self.export_to(Path(folder))


def _export(
    run: Run,
    patches: NDArray[np.bool_] | None,
    formats: list[str],
    folder: Path,
    options: ExportOptions,
) -> Job[tuple[Path, ...]]:
    from napari_histoclust.core.export import export_run  # matplotlib and zarr, in the job's thread
    from napari_histoclust.core.run.subset import part_of

    part = run if patches is None else part_of(run, patches)
    return (yield from export_run(part, formats, folder, options))
