"""The dock of clusters: the table, the buttons over it, and a line below."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QEvent, QSize, Qt
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import (
    QCheckBox,
    QColorDialog,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from napari_histoclust.session.cluster_table import (
    ClusterTableState,
    Column,
    Outliers,
    Row,
    RowCounter,
    describe_rows,
    resolve_clusters,
)
from napari_histoclust.session.session import Aspect
from napari_histoclust.session.shown import ShowsState
from napari_histoclust.viewer.notices import sentences_shown
from napari_histoclust.widgets._lifetime import follow
from napari_histoclust.widgets.clusters.actions import ClusterActions, all_artefacts, all_hidden, is_alone
from napari_histoclust.widgets.clusters.k_slider import KSlider
from napari_histoclust.widgets.clusters.model import ClusterModel
from napari_histoclust.widgets.clusters.splitting import Splitting
from napari_histoclust.widgets.clusters.table import ClusterTable
from napari_histoclust.widgets.clusters.tissue import TissueLine

if TYPE_CHECKING:
    from napari_histoclust.widgets.context import Context

_NO_RUN = (
    "The clusters of a run stand here, with their colours, areas and stains, to be named, merged and split.\n"
    "Map the slides, or open a run, to see them."
)
_OUTLIERS = (
    "Patches that look like nothing the model was trained on: pen, folds, blur, air, another tissue. Unless "
    "this is ticked they are left out of this table, of the report and of the exported statistics. Colour by "
    "Outlier to see them."
)
_ICON_PX, _BUTTON_PX = 16, 26
_GROUPS = (
    ("rename", "recolour", "artefact"),
    ("merge", "split", "carve"),
    ("hide", "only"),
    ("undo", "redo"),
)


class ClustersDock(ShowsState, QWidget):
    """What each cluster amounts to, and what a person makes of it.

    Choosing rows selects their patches everywhere; a selection made elsewhere shows how many of each cluster
    it holds, and chooses the rows that it wholly consists of.

    Parameters
    ----------
    context : Context
        What the docks share.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context, self._session = context, context.session
        self._counter = RowCounter(context.session)
        self.model = ClusterModel(self)
        self.table = ClusterTable(self.model)
        self.commands = ClusterActions(self)
        self.pages = QStackedWidget()
        self.status = QElidingLabel()
        self.outliers = QCheckBox()
        self.outliers.setToolTip(_OUTLIERS)
        self.tissue = TissueLine(context)
        self.k = KSlider(context)
        self._lay_out()
        self._listen()
        self._draw_icons()
        self._refresh()
        self._show_commands()

    def _lay_out(self) -> None:
        invitation = QLabel(_NO_RUN, alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(4, 4, 4, 4)
        column.setSpacing(3)
        column.addWidget(self.k)
        column.addLayout(self._buttons())
        column.addWidget(self.table, 1)
        below = QHBoxLayout()
        below.addWidget(self.status, 1)
        below.addWidget(self.outliers)
        below.addWidget(self.tissue.button)
        column.addLayout(below)
        column.addWidget(self.tissue)
        self.status.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.table.addActions(list(self.commands.by_name.values()))
        self.pages.addWidget(invitation)
        self.pages.addWidget(body)
        self.pages.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.pages)

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2)
        for number, names in enumerate(_GROUPS):
            if number:
                row.addSpacing(8)
            for name in names:
                row.addWidget(self._button(name))
        row.addStretch()
        return row

    def _button(self, name: str) -> QToolButton:
        button = QToolButton()
        button.setDefaultAction(self.commands.by_name[name])
        button.setIconSize(QSize(_ICON_PX, _ICON_PX))
        button.setFixedHeight(_BUTTON_PX)
        button.setMinimumWidth(_BUTTON_PX)
        button.setAutoRaise(True)
        if name == "split":
            button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        return button

    def _listen(self) -> None:
        session = self._session
        follow(self, session.changed, self._on_session_changed)
        self.model.renamed.connect(self._on_model_renamed)
        self.table.rows_chosen.connect(self._on_table_rows_chosen)
        self.outliers.toggled.connect(self._on_outliers_toggled)
        self.table.eye_clicked.connect(self._on_table_eye_clicked)
        self.commands.split_wanted.connect(self._on_commands_split_wanted)
        for name, handler in {
            "rename": self._on_rename_triggered,
            "recolour": self._on_recolour_triggered,
            "merge": self._on_merge_triggered,
            "carve": self._on_carve_triggered,
            "hide": self._on_hide_triggered,
            "only": self._on_only_triggered,
            "artefact": self._on_artefact_triggered,
            "undo": self._on_undo_triggered,
            "redo": self._on_redo_triggered,
        }.items():
            self.commands.by_name[name].triggered.connect(handler)

    # ---- what the session tells

    def _on_session_changed(self, changed: frozenset[Aspect]) -> None:
        if changed & {Aspect.RUN, Aspect.PALETTE, Aspect.SELECTION}:
            self._refresh()
            self._show_commands()

    def _resolve(self) -> ClusterTableState:
        return resolve_clusters(self._session, self._counter)

    def _show_has_run(self, has_run: bool) -> None:
        self.pages.setCurrentIndex(int(has_run))

    def _show_table(self, table: tuple[tuple[Row, ...], tuple[Column, ...]]) -> None:
        self.model.show(*table)
        self._show_wholly_selected(self._state.wholly_selected)

    def _show_wholly_selected(self, whole: frozenset[int]) -> None:
        """Choose the rows that the selection consists of; an empty cluster that was chosen may stay so."""
        filled = {row.id for row in self._chosen() if row.summary.patches}
        if filled != whole:
            self.table.choose(whole)

    def _show_outliers(self, outliers: Outliers) -> None:
        self.outliers.setText(str(outliers))
        self.outliers.setVisible(outliers.patches > 0)
        self.outliers.setChecked(outliers.are_counted)

    def _chosen(self) -> list[Row]:
        chosen = set(self.table.chosen())
        return [row for row in self.model.rows if row.id in chosen]

    def _show_commands(self) -> None:
        chosen, has_selection = self._chosen(), bool(self._session.selection.mask.any())
        self.commands.show(chosen, self._session.palette, has_selection)
        self.status.setText(describe_rows(self.model.rows))
        self.tissue.show_chosen([row.id for row in chosen])

    # ---- gestures

    def _on_table_rows_chosen(self) -> None:
        palette = self._session.palette
        chosen = np.zeros(len(palette.lookup), bool)
        chosen[list(self.table.chosen())] = True
        self._session.selection.set(chosen[palette.shown_labels])
        self._show_commands()

    def _on_outliers_toggled(self, counts: bool) -> None:
        run = self._session.run
        if run is not None and run.counts_outliers != counts:
            self._session.set_run(replace(run, counts_outliers=counts))

    def _on_table_eye_clicked(self, cluster: int) -> None:
        self._session.palette.hide([cluster], cluster not in self._session.palette.state.hidden)

    def _on_model_renamed(self, cluster: int, name: str) -> None:
        with sentences_shown():
            self._session.palette.rename(cluster, name)

    def _on_rename_triggered(self) -> None:
        self.table.edit_name(self.table.chosen()[0])

    def _on_recolour_triggered(self) -> None:
        """Ask for a colour, in a dialog of Qt's own: some native ones ignore the theme."""
        cluster, state = self.table.chosen()[0], self._session.palette.state
        dialog = QColorDialog(QColor(state.colours[cluster - 1]), self)
        dialog.setWindowTitle(f"Colour of {state.names[cluster - 1]}")
        dialog.setOption(QColorDialog.ColorDialogOption.DontUseNativeDialog)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._recoloured = cluster
        dialog.colorSelected.connect(self._on_dialog_color_selected)
        dialog.open()

    def _on_dialog_color_selected(self, colour: QColor) -> None:
        with sentences_shown():
            if self._recoloured in self._session.palette.shown_ids:
                self._session.palette.recolour(self._recoloured, colour.name())

    def _on_merge_triggered(self) -> None:
        chosen = self._chosen()
        largest = max(chosen, key=lambda row: row.summary.patches)
        self._session.palette.merge([row.id for row in chosen], into=largest.id)

    def _on_commands_split_wanted(self, parts: int) -> None:
        with sentences_shown():
            Splitting(self._context, self.table.chosen()[0], parts)

    def _on_carve_triggered(self) -> None:
        """Make the cluster and let its name be typed at once."""
        with sentences_shown():
            self.table.edit_name(self._session.palette.carve(self._session.selection.mask))

    def _on_hide_triggered(self) -> None:
        chosen = self._chosen()
        self._session.palette.hide([row.id for row in chosen], not all_hidden(chosen))

    def _on_only_triggered(self) -> None:
        palette, chosen = self._session.palette, self._chosen()
        wanted = palette.shown_ids if is_alone(chosen, palette) else [row.id for row in chosen]
        palette.show_only(wanted)

    def _on_artefact_triggered(self) -> None:
        chosen = self._chosen()
        self._session.palette.mark_artefact([row.id for row in chosen], not all_artefacts(chosen))

    def _on_undo_triggered(self) -> None:
        self._session.palette.undo()

    def _on_redo_triggered(self) -> None:
        self._session.palette.redo()

    # ---- looks

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Follow the theme."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._draw_icons()

    def _draw_icons(self) -> None:
        self.commands.draw(self.palette().color(QPalette.ColorRole.WindowText))
