"""What can be done to clusters: one action each, for the buttons, the context menu and the keyboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from qtpy.QtCore import QObject, Qt, Signal
from qtpy.QtGui import QAction, QColor, QKeySequence
from qtpy.QtWidgets import QMenu, QWidget

from napari_histoclust.core.run.recluster import MOST_PARTS
from napari_histoclust.widgets._icons import icon

if TYPE_CHECKING:
    from napari_histoclust.session import Palette
    from napari_histoclust.session.cluster_table import Row


class _Form(NamedTuple):
    """Caption, key and hint of an action."""

    caption: str
    keys: str
    hint: str


_FORMS = {
    "rename": _Form("Rename", "F2", "Give the chosen cluster another name."),
    "recolour": _Form("Recolour…", "C", "Choose another colour for the chosen cluster."),
    "merge": _Form("Merge", "M", "Make the chosen clusters one: the largest of them keeps its name."),
    "split": _Form(
        "Split into", "", "Divide the chosen cluster into parts that look different to the model."
    ),
    "carve": _Form(
        "New cluster from the selection", "N", "Make the selected patches a cluster of their own."
    ),
    "hide": _Form("Hide", "H", "Hide the chosen clusters on the slide and in the plot, or show them again."),
    "only": _Form("Show only these", "O", "Hide all clusters but the chosen ones; again: show all."),
    "artefact": _Form(
        "Mark as artefact", "A", "Mark folds, dirt or blur as such: tables and exports say so."
    ),
    "undo": _Form("Undo", "", ""),
    "redo": _Form("Redo", "", ""),
}
_KEYS = {
    "undo": [QKeySequence("Ctrl+Z")],
    "redo": [QKeySequence("Ctrl+Y"), QKeySequence("Ctrl+Shift+Z")],
}


class ClusterActions(QObject):
    """Owns the actions and says when each can be used.

    Parameters
    ----------
    dock : QWidget
        Within it the keys hold.

    Attributes
    ----------
    by_name : dict of str to QAction
        rename, recolour, merge, split, carve, hide, only, artefact, undo, redo.
    parts : QMenu
        The numbers of parts, for the button and the menu of the split.

    Signals
    -------
    split_wanted : int
        Into how many parts.
    """

    split_wanted = Signal(int)

    def __init__(self, dock: QWidget) -> None:
        super().__init__(dock)
        self.by_name = {name: self._action(dock, name) for name in _FORMS}
        self.parts = QMenu(dock)
        for parts in range(2, MOST_PARTS + 1):
            self.parts.addAction(f"{parts} parts").setData(parts)
        self.parts.triggered.connect(self._on_parts_triggered)
        self.by_name["split"].setMenu(self.parts)

    def _action(self, dock: QWidget, name: str) -> QAction:
        form = _FORMS[name]
        action = QAction(form.caption, dock)
        action.setShortcuts(_KEYS.get(name, [QKeySequence(form.keys)] if form.keys else []))
        action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        _explain(action, form.hint)
        dock.addAction(action)
        return action

    def draw(self, colour: QColor) -> None:
        """Draw the pictures in another colour."""
        for name, action in self.by_name.items():
            action.setIcon(icon(name, colour))

    def show(self, chosen: Sequence[Row], palette: Palette, has_selection: bool) -> None:
        """Switch on what can be done to the chosen rows, and say what it would do."""
        one = len(chosen) == 1
        usable = {
            "rename": one,
            "recolour": one,
            "merge": len(chosen) > 1,
            "split": one and chosen[0].summary.patches > 1,
            "carve": has_selection,
            "hide": bool(chosen),
            "only": bool(chosen) or bool(palette.state.hidden),
            "artefact": bool(chosen),
            "undo": palette.can_undo,
            "redo": palette.can_redo,
        }
        for name, is_usable in usable.items():
            self.by_name[name].setEnabled(is_usable)
        self._reword(chosen, palette)

    def _reword(self, chosen: Sequence[Row], palette: Palette) -> None:
        self.by_name["hide"].setText("Show" if all_hidden(chosen) else "Hide")
        self.by_name["only"].setText("Show all" if is_alone(chosen, palette) else "Show only these")
        self.by_name["artefact"].setText("No artefact" if all_artefacts(chosen) else "Mark as artefact")
        for name, text in (("undo", palette.undo_text), ("redo", palette.redo_text)):
            caption = _FORMS[name].caption
            self.by_name[name].setText(f"{caption} {text}".strip())
            _explain(self.by_name[name], "")

    def _on_parts_triggered(self, action: QAction) -> None:
        self.split_wanted.emit(int(action.data()))


def all_hidden(rows: Sequence[Row]) -> bool:
    """Whether there are rows, and all are hidden."""
    return bool(rows) and all(row.is_hidden for row in rows)


def all_artefacts(rows: Sequence[Row]) -> bool:
    """Whether there are rows, and all are marked."""
    return bool(rows) and all(row.summary.cluster.artefact for row in rows)


def is_alone(rows: Sequence[Row], palette: Palette) -> bool:
    """Whether these rows are all that is shown, or none is chosen: then "only" shows everything again."""
    return {row.id for row in rows} in (set(palette.shown_ids) - palette.state.hidden, set())


def _explain(action: QAction, hint: str) -> None:
    """Caption, key and hint under the mouse."""
    keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
    head = action.text().rstrip("…") + (f" ({keys})" if keys else "")
    action.setToolTip(f"{head}\n{hint}" if hint else head)
