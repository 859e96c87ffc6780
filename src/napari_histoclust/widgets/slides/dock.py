"""The dock of slides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QPushButton, QWidget

from napari_histoclust.session.dock_states import SlidesState, resolve_slides
from napari_histoclust.session.jobs import (
    FoundSlides,
    OpenedStacks,
    align,
    find_slides,
    open_sample,
    open_stacks,
    slide_paths,
)
from napari_histoclust.session.opening import OpenedRun, open_run_folder
from napari_histoclust.viewer.notices import warn
from napari_histoclust.viewer.reading import run_folder
from napari_histoclust.widgets._controls import prose, tipped
from napari_histoclust.widgets._dock import JobDock
from napari_histoclust.widgets._job_button import JobButton, JobLine
from napari_histoclust.widgets.open import show_run
from napari_histoclust.widgets.saving import may_leave
from napari_histoclust.widgets.slides.alignment_table import AlignmentTable
from napari_histoclust.widgets.slides.stack_list import StackList

if TYPE_CHECKING:
    from napari_histoclust.core.alignment import StainAlignment
    from napari_histoclust.core.slides.stack import Stack
    from napari_histoclust.widgets.context import Context

_IMAGES = "Slides (*.yaml *.yml *.tif *.tiff *.btf *.tf8 *.svs *.ndpi *.png *.jpg *.jpeg);;All files (*)"


class SlidesDock(JobDock):
    """Add, show, check and remove slides; open a run."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        runner = context.runner
        self.setAcceptDrops(True)
        self.add_folder = JobButton(
            "Add slides…", "A folder with one image a stain, all of the same piece of tissue.", runner
        )
        self.add_files = JobButton(
            "Add files…",
            "A stack.yaml, a multichannel OME-TIFF, or the images of all stains at once.",
            runner,
        )
        self.open_run = JobButton(
            "Open run…", "A run folder: slides, model, clusters, names and view as they were saved.", runner
        )
        self.sample = JobButton(
            "Sample slide", "A made-up slide of five stains, 1 mm wide, written at the first time.", runner
        )
        self.check = JobButton(
            "Check alignment", "Whether the stains of the slide that is shown lie on one another.", runner
        )
        self.remove = tipped(
            QPushButton("Remove"), "Take the slide that is shown off the list; no file is deleted."
        )
        self.relink = JobButton(
            "Find slides…", "The folder in which the images of this run lie now; they are compared.", runner
        )
        self.buttons = {"check": self.check}
        self.line = JobLine()
        self.hint = prose()
        self.list = StackList()
        self.table = AlignmentTable()
        self._arrange()
        self._listen()
        self._refresh()

    def _arrange(self) -> None:
        adding, below = QGridLayout(), QHBoxLayout()
        for number, button in enumerate((self.add_folder, self.add_files, self.open_run, self.sample)):
            adding.addWidget(button, number // 2, number % 2)
        below.addWidget(self.check)
        below.addWidget(self.remove)
        self.add(adding, self.line, self.hint, self.relink, self.list, below, self.table)

    def _listen(self) -> None:
        self.add_folder.asked.connect(self._on_add_folder_asked)
        self.add_files.asked.connect(self._on_add_files_asked)
        self.open_run.asked.connect(self._on_open_run_asked)
        self.sample.asked.connect(self._on_sample_asked)
        self.relink.asked.connect(self._on_find_asked)
        self.check.asked.connect(self._on_check_asked)
        self.remove.clicked.connect(self._on_remove_clicked)
        self.list.chosen.connect(self._on_list_chosen)
        self.context.runner.started.connect(self._on_runner_changed)
        self.context.runner.released.connect(self._on_runner_changed)

    def add_paths(self, paths: Sequence[Path]) -> None:
        """Add slides to the list; a run folder is opened in place of what is there.

        Parameters
        ----------
        paths : sequence of Path
            Folders, stack.yaml files and images, as they were chosen or dropped.
        """
        folder = run_folder(paths[0]) if len(paths) == 1 else None
        if folder is not None:
            self.open_run_from(folder)
        elif paths and may_leave(self.context, self):
            self._open(self.add_folder, "Opening slides", open_stacks(slide_paths(paths)))

    def open_run_from(self, folder: Path) -> None:
        """Open a run folder with its slides and its model."""
        if may_leave(self.context, self):
            job = open_run_folder(folder)
            self.start(self.open_run, self.line, "Opening the run", job, self._on_run_opened)

    def find_in(self, folder: Path) -> None:
        """Look for the images of the run in a folder."""
        run = self.context.session.run
        if run is not None:
            job = find_slides(run, folder)
            self.start(self.relink, self.line, "Finding the slides", job, self._on_slides_found)

    def _open(self, button: JobButton, title: str, job: object) -> None:
        self.start(button, self.line, title, job, self._on_stacks_opened)  # type: ignore[arg-type]

    def _on_stacks_opened(self, opened: OpenedStacks) -> None:
        session = self.context.session
        present = {stack.path.resolve() for stack in session.stacks}
        new = [stack for stack in opened.stacks if stack.path.resolve() not in present]
        if new:
            session.set_stacks((*session.stacks, *new))
            session.show_slide(len(session.stacks) - len(new))
        for sentence in opened.refusals:
            warn(sentence)

    def _on_run_opened(self, opened: OpenedRun) -> None:
        show_run(self.context, opened)

    def _on_slides_found(self, found: FoundSlides) -> None:
        session, run = self.context.session, self.context.session.run
        if run is not None and run.path == found.run.path:  # else another was opened meanwhile
            session.load(found.run, found.stacks, session.model)
            if found.warning:
                warn(found.warning)

    def _on_find_asked(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder of the slides", self._folder())
        if folder:
            self._note_folder(Path(folder))
            self.find_in(Path(folder))

    def _on_add_folder_asked(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder with one image a stain", self._folder())
        if folder:
            self._note_folder(Path(folder))
            self.add_paths([Path(folder)])

    def _on_add_files_asked(self) -> None:
        files, _ = QFileDialog.getOpenFileNames(self, "Slides", self._folder(), _IMAGES)
        if files:
            self._note_folder(Path(files[0]))
            self.add_paths([Path(file) for file in files])

    def _on_open_run_asked(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Run folder", self._folder())
        if folder:
            self._note_folder(Path(folder))
            self.open_run_from(Path(folder))

    def _on_sample_asked(self) -> None:
        if may_leave(self.context, self):
            self._open(self.sample, "Sample slide", open_sample())

    def _on_check_asked(self) -> None:
        stack = self.context.session.stack
        if stack is None:
            return
        running = self.start(self.check, self.line, "Checking the alignment", align(stack), self._on_checked)
        if running is not None:
            self._checking = stack

    def _on_checked(self, lines: tuple[StainAlignment, ...]) -> None:
        self.context.session.notes.alignments[self._checking] = lines
        self._refresh()

    def _on_remove_clicked(self) -> None:
        session = self.context.session
        if may_leave(self.context, self):
            session.set_stacks([s for i, s in enumerate(session.stacks) if i != session.slide])

    def _on_list_chosen(self, row: int) -> None:
        self.context.session.show_slide(row)

    def _on_runner_changed(self, *_: object) -> None:
        self._refresh()

    def _resolve(self) -> SlidesState:
        return resolve_slides(self.context.session, is_busy=self.context.runner.job is not None)

    def _show_stacks(self, stacks: tuple[Stack, ...]) -> None:
        self.list.show_stacks(stacks, self._state.slide)
        self.list.setVisible(bool(stacks))

    def _show_slide(self, slide: int) -> None:
        self.list.show_row(slide)

    def _show_hint(self, hint: str) -> None:
        self.hint.setText(hint)
        self.hint.setVisible(bool(hint))

    def _show_is_next(self, is_next: bool) -> None:
        self.add_folder.set_primary(is_next)

    def _show_can_remove(self, can_remove: bool) -> None:
        self.remove.setEnabled(can_remove)

    def _show_can_find(self, can_find: bool) -> None:
        self.relink.setVisible(can_find)

    def _show_alignment(self, alignment: tuple[Stack, tuple[StainAlignment, ...]] | None) -> None:
        self.table.show_alignment(alignment)

    def _folder(self) -> str:
        return str(self.context.session.notes.folder)

    def _note_folder(self, path: Path) -> None:
        self.context.session.notes.folder = path.parent

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:  # noqa: N802 - Qt's name
        """Take files and folders."""
        if event is not None and event.mimeData().hasUrls() and self.add_folder.isEnabled():
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()

    def dropEvent(self, event: QDropEvent | None) -> None:  # noqa: N802 - Qt's name
        """Add what was dropped."""
        if event is not None:
            paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
            event.accept()
            self.add_paths(paths)
