"""The dock that saves and exports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget

from napari_histoclust.session.dock_states import ResultsState, resolve_results
from napari_histoclust.session.jobs import copy_run, export
from napari_histoclust.viewer.notices import sentences_shown, tell
from napari_histoclust.widgets._controls import prose, section, tipped
from napari_histoclust.widgets._dialogs import ask_new_folder, free_folder
from napari_histoclust.widgets._dock import JobDock
from napari_histoclust.widgets._job_button import JobButton, JobLine
from napari_histoclust.widgets.results.choices import SELECTED, ExportChoices
from napari_histoclust.widgets.saving import save

if TYPE_CHECKING:
    from napari_histoclust.core.jobs import Job
    from napari_histoclust.widgets.context import Context


class ResultsDock(JobDock):
    """Save the run, copy it, export it."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self.location, self.written = prose(), prose()
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
        self.buttons = {"copy": self.copy_button, "export": self.export_button}
        self.line = JobLine()
        self._arrange()
        self.save_button.clicked.connect(self._on_save_clicked)
        self.copy_button.asked.connect(self._on_copy_asked)
        self.export_button.asked.connect(self._on_export_asked)
        self.choices.changed.connect(self._refresh)
        self._refresh()

    def _arrange(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.save_button)
        row.addWidget(self.copy_button)
        self.add(section("Run"), self.location, row, section("Export"), self.choices, self.export_button)
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
            job = export(run, patches, chosen.formats(), folder, chosen.options())
            self._start(self.export_button, "Export", job)

    def _start(self, button: JobButton, title: str, job: Job[tuple[Path, ...]]) -> None:
        self.written.clear()
        self.start(button, self.line, title, job, self._on_written)

    def _on_written(self, files: tuple[Path, ...]) -> None:
        names = ", ".join(file.name for file in files)
        self.written.setText(f"Written into {files[0].parent}: {names}.")

    def _resolve(self) -> ResultsState:
        is_of_selection = self.choices.scope.currentText() == SELECTED
        return resolve_results(self.context.session, bool(self.choices.formats()), is_of_selection)

    def _show_has_run(self, has_run: bool) -> None:
        self.save_button.setEnabled(has_run)

    def _show_location(self, location: str) -> None:
        self.location.setText(location)

    def _show_save_caption(self, caption: str) -> None:
        self.save_button.setText(caption)

    def _show_stains(self, stains: tuple[str, ...]) -> None:
        self.choices.set_stains(stains)

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
