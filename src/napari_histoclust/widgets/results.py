"""The dock that saves and exports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QCheckBox, QFileDialog, QGridLayout, QHBoxLayout, QPushButton, QWidget

from napari_histoclust.viewer.notices import tell
from napari_histoclust.widgets._dock import JobDock, prose, section
from napari_histoclust.widgets._folders import ask_new_folder, free_folder
from napari_histoclust.widgets._follow import follow
from napari_histoclust.widgets._job_button import JobButton, JobLine
from napari_histoclust.widgets._tips import tipped
from napari_histoclust.widgets.saving import copy_run, save

if TYPE_CHECKING:
    from napari_histoclust.core.jobs import Job
    from napari_histoclust.core.run import Run
    from napari_histoclust.widgets.context import Context

_FORMATS = {
    "geojson": ("QuPath (GeoJSON)", "Outlines of the clusters with names and colours, for QuPath."),
    "ome-tiff": ("Label image (OME-TIFF)", "Cluster of each place at full slide size, tiled and pyramidal."),
    "ome-zarr": ("Label image (OME-Zarr)", "The same as OME-NGFF, with colours and names."),
    "csv": ("Tables (CSV)", "One line a patch, and one a cluster, for a spreadsheet."),
    "parquet": ("Table (Parquet)", "One line a patch, compact, for pandas and R."),
    "h5ad": ("AnnData (h5ad)", "All features and results, for scanpy and squidpy."),
    "png": ("Map (PNG)", "The slide coloured by cluster with legend and scale bar."),
    "pdf": ("Map (PDF)", "The same with vector text, for a paper."),
    "svg": ("Map (SVG)", "The same, to be edited."),
}
_USUAL = ("geojson", "csv", "png")


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
        self.boxes = {name: _box(name) for name in _FORMATS}
        self.export_button = JobButton(
            "Export…", "Write the ticked formats into a folder of your choice.", context.runner
        )
        self.line = JobLine()
        self._arrange()
        self.save_button.clicked.connect(self._on_save_clicked)
        self.copy_button.asked.connect(self._on_copy_asked)
        self.export_button.asked.connect(self._on_export_asked)
        session = context.session
        for signal in (session.run_changed, session.saved, session.palette.changed):
            follow(self, signal, self._on_session_changed)
        self._on_session_changed()

    def _arrange(self) -> None:
        row, grid = QHBoxLayout(), QGridLayout()
        row.addWidget(self.save_button)
        row.addWidget(self.copy_button)
        for i, box in enumerate(self.boxes.values()):
            grid.addWidget(box, i // 2, i % 2)
        self.add(section("Run"), self.where, row, section("Export"), grid, self.export_button)
        self.add(self.line, self.written)

    def formats(self) -> list[str]:
        """Return the ticked formats."""
        return [name for name, box in self.boxes.items() if box.isChecked()]

    def copy_to(self, folder: Path) -> None:
        """Save, and copy the run folder."""
        run = self.context.session.run
        if run is not None and save(self.context):
            self._start(self.copy_button, "Copying", copy_run(run.path, folder))

    def export_to(self, folder: Path, formats: list[str]) -> None:
        """Write the run, as it is named and merged, into a folder."""
        run = self.context.session.edited_run()
        if run is not None:
            self._start(self.export_button, "Export", _export(run, formats, folder))

    def _start(self, button: JobButton, title: str, job: Job[tuple[Path, ...]]) -> None:
        self.written.clear()
        self.start(button, self.line, title, job, self._on_written)

    def _on_written(self, files: tuple[Path, ...]) -> None:
        names = ", ".join(file.name for file in files)
        self.written.setText(f"Written into {files[0].parent}: {names}.")

    def _on_session_changed(self) -> None:
        session = self.context.session
        hindrance = "" if session.run is not None else "There is no run yet."
        self.save_button.setEnabled(session.run is not None)
        self.copy_button.set_hindrance(hindrance)
        self.export_button.set_hindrance(hindrance)
        self.save_button.setText("Save *" if session.has_unsaved_edits else "Save")
        if session.run is None:
            self.where.setText("There is no run yet. Map a slide, or open a run folder, in the other tabs.")
        else:
            self.where.setText(f"{len(session.run):,} patches in\n{session.run.path}")

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
        if run is not None:
            folder = QFileDialog.getExistingDirectory(self, "Export into", str(run.path))
            if folder:
                self.export_to(Path(folder), self.formats())


def _box(name: str) -> QCheckBox:
    caption, hint = _FORMATS[name]
    box = tipped(QCheckBox(caption), hint)
    box.setChecked(name in _USUAL)
    return box


def _export(run: Run, formats: list[str], folder: Path) -> Job[tuple[Path, ...]]:
    from napari_histoclust.core.export import export_run  # matplotlib and zarr, in the job's thread

    return (yield from export_run(run, formats, folder))
