"""The dock that saves and exports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_histoclust.viewer.notices import sentences_shown, tell
from napari_histoclust.widgets._follow import follow
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


class ResultsDock(QWidget):
    """Save the run, copy it, export it.

    Parameters
    ----------
    context : Context
    parent : QWidget, optional
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.where = QLabel(
            self, wordWrap=True, textInteractionFlags=Qt.TextInteractionFlag.TextSelectableByMouse
        )
        self.save_button = QPushButton(
            "Save", self, toolTip="Write names, colours, merges and the view into the run folder."
        )
        self._copy = QPushButton("Save a copy…", self, toolTip="Copy the whole run folder, with all changes.")
        self._boxes = {name: _box(self, name) for name in _FORMATS}
        self._export = QPushButton(
            "Export…", self, toolTip="Write the ticked formats into a folder of your choice."
        )
        self._cancel = QPushButton("Cancel", self, visible=False)
        self.progress = QLabel(self, wordWrap=True)
        self._arrange()
        self.save_button.clicked.connect(self._on_save_clicked)
        self._copy.clicked.connect(self._on_copy_clicked)
        self._export.clicked.connect(self._on_export_clicked)
        self._cancel.clicked.connect(context.runner.cancel)
        for signal in (context.session.run_changed, context.session.saved, context.session.palette.changed):
            follow(self, signal, self._on_session_changed)
        self._on_session_changed()

    def _arrange(self) -> None:
        column, row = QVBoxLayout(self), QHBoxLayout()
        column.addWidget(self.where)
        row.addWidget(self.save_button)
        row.addWidget(self._copy)
        column.addLayout(row)
        group = QGroupBox("Export", self)
        grid = QGridLayout(group)
        for i, box in enumerate(self._boxes.values()):
            grid.addWidget(box, i // 2, i % 2)
        column.addWidget(group)
        row = QHBoxLayout()
        row.addWidget(self._export)
        row.addWidget(self._cancel)
        column.addLayout(row)
        column.addWidget(self.progress)
        column.addStretch(1)

    def _on_session_changed(self) -> None:
        session = self._context.session
        has_run = session.run is not None
        for button in (self.save_button, self._copy, self._export):
            button.setEnabled(has_run)
        self.save_button.setText("Save *" if session.has_unsaved_edits else "Save")
        if session.run is None:
            self.where.setText("There is no run yet. Map a slide, or open a run folder, in the other tabs.")
        else:
            self.where.setText(f"{len(session.run):,} patches in\n{session.run.path}")

    def _on_save_clicked(self) -> None:
        if save(self._context):
            tell("Saved.")

    def _on_copy_clicked(self) -> None:
        run = self._context.session.run
        if run is None:
            return
        name, _ = QFileDialog.getSaveFileName(self, "Save a copy of the run as", f"{run.path}-copy")
        if name:
            self.copy_to(Path(name))

    def copy_to(self, folder: Path) -> None:
        """Save, and copy the run folder."""
        run = self._context.session.run
        if run is not None and save(self._context):
            self._start("Copying", copy_run(run.path, folder))

    def _on_export_clicked(self) -> None:
        run = self._context.session.run
        if run is None:
            return
        folder = QFileDialog.getExistingDirectory(self, "Export into", str(run.path))
        if folder:
            self.export_to(Path(folder), self.formats())

    def export_to(self, folder: Path, formats: list[str]) -> None:
        """Write the run, as it is named and merged, into a folder."""
        run = self._context.session.edited_run()
        if run is not None:
            self._start("Export", _export(run, formats, folder))

    def formats(self) -> list[str]:
        """Return the ticked formats."""
        return [name for name, box in self._boxes.items() if box.isChecked()]

    def _start(self, title: str, job: Job[object]) -> None:
        with sentences_shown():
            running = self._context.runner.start(title, job)
            self._cancel.setVisible(True)
            running.progressed.connect(self._on_job_progressed)
            running.finished.connect(self._on_job_finished)
            running.ended.connect(self._on_job_ended)

    def _on_job_progressed(self, progress: object, _remaining_s: object) -> None:
        self.progress.setText(str(progress))

    def _on_job_finished(self, result: object) -> None:
        files = result if isinstance(result, tuple) else (result,)
        self.progress.setText("Written: " + ", ".join(Path(str(file)).name for file in files))

    def _on_job_ended(self) -> None:
        self._cancel.setVisible(False)


def _box(parent: QWidget, name: str) -> QCheckBox:
    caption, hint = _FORMATS[name]
    return QCheckBox(caption, parent, checked=name in _USUAL, toolTip=hint)


def _export(run: Run, formats: list[str], folder: Path) -> Job[tuple[Path, ...]]:
    from napari_histoclust.core.export import export_run  # matplotlib and zarr, in the job's thread

    return (yield from export_run(run, formats, folder))
