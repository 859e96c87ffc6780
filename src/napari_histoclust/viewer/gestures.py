"""Clicks, drawn regions and keys on the canvas, turned into calls of the session."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Shapes

from napari_histoclust.viewer.keys import Keys
from napari_histoclust.viewer.places import patch_at, patches_inside

if TYPE_CHECKING:
    from napari import Viewer
    from numpy.typing import NDArray

    from napari_histoclust.session import Selection
    from napari_histoclust.viewer.scene import Scene

REGION = "region"


class Gestures:
    """What the mouse and the keys do on the canvas while the workspace is open.

    A click chooses a patch and points at it, a double click chooses its cluster, a drawn region what lies
    inside; Shift adds, Alt removes. `Host` has napari's own zoom by double click rest meanwhile.

    Parameters
    ----------
    scene : Scene
        Where the gestures happen.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._modifiers: tuple[str, ...] = ()
        self._region: Shapes | None = None
        self._keys = Keys(scene)

    def connect(self) -> None:
        """Begin to listen."""
        viewer = self._scene.viewer
        if viewer is None or self._on_viewer_drag in viewer.mouse_drag_callbacks:
            return
        viewer.mouse_drag_callbacks.append(self._on_viewer_drag)
        viewer.mouse_double_click_callbacks.append(self._on_viewer_double_click)
        self._keys.connect()

    def disconnect(self) -> None:
        """Leave the viewer as it was found."""
        viewer = self._scene.viewer
        if viewer is None or self._on_viewer_drag not in viewer.mouse_drag_callbacks:
            return
        viewer.mouse_drag_callbacks.remove(self._on_viewer_drag)
        viewer.mouse_double_click_callbacks.remove(self._on_viewer_double_click)
        self._keys.disconnect()
        self.stop_drawing()

    def draw_region(self) -> None:
        """Let the user draw one outline with the mouse; what lies inside is chosen when it is closed."""
        viewer = self._scene.viewer
        if viewer is None or self._scene.session.run is None:
            return
        self.stop_drawing()
        units = viewer.layers[-1].units
        region = Shapes(
            name=REGION, ndim=2, units=units, edge_color="#ffd400", face_color="#ffd40022", edge_width=0
        )
        region.metadata["histoclust"] = {"run": str(self._scene.session.run.path)}
        self._region = region
        viewer.add_layer(region)
        viewer.layers.selection.active = region
        region.mode = "add_polygon_lasso"
        self._keys.flick_over(region)
        region.mouse_drag_callbacks.append(self._on_region_drag)

    def stop_drawing(self) -> None:
        """Take the layer for drawing away, if there is one."""
        viewer, region = self._scene.viewer, self._region
        self._region = None
        if viewer is not None and region is not None and region in viewer.layers:
            viewer.layers.remove(region)

    def _on_region_drag(self, region: Shapes, event: Any) -> Generator[None, None, None]:
        """Wait for the end of the stroke; napari's own lasso, called before, has closed the outline then.

        Who clicks and moves instead of dragging has drawn two points by now and closes it with another click.
        """
        modifiers = _names(event)
        yield
        while event.type == "mouse_move":
            yield
        outlines = list(region.data)
        if outlines and len(outlines[-1]) > 2:
            self.choose_inside(outlines[-1], modifiers)
            self._finish_drawing()

    def _finish_drawing(self) -> None:
        viewer, shown = self._scene.viewer, self._scene.stains.shown_layer
        self.stop_drawing()
        if viewer is not None and shown is not None and shown in viewer.layers:
            viewer.layers.selection.active = shown

    def choose_inside(self, outline: NDArray[np.float64], modifiers: tuple[str, ...] = ()) -> None:
        """Choose the patches of the shown slide whose centres lie inside an (m, 2) outline y, x."""
        session = self._scene.session
        if session.run is not None:
            choose(session.selection, patches_inside(session.run, session.slide, outline), modifiers)

    def _on_viewer_drag(self, viewer: Viewer, event: Any) -> Generator[None, None, None]:
        """Tell a click from a drag, which moves the slide."""
        is_click = event.button == 1 and _is_looking(viewer)
        position, modifiers, start = event.position, _names(event), np.asarray(event.pos, float)
        yield
        while event.type == "mouse_move":
            is_click = is_click and float(np.abs(np.asarray(event.pos) - start).max()) < _STILL_PX
            yield
        patch = self._patch_at(position) if is_click else None
        if patch is not None:
            self._scene.session.set_focus(patch)
            choose(self._scene.session.selection, np.array([patch]), modifiers)

    def _on_viewer_double_click(self, viewer: Viewer, event: Any) -> None:
        session, patch = self._scene.session, self._patch_at(event.position)
        if patch is not None and _is_looking(viewer):
            labels = session.palette.shown_labels
            choose(session.selection, labels == labels[patch], _names(event))

    def _patch_at(self, position: tuple[float, ...]) -> int | None:
        run = self._scene.session.run
        return None if run is None else patch_at(run, self._scene.session.slide, (position[-2], position[-1]))


def choose(selection: Selection, patches: NDArray[Any], modifiers: tuple[str, ...] = ()) -> None:
    """Choose patches (ids or mask): with Shift besides those chosen, with Alt they are taken out."""
    if "Shift" in modifiers:
        selection.add(patches)
    elif "Alt" in modifiers:
        selection.remove(patches)
    else:
        selection.set(patches)


_STILL_PX = 4  # a hand on a mouse button is not quite still


def _names(event: Any) -> tuple[str, ...]:
    return tuple(str(getattr(modifier, "name", modifier)) for modifier in event.modifiers)


def _is_looking(viewer: Viewer) -> bool:
    """Whether the active layer leaves the mouse to the viewer; drawing of the user's is not disturbed."""
    active = viewer.layers.selection.active
    return active is None or str(getattr(active, "mode", "pan_zoom")) == "pan_zoom"
