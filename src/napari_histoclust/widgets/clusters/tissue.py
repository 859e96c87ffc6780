"""How a cluster lies in the tissue: what lies beside it, and on which slides it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_histoclust.session.jobs import count_neighbours
from napari_histoclust.session.session import Aspect
from napari_histoclust.viewer.notices import sentences_shown
from napari_histoclust.widgets._dock import prose
from napari_histoclust.widgets._follow import follow
from napari_histoclust.widgets._job_button import JobButton

if TYPE_CHECKING:
    from napari_histoclust.core.run.edits import ClusterEdits
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.core.statistics.composition import Composition
    from napari_histoclust.core.statistics.neighbourhood import Neighbourhood
    from napari_histoclust.widgets.context import Context

_CLEAR_Z = 3.0
_NAMED = 3
_HINT = (
    "Count which clusters lie side by side more often, or less often, than if the same labels were dealt out "
    "at random over the slides."
)


class TissueLine(QWidget):
    """Says of the chosen cluster what lies beside it; counted when it is asked for, stale with other labels.

    Parameters
    ----------
    context : Context
    parent : QWidget, optional

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
        self.words = prose()
        self.button = JobButton("Neighbours", _HINT, context.runner)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.words)
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
            self.words.clear()
        elif len(self._chosen) != 1:
            self.words.setText("Choose one cluster to read what lies beside it.")
        else:
            names = self._session.palette.state.names
            self.words.setText(
                " ".join((*neighbours_in_words(self._found, self._chosen[0], names), self._slides_in_words()))
            )
        self.setVisible(bool(self.words.text()))

    def _slides_in_words(self) -> str:
        made_of = self._made_of
        if made_of is None or len(made_of.slides) < 2:
            return ""
        column = [cluster.id for cluster in made_of.clusters].index(self._chosen[0])
        there = int(np.count_nonzero(made_of.patches[:, column]))
        most = int(made_of.share[:, column].argmax())
        share = made_of.share[most, column]
        return f"On {there} of {len(made_of.slides)} slides, most on {made_of.slides[most]} ({share:.0%})."


def _same_members(before: tuple[Run | None, ClusterEdits], now: tuple[Run | None, ClusterEdits]) -> bool:
    """Whether each patch is shown in the same cluster as before; names and colours do not matter."""
    return before[0] is now[0] and before[1].labels is now[1].labels and before[1].shown_as == now[1].shown_as


def neighbours_in_words(found: Neighbourhood, cluster: int, names: Sequence[str]) -> tuple[str, ...]:
    """Return sentences on what lies beside a cluster clearly more, or less, often than by chance.

    Parameters
    ----------
    found : Neighbourhood
    cluster : int
        Its id.
    names : sequence of str
        Name of each id, id 1 first.
    """
    ids = [other.id for other in found.clusters]
    z = found.z[ids.index(cluster)].copy()
    own = z[ids.index(cluster)]
    z[ids.index(cluster)] = 0
    z = np.nan_to_num(z)
    order = np.argsort(z)
    more = [f"{names[ids[i] - 1]} ({z[i]:+.0f})" for i in order[::-1][:_NAMED] if z[i] >= _CLEAR_Z]
    less = [f"{names[ids[i] - 1]} ({z[i]:+.0f})" for i in order[:_NAMED] if z[i] <= -_CLEAR_Z]
    parts = [
        f"Beside it more often than by chance: {', '.join(more)}." if more else "",
        f"Less often: {', '.join(less)}." if less else "",
        f"Keeps together: {own:+.0f}." if own >= _CLEAR_Z else "",
        f"(Standard deviations from {found.permutations:,} random arrangements.)",
    ]
    return tuple(filter(None, parts))
