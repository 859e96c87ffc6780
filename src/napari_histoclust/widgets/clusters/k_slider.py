"""The number of clusters as a slider: one space serves every K, and every view follows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSignalBlocker, Qt, QTimer
from qtpy.QtWidgets import QHBoxLayout, QLabel, QMessageBox, QSlider, QToolButton, QWidget

from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.model.solutions import FEWEST, MOST
from napari_histoclust.core.run.recluster import EveryK, every_k
from napari_histoclust.session.forms.number_range import NumberRange
from napari_histoclust.session.forms.titles import in_window
from napari_histoclust.session.session import Aspect
from napari_histoclust.widgets._controls import scrolled_past
from napari_histoclust.widgets._lifetime import follow
from napari_histoclust.widgets._number_box import NumberBox
from napari_histoclust.widgets._reading import BackgroundReader
from napari_histoclust.widgets.clusters.tree_view import TreeDialog

if TYPE_CHECKING:
    from napari_histoclust.core.errors import HistoclustError
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.widgets.context import Context

_HINT = (
    "How many clusters the patches are sorted into. Slides are not read again; names, colours and marks are "
    "carried along, and Undo takes it back."
)
_TREE = "Show which cluster becomes which as their number grows; a click there sets the number."
_READING = "The places of the patches are being read."
_LOST = (
    "Another number begins with the model's own clusters. Names, colours and marks are carried over, and "
    "Undo brings the {} back."
)
_TYPING_MS = 400  # after the last key: of 23 the 2 alone is not meant


class KSlider(QWidget):
    """Sets the number of clusters of the session's run; the last one asked for wins.

    The work is done in the background: a drag over a million patches shows as many stops as it can.

    Attributes
    ----------
    slider : QSlider
    box : NumberBox
    tree : QToolButton
        Opens the tree across K.
    dialog : TreeDialog or None
        The tree, while it is open.
    question : QMessageBox or None
        What is asked before merges and splits are lost.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = context.session
        self._run: Run | None = None
        self.every: EveryK | None = None
        self.question: QMessageBox | None = None
        self.slider = scrolled_past(QSlider(Qt.Orientation.Horizontal))
        self.box = NumberBox(NumberRange(FEWEST, MOST, is_whole=True), FEWEST, _HINT)
        self.tree = QToolButton()
        self.tree.setText("Tree…")
        self.dialog: TreeDialog | None = None
        self._typing = QTimer(self, interval=_TYPING_MS, singleShot=True)
        self._reader = BackgroundReader(self)
        self._lay_out()
        self._listen()
        self._follow_run()

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 0, 2, 0)
        caption = QLabel("Clusters (K)")
        caption.setBuddy(self.slider)
        for widget, stretch in ((caption, 0), (self.slider, 1), (self.box, 0), (self.tree, 0)):
            row.addWidget(widget, stretch)
        self.slider.setPageStep(1)
        self.box.setMaximumWidth(64)

    def _listen(self) -> None:
        self.slider.valueChanged.connect(self.want)
        self.tree.clicked.connect(self.open_tree)
        self.box.valueChanged.connect(self._typing.start)
        self.box.editingFinished.connect(self._on_box_settled)
        self._typing.timeout.connect(self._on_box_settled)
        self._reader.arrived.connect(self._on_reader_arrived)
        self._reader.failed.connect(self._on_reader_failed)
        follow(self, self._session.changed, self._on_session_changed)

    @property
    def is_busy(self) -> bool:
        """Whether something asked for is still to come."""
        return bool(self._reader.waiting)

    @property
    def shown(self) -> int:
        """The number of clusters that is shown, merges and splits left out."""
        run = self._session.run
        return self._session.palette.state.k or (0 if run is None else len(run.clusters))

    def want(self, k: int) -> None:
        """Show `k` clusters, after a question where merges and splits would be lost."""
        if self.every is None or self.question is not None or k == self.shown:
            return
        lost = self.every.handiwork(self._session.palette.state)
        if lost:
            self._show_k()
            self._ask(k, lost)
        else:
            self._find(k)

    def open_tree(self) -> None:
        """Show which cluster becomes which, in a window of its own; the same one as long as it is open."""
        if self.every is None:
            return
        if self.dialog is None:
            self.dialog = TreeDialog(self._session, self.every, self)
            self.dialog.finished.connect(self._on_dialog_finished)
        self.dialog.show()
        self.dialog.raise_()

    def _on_dialog_finished(self, _: int) -> None:
        self.dialog = None

    def _find(self, k: int) -> None:
        assert self.every is not None
        self._reader.ask([(("k", k), partial(_found, self.every, k))])

    def _ask(self, k: int, lost: str) -> None:
        """Ask without holding up the press of the mouse that led here."""
        self.slider.setSliderDown(False)
        buttons = QMessageBox.StandardButton
        question = QMessageBox(self)
        question.setIcon(QMessageBox.Icon.Question)
        question.setText(f"The {lost} made here belong to these {self.shown} clusters.")
        question.setInformativeText(_LOST.format(lost))
        question.setStandardButtons(buttons.Ok | buttons.Cancel)
        question.button(buttons.Ok).setText(f"Show {k} clusters")
        question.setDefaultButton(buttons.Cancel)
        question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        question.finished.connect(partial(self._on_question_finished, k))
        self.question = question
        question.open()

    def _on_question_finished(self, k: int, answer: int) -> None:
        self.question = None
        if answer == QMessageBox.StandardButton.Ok and self.every is not None:
            self._find(k)

    # ---- what the session and the background tell

    def _on_session_changed(self, changed: frozenset[Aspect]) -> None:
        if Aspect.RUN in changed:
            self._follow_run()
        elif Aspect.PALETTE in changed:
            self._show_k()

    def _follow_run(self) -> None:
        run = self._session.run
        if run is self._run:
            return
        self._run, self.every = run, None
        self._reader.ask([] if run is None else [(("run", id(run)), partial(every_k, run))])
        self._offer(_READING)

    def _on_reader_arrived(self, name: tuple[str, int], found: Any) -> None:
        if name[0] == "run":
            self.every = found
            self._offer("")
        elif self.every is not None:
            self._session.palette.show_k(self.every.edited(self._session.palette.state, name[1]))

    def _on_reader_failed(self, _: object, error: HistoclustError) -> None:
        self._offer(in_window(error))

    def _offer(self, hindrance: str) -> None:
        """Let K be set, or say why it cannot be."""
        ks = range(FEWEST, max(MOST, self.shown) + 1) if self.every is None else self.every.solutions.ks
        with QSignalBlocker(self.slider):
            self.slider.setRange(ks[0], ks[-1])
        self.box.set_numbers(NumberRange(ks[0], ks[-1], is_whole=True))
        for widget in (self.slider, self.box):
            widget.setEnabled(not hindrance)
            widget.setToolTip(hindrance or f"{_HINT} {ks[0]} to {ks[-1]}.")
        self.tree.setEnabled(not hindrance)
        self.tree.setToolTip(hindrance or _TREE)
        self._show_k()

    def _show_k(self) -> None:
        """Put slider and box where the session is; a number that is being asked for comes later."""
        with QSignalBlocker(self.slider), QSignalBlocker(self.box):
            self.slider.setValue(self.shown)
            self.box.setValue(self.shown)
        self._typing.stop()

    def _on_box_settled(self) -> None:
        self._typing.stop()
        if self.box.is_usable():
            self.want(self.box.checked("Clusters (K)"))


def _found(every: EveryK, k: int) -> Job[None]:
    """Find the labels, which `every` keeps."""
    yield Progress("Sorting the patches")
    every.at(k)
