"""The dock of slides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QPushButton, QWidget

from napari_histoclust.session.opening import OpenedRun, open_run_folder
from napari_histoclust.session.steps import next_step
from napari_histoclust.viewer.notices import warn
from napari_histoclust.viewer.reading import run_folder
from napari_histoclust.widgets._dock import JobDock, prose
from napari_histoclust.widgets._follow import follow
from napari_histoclust.widgets._job_button import JobButton, JobLine
from napari_histoclust.widgets._remembered import remembered
from napari_histoclust.widgets._tips import tipped
from napari_histoclust.widgets.open import show_run
from napari_histoclust.widgets.saving import may_leave
from napari_histoclust.widgets.slides.alignment_table import CHECKED, AlignmentTable
from napari_histoclust.widgets.slides.reading import (
    OpenedStacks,
    align,
    open_phantom,
    open_stacks,
    slide_paths,
)
from napari_histoclust.widgets.slides.stack_list import StackList

if TYPE_CHECKING:
    from napari_histoclust.core.alignment import StainAlignment
    from napari_histoclust.core.slides.stack import Stack
    from napari_histoclust.widgets.context import Context

_IMAGES = "Slides (*.yaml *.yml *.tif *.tiff *.btf *.tf8 *.svs *.ndpi *.png *.jpg *.jpeg);;All files (*)"
_EMPTY = (
    "There are no slides yet. Add the folder that holds one image a stain of the same piece of tissue, or "
    "drop it here. To try the program without slides of your own, take the sample slide."
)
_MOVED = (
    "The images of this run are not where they were. Its clusters, plot and table can be seen all the same."
)


class SlidesDock(JobDock):
    """Add, show, check and remove slides; open a run.

    Parameters
    ----------
    context : Context
    parent : QWidget, optional
    """

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
        self.line = JobLine()
        self.words = prose()
        self.list = StackList()
        self.table = AlignmentTable()
        self._arrange()
        self._listen()
        self._on_session_stacks_changed()

    def _arrange(self) -> None:
        adding, below = QGridLayout(), QHBoxLayout()
        for number, button in enumerate((self.add_folder, self.add_files, self.open_run, self.sample)):
            adding.addWidget(button, number // 2, number % 2)
        below.addWidget(self.check)
        below.addWidget(self.remove)
        self.add(adding, self.line, self.words, self.list, below, self.table)

    def _listen(self) -> None:
        self.add_folder.asked.connect(self._on_add_folder_asked)
        self.add_files.asked.connect(self._on_add_files_asked)
        self.open_run.asked.connect(self._on_open_run_asked)
        self.sample.asked.connect(self._on_sample_asked)
        self.check.asked.connect(self._on_check_asked)
        self.remove.clicked.connect(self._on_remove_clicked)
        self.list.chosen.connect(self._on_list_chosen)
        self.context.runner.started.connect(self._on_runner_changed)
        self.context.runner.released.connect(self._on_runner_changed)
        session = self.context.session
        follow(self, session.stacks_changed, self._on_session_stacks_changed)
        follow(self, session.slide_changed, self._on_session_slide_changed)
        follow(self, session.run_changed, self._on_session_stacks_changed)
        follow(self, session.model_changed, self._on_session_stacks_changed)

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

    def _on_add_folder_asked(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder with one image a stain", self._place())
        if folder:
            self._remember(Path(folder))
            self.add_paths([Path(folder)])

    def _on_add_files_asked(self) -> None:
        files, _ = QFileDialog.getOpenFileNames(self, "Slides", self._place(), _IMAGES)
        if files:
            self._remember(Path(files[0]))
            self.add_paths([Path(file) for file in files])

    def _on_open_run_asked(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Run folder", self._place())
        if folder:
            self._remember(Path(folder))
            self.open_run_from(Path(folder))

    def _on_sample_asked(self) -> None:
        if may_leave(self.context, self):
            self._open(self.sample, "Sample slide", open_phantom())

    def _on_check_asked(self) -> None:
        stack = self._stack()
        if stack is None:
            return
        running = self.start(self.check, self.line, "Checking the alignment", align(stack), self._on_checked)
        if running is not None:
            self._checking = stack

    def _on_checked(self, lines: tuple[StainAlignment, ...]) -> None:
        CHECKED[self._checking] = lines
        self.table.show_stack(self._stack())

    def _on_remove_clicked(self) -> None:
        session = self.context.session
        if may_leave(self.context, self):
            session.set_stacks([s for i, s in enumerate(session.stacks) if i != session.slide])

    def _on_list_chosen(self, row: int) -> None:
        self.context.session.show_slide(row)

    def _on_session_stacks_changed(self) -> None:
        session = self.context.session
        self.list.show_stacks(session.stacks, session.slide)
        self.list.setVisible(bool(session.stacks))
        self.words.setVisible(not session.stacks)
        self.words.setText(_EMPTY if session.run is None else _MOVED)
        self.add_folder.set_primary(next_step(session) == "slides")
        self.check.set_hindrance("" if session.stacks else "Add slides first.")
        self._on_runner_changed()
        self.table.show_stack(self._stack())

    def _on_session_slide_changed(self) -> None:
        self.list.show_row(self.context.session.slide)
        self.table.show_stack(self._stack())

    def _on_runner_changed(self, *_: object) -> None:
        """A job works on the slides, so that none may be taken away from under it."""
        self.remove.setEnabled(bool(self.context.session.stacks) and self.context.runner.job is None)

    def _stack(self) -> Stack | None:
        session = self.context.session
        return session.stacks[session.slide] if session.slide < len(session.stacks) else None

    def _place(self) -> str:
        return str(remembered(self.context.session).get("folder", Path.home()))

    def _remember(self, path: Path) -> None:
        remembered(self.context.session)["folder"] = path.parent

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
