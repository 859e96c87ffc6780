"""How a cluster lies in the tissue: what lies beside it, and on which slides it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_histoclust.session.cluster_table import describe_neighbours, describe_slides
from napari_histoclust.session.jobs import count_neighbours
from napari_histoclust.session.session import Aspect
from napari_histoclust.viewer.notices import sentences_shown
from napari_histoclust.widgets._controls import prose
from napari_histoclust.widgets._job_button import JobButton
from napari_histoclust.widgets._lifetime import follow

if TYPE_CHECKING:
    from napari_histoclust.core.run.edits import ClusterEdits
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.core.statistics.composition import Composition
    from napari_histoclust.core.statistics.neighbourhood import Neighbourhood
    from napari_histoclust.widgets.context import Context

_HINT = (
    "Count which clusters lie side by side more often, or less often, than if the same labels were dealt out "
    "at random over the slides."
)


class TissueLine(QWidget):
    """Says of the chosen cluster what lies beside it; counted when it is asked for, stale with other labels.

    Attributes
    ----------
    button : JobButton
        Counts, and cancels that; put by the dock where there is room.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context, self._session = context, context.session
        self._found: Neighbourhood | None = None
        self._made_of: Composition | None = None
        self._counted_for: tuple[Run | None, ClusterEdits] | None = None
        self._chosen: tuple[int, ...] = ()
        self.note = prose()
        self.button = JobButton("Neighbours", _HINT, context.runner)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.note)
        self.button.asked.connect(self._on_button_asked)
        follow(self, self._session.changed, self._on_session_changed)
        self._repaint()

    def show_chosen(self, clusters: Sequence[int]) -> None:
        """Speak of these clusters; of one only."""
        self._chosen = tuple(clusters)
        self._repaint()

    def _on_session_changed(self, changed: frozenset[Aspect]) -> None:
        if not changed & {Aspect.RUN, Aspect.PALETTE}:
            return
        before, now = self._counted_for, (self._session.run, self._session.palette.state)
        if before is not None and not _same_members(before, now):
            self._found = self._made_of = self._counted_for = None
        self._repaint()

    def _on_button_asked(self) -> None:
        run = self._session.edited_run()
        if run is None:
            return
        with sentences_shown():
            counted_for = self._session.run, self._session.palette.state
            running = self._context.runner.start("Counting neighbours", count_neighbours(run))
            self._counted_for = counted_for
            running.finished.connect(self._on_counted)
            self.button.attach(running)
            self.destroyed.connect(running.cancel)

    def _on_counted(self, found: tuple[Neighbourhood, Composition]) -> None:
        if self._counted_for is not None:  # else the clusters are others by now
            self._found, self._made_of = found
        self._repaint()

    def _repaint(self) -> None:
        self.button.setVisible(self._found is None)
        if self._found is None or self._made_of is None:
            self.note.clear()
        elif len(self._chosen) != 1:
            self.note.setText("Choose one cluster to read what lies beside it.")
        else:
            cluster, names = self._chosen[0], self._session.palette.state.names
            sentences = (
                *describe_neighbours(self._found, cluster, names),
                describe_slides(self._made_of, cluster),
            )
            self.note.setText(" ".join(sentences))
        self.setVisible(bool(self.note.text()))


def _same_members(before: tuple[Run | None, ClusterEdits], now: tuple[Run | None, ClusterEdits]) -> bool:
    """Whether each patch is shown in the same cluster as before; names and colours do not matter."""
    return before[0] is now[0] and before[1].labels is now[1].labels and before[1].shown_as == now[1].shown_as
