"""The patches of one slide of a run on the canvas: their colours, the chosen ones, the one pointed at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Layer, Points

from napari_histoclust.session.colouring import colour
from napari_histoclust.session.session import CLUSTER
from napari_histoclust.viewer.layers import (
    cluster_features,
    clusters_layer,
    focus_layer,
    label_colormap,
    selection_layer,
)
from napari_histoclust.viewer.places import world_of_patch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_histoclust.core.run.run import Run
    from napari_histoclust.session import Session

OTHER, CHOSEN = 1, 2
"""Labels of the selection layer; 0 is no patch."""


class PatchLayers:
    """Three layers that follow a session for as long as its run and slide stay.

    Parameters
    ----------
    session : Session
        With a run.
    slide : int
        Which of its slides.
    """

    def __init__(self, session: Session, slide: int) -> None:
        run = session.run
        if run is None:
            raise ValueError("the session has no run")
        self._session, self._run, self._slide = session, run, slide
        self.clusters = Layer.create(*clusters_layer(run, slide, session.palette))
        self.selection = Layer.create(*selection_layer(run, slide))
        self.focus = Layer.create(*focus_layer(run, slide))
        for layer in self.all:
            _fix(layer)
        self._painted: tuple[object, ...] = (CLUSTER, session.palette.labels)
        self.paint_colours()
        self.paint_selection()
        self.paint_focus()

    @property
    def all(self) -> tuple[Labels, Labels, Points]:
        """The layers, lowest first."""
        return self.clusters, self.selection, self.focus

    def paint_colours(self) -> None:
        """Change the table of colours; the picture only where its codes are others (split, colouring)."""
        session, colouring = self._session, colour(self._session)
        source = (session.colour_by, session.palette.labels)
        if any(now is not before for now, before in zip(source, self._painted, strict=True)):
            self.clusters.data = _picture(self._run, self._slide, colouring.codes, len(colouring.table))
            self._painted = source
        self.clusters.colormap = label_colormap(colouring.table)
        if session.colour_by == CLUSTER:
            self.clusters.features = cluster_features(self._run, self._slide, session.palette)

    def paint_selection(self) -> None:
        """Dim the patches that are not chosen; none where nothing is, or only the patch pointed at."""
        selection = self._session.selection
        is_point = len(selection) == 1 and int(selection.ids[0]) == self._session.focus
        self.selection.visible = len(selection) > 0 and not is_point
        if self.selection.visible:
            values = np.where(selection.mask[self._run.rows(self._slide)], CHOSEN, OTHER).astype(np.uint8)
            self.selection.data = self._run.grids[self._slide].picture(values)

    def paint_focus(self) -> None:
        """Move the ring."""
        focus = self._session.focus
        here = [] if focus is None or self._run.slide_index[focus] != self._slide else [focus]
        self.focus.data = np.array([world_of_patch(self._run, patch) for patch in here]).reshape(-1, 2)
        self.paint_selection()


def _fix(layer: Layer) -> None:
    """Let no slip of the mouse paint over the result.

    napari's controls make points editable whenever they are shown and whenever one comes back from 3D.
    """
    layer.editable = False
    layer.events.editable.connect(_stay_fixed)


def _stay_fixed(event: Any) -> None:
    event.source.editable = False


def _picture(run: Run, slide: int, codes: NDArray[Any], size: int) -> NDArray[Any]:
    dtype = np.uint8 if size <= 256 else np.uint16
    return run.grids[slide].picture(codes[run.rows(slide)].astype(dtype))
