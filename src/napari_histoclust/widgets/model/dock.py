"""The dock that trains, loads and applies a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QDialog, QFileDialog, QFormLayout, QGridLayout, QHBoxLayout, QLabel, QWidget

from napari_histoclust.core.config import FitSettings, MapSettings, RunSettings
from napari_histoclust.session import jobs
from napari_histoclust.session.dock_states import ModelState, doubts, resolve_model
from napari_histoclust.session.next_step import Step, map_warning
from napari_histoclust.session.session import Typed
from napari_histoclust.viewer.notices import sentences_shown, tell, warn
from napari_histoclust.widgets._controls import prose, section
from napari_histoclust.widgets._dialogs import ask_new_folder, beside_slides
from napari_histoclust.widgets._dock import JobDock
from napari_histoclust.widgets._job_button import JobButton, JobLine
from napari_histoclust.widgets.forms import FitForm, SettingsForm
from napari_histoclust.widgets.model.import_dialog import ImportDialog
from napari_histoclust.widgets.model.learning_curves import LearningCurves
from napari_histoclust.widgets.saving import may_leave

if TYPE_CHECKING:
    from napari_histoclust.core.jobs import Progress
    from napari_histoclust.core.model.bundle import Model
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.widgets.context import Context

_RUN_FOLDER = (
    "The run folder: labels, model and tables are written there. A folder in which the same job was "
    "interrupted is gone on with."
)


class ModelDock(JobDock):
    """Train, load, save and apply a model."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self._make_buttons()
        self.fit_form = FitForm()
        self.map_form = SettingsForm(MapSettings(), (), "Settings of the map")
        self.curves = LearningCurves()
        self.note = prose()
        self._description = QFormLayout()
        self.train_line, self.model_line, self.map_line = JobLine(), JobLine(), JobLine()
        self._arrange()
        self._recall()
        self._listen()
        self._refresh()

    def _make_buttons(self) -> None:
        runner = self.context.runner
        self.train_button = JobButton("Train", "Train a model on random patches of all slides.", runner)
        self.everything_button = JobButton(
            "Run everything…",
            "Train, map, UMAP, indices and figures in one go, into a folder of your choice. It can be "
            "interrupted and gone on with.",
            runner,
        )
        self.load_button = JobButton("Load…", "A folder that holds a model, or a run folder.", runner)
        self.save_button = JobButton(
            "Save…", "Write the model into a folder, to use it on other slides.", runner
        )
        self.import_button = JobButton(
            "Import…", "The checkpoint files that the authors of the paper published.", runner
        )
        self.map_button = JobButton("Map…", "Label every tissue patch of all slides with this model.", runner)
        self.embed_button = JobButton(
            "UMAP", "Lay the patches out in the plane, so that those that look alike lie together.", runner
        )

    def _arrange(self) -> None:
        training_row, model_row, map_row = QHBoxLayout(), QHBoxLayout(), QGridLayout()
        training_row.addWidget(self.train_button)
        training_row.addWidget(self.everything_button)
        for button in (self.load_button, self.save_button, self.import_button):
            model_row.addWidget(button)
        map_row.addWidget(self.map_button, 0, 0)
        map_row.addWidget(self.embed_button, 0, 1)
        self.buttons = {
            "train": self.train_button,
            "everything": self.everything_button,
            "save": self.save_button,
            "map": self.map_button,
            "embed": self.embed_button,
        }
        self.add(section("Train"), self.fit_form, training_row, self.train_line, self.curves)
        self.add(section("Model"), self.note, self._description, model_row, self.model_line)
        self.add(section("Map"), self.map_form, map_row, self.map_line)
        self._description.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)

    def _listen(self) -> None:
        self.train_button.asked.connect(self.train)
        self.everything_button.asked.connect(self._on_everything_asked)
        self.load_button.asked.connect(self._on_load_asked)
        self.save_button.asked.connect(self._on_save_asked)
        self.import_button.asked.connect(self._on_import_asked)
        self.map_button.asked.connect(self._on_map_asked)
        self.embed_button.asked.connect(self.embed)
        self.fit_form.valueChanged.connect(self._on_form_changed)
        self.map_form.valueChanged.connect(self._on_form_changed)

    def train(self) -> None:
        """Train a model with the settings of the form; the former one stays until it is done."""
        if not may_leave(self.context, self):
            return
        with sentences_shown():
            settings = self.fit_form.value()
            settings.check()
            job = jobs.train(self.context.session.stacks, settings)
            running = self.start(
                self.train_button, self.train_line, "Training", job, self._on_trained, is_heavy=True
            )
            if running is not None:
                self._follow_training(running, settings)

    def map_to(self, folder: Path, *, allow_missing: bool = False) -> None:
        """Label the slides with the model and write the run to `folder`; without stains only if allowed."""
        session = self.context.session
        if session.model is None:
            return
        with sentences_shown():
            settings = self.map_form.value()
            if allow_missing:
                settings = settings.model_copy(update={"allow_missing": True})
            job = jobs.map_slides(session.stacks, session.model, settings, folder)
            self.start(self.map_button, self.map_line, "Mapping", job, self._on_mapped, is_heavy=True)

    def run_everything_to(self, folder: Path) -> None:
        """Train, map, embed, validate and draw into `folder`."""
        with sentences_shown():
            settings = self.run_settings()
            job = jobs.run_everything(self.context.session.stacks, self.fit_form.preset(), settings, folder)
            button, line = self.everything_button, self.train_line
            running = self.start(button, line, "Running everything", job, self._on_mapped, is_heavy=True)
            if running is not None:
                self._follow_training(running, settings)

    def embed(self) -> None:
        """Lay the patches of the run out by UMAP."""
        run = self.context.session.run
        if run is not None:
            job = jobs.embed(run)
            self.start(self.embed_button, self.map_line, "UMAP", job, self._on_embedded, is_heavy=True)

    def load_from(self, folder: Path) -> None:
        """Load the model in `folder`, or in the run folder that it is."""
        if may_leave(self.context, self):
            self._read("Loading the model", self.load_button, jobs.load_model_in(folder))

    def save_to(self, folder: Path) -> None:
        """Write the model to `folder`."""
        model = self.context.session.model
        if model is not None:
            job = jobs.save_model_to(model, folder)
            self.start(self.save_button, self.model_line, "Saving the model", job, self._on_saved)

    def import_from(self, folder: Path, stains: tuple[str, ...], patch_px: int) -> None:
        """Read the authors' checkpoint files in `folder`."""
        if may_leave(self.context, self):
            job = jobs.read_checkpoints(folder, stains, patch_px)
            self._read("Importing the model", self.import_button, job)

    def run_settings(self) -> RunSettings:
        """Return the settings of the whole job: those of the training, and the stride of the map.

        Raises
        ------
        HistoclustError
            If a value is out of its range.
        """
        stride = {"stride_px": self.map_form.value().stride_px}
        return RunSettings.model_validate(self.fit_form.value().model_dump() | stride)

    def _read(self, title: str, button: JobButton, job: Any) -> None:
        self.start(button, self.model_line, title, job, self._on_trained)

    def _follow_training(self, running: Any, settings: FitSettings) -> None:
        self.curves.follow_training(settings.epochs)
        running.progressed.connect(self._on_training_progressed)
        running.ended.connect(self._on_training_ended)

    def _on_training_progressed(self, progress: Progress, _remaining_s: float | None) -> None:
        was_hidden = self.curves.isHidden()
        self.curves.add(progress)
        if was_hidden and not self.curves.isHidden():
            QTimer.singleShot(0, self._on_curves_shown)  # once they have a place

    def _on_curves_shown(self) -> None:
        self.ensureWidgetVisible(self.curves.charts["loss"])

    def _folder(self) -> str:
        return str(self.context.session.notes.folder)

    def _on_training_ended(self) -> None:
        """Go back to the curve of the model that is there, after a success and after a cancel."""
        model = self.context.session.model
        self.curves.show_history(() if model is None else model.spec.history)

    def _on_trained(self, model: Model) -> None:
        self.context.session.set_model(model)

    def _on_mapped(self, mapped: jobs.MappedRun) -> None:
        self.context.session.load(mapped.run, mapped.stacks, mapped.model)
        for sentence in doubts(mapped.run):
            warn(sentence)

    def _on_embedded(self, run: Run) -> None:
        self.context.session.set_run(run)

    def _on_saved(self, folder: Path) -> None:
        tell(f"The model is in {folder}.")

    def _on_everything_asked(self) -> None:
        self._ask_run_folder("Run everything", self.run_settings, self.run_everything_to)

    def _on_map_asked(self) -> None:
        # whoever goes on from this dialog has read which stains are missing
        warning = map_warning(self.context.session)
        words = f"⚠ {warning}\n\n{_RUN_FOLDER}" if warning else _RUN_FOLDER
        go = partial(self.map_to, allow_missing=bool(warning))
        self._ask_run_folder("Map the slides", self.map_form.value, go, words)

    def _ask_run_folder(self, title: str, check: Any, go: Any, words: str = _RUN_FOLDER) -> None:
        if not may_leave(self.context, self):
            return
        proposed = beside_slides(self.context.session.stacks, "run")
        with sentences_shown():
            check()  # what is typed, before a folder is asked for
            folder = ask_new_folder(title, words, proposed, self)
            if folder is not None:
                go(folder)

    def _on_load_asked(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder of the model, or run folder", self._folder())
        if folder:
            self.load_from(Path(folder))

    def _on_save_asked(self) -> None:
        session = self.context.session
        proposed = beside_slides(session.stacks, "model") if session.stacks else Path.home() / "model"
        folder = ask_new_folder("Save the model", "The folder of the model.", proposed, self)
        if folder is not None:
            self.save_to(folder)

    def _on_import_asked(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder of the authors' checkpoints", self._folder())
        if not folder:
            return
        stacks = self.context.session.stacks
        dialog = ImportDialog(stacks[0].stains if stacks else (), self)
        if dialog.exec() == QDialog.DialogCode.Accepted:
            self.import_from(Path(folder), dialog.stains(), dialog.patch_px())
        dialog.deleteLater()

    def _on_form_changed(self) -> None:
        # half of a number too: it is judged when it is used
        typed = Typed(self.fit_form.preset(), self.fit_form.form.typed(), self.map_form.typed())
        self.context.session.notes.typed = typed

    def _recall(self) -> None:
        """Show what was typed before the dock was closed."""
        typed = self.context.session.notes.typed
        if typed is not None:
            self.fit_form.set_typed(typed.preset, typed.fit)
            self.map_form.set_typed(typed.mapping)

    def _resolve(self) -> ModelState:
        return resolve_model(self.context.session)

    def _show_um_per_px(self, um_per_px: float | None) -> None:
        self.fit_form.form.set_um_per_px(um_per_px)
        self.map_form.set_um_per_px(um_per_px)

    def _show_next_step(self, step: Step) -> None:
        self.train_button.set_primary(step == "model")
        self.map_button.set_primary(step == "map")
        self.embed_button.set_primary(step == "umap")

    def _show_note(self, note: str) -> None:
        self.note.setText(note)
        self.note.setVisible(bool(note))

    def _show_description(self, lines: Mapping[str, str]) -> None:
        while self._description.rowCount():
            self._description.removeRow(0)
        for caption, text in lines.items():
            self._description.addRow(QLabel(caption), prose(text))

    def _show_history(self, history: Sequence[Mapping[str, float]]) -> None:
        if not self.curves.is_live:
            self.curves.show_history(history)
