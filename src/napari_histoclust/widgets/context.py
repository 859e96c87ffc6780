"""What all docks of one window share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from napari_histoclust.session import Session
from napari_histoclust.viewer.host import Host
from napari_histoclust.viewer.scene import Scene
from napari_histoclust.viewer.window import unwrapped
from napari_histoclust.widgets._jobs import JobRunner

if TYPE_CHECKING:
    from napari_histoclust.viewer.scene import Viewer


@dataclass(frozen=True, eq=False)
class Context:
    """One session, its background jobs and its place on the canvas.

    Attributes
    ----------
    session : Session
        The stacks, the model and the run, with selection and palette.
    runner : JobRunner
        The one heavy job at a time.
    scene : Scene
        The session on napari's canvas.
    """

    session: Session
    runner: JobRunner
    scene: Scene

    @property
    def host(self) -> Host:
        """What is changed in napari's window, and given back."""
        return self.runner.host


# The scene holds its viewer weakly, else no entry would ever go.
_CONTEXTS: WeakKeyDictionary[Any, Context] = WeakKeyDictionary()


def context_of(viewer: Viewer) -> Context:
    """Return the context of a viewer, made at the first call: each dock, opened alone or again, shares it."""
    viewer = unwrapped(viewer)
    if viewer not in _CONTEXTS:
        session = Session()
        _CONTEXTS[viewer] = Context(session, JobRunner(Host(viewer)), Scene(viewer, session))
    return _CONTEXTS[viewer]
