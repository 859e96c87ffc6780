"""The dock of the plot: what is drawn on it changes the session, and what the session tells is drawn."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QLabel, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from napari_histoclust.session.colouring import colour
from napari_histoclust.session.dock_states import ScatterState, resolve_scatter
from napari_histoclust.session.plot.gestures import Combine
from napari_histoclust.session.plot.plot import Plot
from napari_histoclust.session.plot.points import load_points, prepare_plot
from napari_histoclust.session.shown import ShowsState
from napari_histoclust.session.summary import describe_patch, summary_of
from napari_histoclust.viewer.notices import show_failure
from napari_histoclust.widgets._lifetime import follow
from napari_histoclust.widgets._reading import BackgroundReader
from napari_histoclust.widgets.scatter.canvas import ScatterCanvas
from napari_histoclust.widgets.scatter.invitation import Invitation
from napari_histoclust.widgets.scatter.legend import ColourBar
from napari_histoclust.widgets.scatter.marks import Name
from napari_histoclust.widgets.scatter.toolbar import ScatterToolbar

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from qtpy.QtGui import QKeyEvent

    from napari_histoclust.core.run.run import Run
    from napari_histoclust.session.plot.points import Points
    from napari_histoclust.widgets.context import Context

_NOTHING_SELECTED = "Draw a loop around points to select their patches."


class ScatterDock(ShowsState, QWidget):
    """The patches as points, to be chosen by lasso, rectangle or click.

    Parameters
    ----------
    context : Context
        What the docks share.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = context.session
        self._plot: Plot | None = None
        self.toolbar = ScatterToolbar()
        self.colours = ColourBar(context.session)
        self.canvas = ScatterCanvas()
        self.invitation = Invitation(context)
        self.pages = QStackedWidget()
        self.selected, self.hovered = _status_label(), _status_label()
        self._reader = BackgroundReader(self)
        self._lay_out()
        self._listen_to_widgets()
        follow(self, context.session.changed, self._on_session_changed)
        self._refresh()

    def _lay_out(self) -> None:
        self.pages.addWidget(self.invitation)
        self.pages.addWidget(self.canvas)
        self.pages.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.setSpacing(3)
        column.addWidget(self.toolbar)
        column.addWidget(self.colours)
        column.addWidget(self.pages, 1)
        column.addWidget(self.selected)
        column.addWidget(self.hovered)

    def _listen_to_widgets(self) -> None:
        self.canvas.outlined.connect(self._on_canvas_outlined)
        self.canvas.clicked.connect(self._on_canvas_clicked)
        self.canvas.double_clicked.connect(self._on_canvas_double_clicked)
        self.canvas.hovered.connect(self._on_canvas_hovered)
        self.toolbar.tool_chosen.connect(self.canvas.set_tool)
        self.toolbar.combine_chosen.connect(self.canvas.set_combine)
        self.toolbar.fitted.connect(self.canvas.fit)
        self.toolbar.names_toggled.connect(self._on_toolbar_names_toggled)
        self.toolbar.cleared.connect(self._session.selection.clear)
        self.toolbar.went_back.connect(self._session.selection.back)
        self.toolbar.went_forward.connect(self._session.selection.forward)
        self._reader.arrived.connect(self._on_reader_arrived)
        self._reader.failed.connect(self._on_reader_failed)

    # ---- what the session tells

    def _resolve(self) -> ScatterState:
        return resolve_scatter(self._session)

    def _show_run(self, run: Run | None) -> None:
        self._show_plot(None)
        self.hovered.clear()
        if run is None:
            self._reader.ask([(None, prepare_plot)])  # now, when nobody waits for it
            self.invitation.show_no_run()
            self.colours.offer()
        else:
            self._reader.ask([(run, partial(load_points, run))])
            self.invitation.show_wait()

    def _show_colours(self, _: object) -> None:
        if self._plot is not None:
            colouring = colour(self._session)
            self._plot.colour(colouring)
            self.colours.show_colouring(colouring)
            self._write_names()
            self._show_selected()
            self.canvas.refresh()

    def _show_names(self, _: object) -> None:
        self._write_names()

    def _show_selection(self, mask: NDArray[np.bool_]) -> None:
        if self._plot is not None:
            self._plot.choose(mask)
            self.canvas.refresh()
        self._show_selected()

    def _show_focus(self, focus: int | None) -> None:
        if self._plot is not None:
            self.canvas.set_ring(None if focus is None else self._plot.place_of(focus))

    # ---- what the reader brings

    def _on_reader_arrived(self, run: Run | None, points: Points | None) -> None:
        if run is None or run is not self._session.run:
            return
        self.colours.offer()
        if points is None:
            self.invitation.offer_umap()
        else:
            self._show_plot(Plot(points))

    def _on_reader_failed(self, run: Run | None, error: Exception) -> None:
        show_failure(error)
        self.invitation.show_failure("The points of this run could not be read.")

    # ---- gestures

    def _on_canvas_outlined(self, corners: NDArray[np.float64], combine: Combine) -> None:
        if self._plot is not None:
            ratio = self.canvas.devicePixelRatioF()
            combine.apply(
                self._session.selection, self._plot.inside(corners * ratio, self.canvas.device_camera())
            )

    def _on_canvas_clicked(self, patch: int | None, combine: Combine) -> None:
        if patch is not None:
            combine.apply(self._session.selection, [patch])
            self._session.set_focus(patch)

    def _on_canvas_double_clicked(self, patch: int | None, combine: Combine) -> None:
        if patch is not None:
            labels = self._session.palette.shown_labels
            combine.apply(self._session.selection, labels == labels[patch])

    def _on_canvas_hovered(self, patch: int | None) -> None:
        if patch is None or self._plot is None:
            self.hovered.clear()
        else:
            self.hovered.setText(describe_patch(self._session, patch))

    def _on_toolbar_names_toggled(self, _: bool) -> None:
        self._write_names()

    def event(self, event: Any) -> bool:
        """Keep the keys of the plot from napari's shortcuts while something in the dock has the focus."""
        if event.type() == event.Type.ShortcutOverride and self._gesture_of(event) is not None:
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Clear the selection or go through its history."""
        gesture = self._gesture_of(event)
        if gesture is None:
            super().keyPressEvent(event)
        else:
            gesture()

    def _gesture_of(self, event: QKeyEvent) -> Callable[[], None] | None:
        """What a key asks for."""
        if event.matches(QKeySequence.StandardKey.Undo):
            return self._session.selection.back
        if event.matches(QKeySequence.StandardKey.Redo) or _is_ctrl_y(event):
            return self._session.selection.forward
        if event.matches(QKeySequence.StandardKey.Cancel):
            return self.canvas.cancel_outline if self.canvas.is_drawing else self._session.selection.clear
        return None

    # ---- what is shown

    def _show_plot(self, plot: Plot | None) -> None:
        self._plot = plot
        self.canvas.set_plot(plot)
        self.toolbar.setEnabled(plot is not None)
        self.pages.setCurrentWidget(self.invitation if plot is None else self.canvas)
        if plot is None:
            self._show_selected()
            return
        state = self._resolve()
        self._show_selection(state.selection)
        self._show_colours(state.colours)
        self._show_focus(state.focus)

    def _show_selected(self) -> None:
        selection = self._session.selection
        self.toolbar.show_history(selection)
        if self._session.run is None:
            self.selected.clear()
        elif selection.mask.any():
            self.selected.setText(str(summary_of(self._session)))
        else:
            self.selected.setText("" if self._plot is None else _NOTHING_SELECTED)

    def _write_names(self) -> None:
        is_wanted = self._plot is not None and self.toolbar.buttons["names"].isChecked()
        self.canvas.set_names(self._named_middles(self._plot) if self._plot and is_wanted else ())

    def _named_middles(self, plot: Plot) -> list[Name]:
        state = self._session.palette.state
        middles = plot.middles(self._session.palette.shown_labels)
        return [
            Name(x, y, state.names[cluster - 1])
            for cluster, (x, y) in middles.items()
            if cluster not in state.hidden
        ]


def _status_label() -> QLabel:
    """One line that never makes the dock wider."""
    label = QLabel()
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def _is_ctrl_y(event: QKeyEvent) -> bool:
    return bool(event.key() == Qt.Key.Key_Y and event.modifiers() == Qt.KeyboardModifier.ControlModifier)
