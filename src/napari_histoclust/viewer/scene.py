"""The session on napari's canvas: what is chosen, coloured and pointed at, and where the eye is."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from napari import Viewer

if TYPE_CHECKING:
    from napari_histoclust.session import Session


class Scene:
    """Keeps the layers of a viewer true to a session."""

    def __init__(self, viewer: Viewer, session: Session) -> None:
        self._viewer = weakref.ref(viewer)
        self.session = session

    def go_to(self, patch: int) -> None:
        """Bring a patch to the middle of the canvas, on its slide, at a zoom at which it can be read."""
        raise NotImplementedError
