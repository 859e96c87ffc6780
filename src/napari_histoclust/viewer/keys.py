"""Keys on the canvas: the digits flick between stains, and no key edits what the workspace shows.

napari asks the active layer for a key, then the layer's class, then the viewer, and the first that has it
takes it. Its classes need the digits for modes of theirs (`2` on an image begins to move it), so that ours
are bound on each layer. Whatever is bound needs a `__name__`: napari reads it of every function at every key,
and one without (a partial, or the `...` that is meant to block) makes all keys raise.
"""

from __future__ import annotations

import weakref
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari import Viewer
    from napari.layers import Layer

    from napari_histoclust.viewer.scene import Scene
    from napari_histoclust.viewer.stains import Stains

    Act = Callable[[object], Iterator[None]]

STAIN_KEYS = "123456789"
"""Key of the first stain, of the second, and so on."""

_HARMLESS = {
    "activate_image_pan_zoom_mode",
    "activate_labels_pan_zoom_mode",
    "activate_points_pan_zoom_mode",
    "auto_contrast_once",
    "reset_polygon",
}
_MOVING_ALL = {"rotate_layers"}  # away from the patches that a click chooses


class Keys:
    """What the keyboard does on the canvas while the workspace is open.

    A digit shows a stain, whichever of our layers is active, or none. The other keys that napari has for a
    kind of layer rest on ours: most of them edit. Layers of the user and of other plugins keep all of theirs.

    Parameters
    ----------
    scene : Scene
        Whose layers are ours.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._of_viewer, self._of_layers, self._of_drawing = ExitStack(), ExitStack(), ExitStack()
        self._shows = {key: _show(scene.stains, number) for number, key in enumerate(STAIN_KEYS)}

    def connect(self) -> None:
        """Bind the keys on the viewer and on our layers, those that come later too."""
        viewer = self._scene.viewer
        if viewer is None:
            return
        self._bind_digits(self._of_viewer, viewer)
        for key in _inherited(viewer, lambda name: name in _MOVING_ALL):
            _bind(self._of_viewer, viewer, key, rest)
        self._scene.rebuilt.connect(self._on_scene_rebuilt)
        self._on_scene_rebuilt()

    def disconnect(self) -> None:
        """Leave viewer and layers as they were found."""
        self._scene.rebuilt.disconnect(self._on_scene_rebuilt, missing_ok=True)
        for undo in (self._of_drawing, self._of_layers, self._of_viewer):
            undo.close()
        self._show_help()

    def flick_over(self, layer: Layer) -> None:
        """Let the digits show stains while a layer for drawing is active; its other keys stay."""
        self._of_drawing.close()
        self._bind_digits(self._of_drawing, layer)
        _set(self._of_drawing, layer, "help", self._help)

    def _on_scene_rebuilt(self) -> None:
        self._of_layers.close()
        for layer in self._scene.layers:
            # No key deletes it, nor the bin: napari says why not, and the user can open the lock.
            _set(self._of_layers, layer, "locked", True)
            _set(self._of_layers, layer, "help", self._help)
            for key in _inherited(layer, lambda name: name not in _HARMLESS):
                _bind(self._of_layers, layer, key, rest)
            self._bind_digits(self._of_layers, layer)
        self._show_help()

    def _show_help(self) -> None:
        """Have the status bar tell the keys of the active layer; napari asks when another one is active."""
        viewer = self._scene.viewer
        if viewer is not None and viewer.layers.selection.active in self._scene.layers:
            viewer.help = viewer.layers.selection.active.help

    @property
    def _help(self) -> str:
        """What napari's status bar says of the keys, in its own manner."""
        last = min(len(self._scene.stains.names), len(STAIN_KEYS))
        return f"use <1> to <{last}> for the stains" if last > 1 else ""

    def _bind_digits(self, undo: ExitStack, owner: Viewer | Layer) -> None:
        for key, show in self._shows.items():
            _bind(undo, owner, key, show)


def rest(_: object) -> Iterator[None]:
    """Do nothing, until the key is released; see `_show`."""
    yield


def _show(stains: Stains, number: int) -> Act:
    """Return what shows the stain at a place in the order of the slide.

    It is a generator for the sake of its end, at the key's release: without one, napari would call what the
    key's last press on another layer left for the release, which sets that layer's mode.
    """

    def show_stain(_: object) -> Iterator[None]:
        stains.show_number(number)
        yield

    show_stain.__name__ = f"show_stain_{number + 1}"
    return show_stain


def _inherited(owner: Viewer | Layer, is_wanted: Callable[[str], bool]) -> Iterator[Any]:
    """Yield the keys of a class, as the user has set them, by the names of what they do."""
    for kind in type(owner).__mro__:
        for key, act in getattr(kind, "class_keymap", {}).items():
            if key is not ... and is_wanted(getattr(act, "__name__", "")):
                yield key


def _bind(undo: ExitStack, owner: Viewer | Layer, key: Any, act: Act) -> None:
    before = owner.bind_key(key, act, overwrite=True)
    undo.callback(_give_back, weakref.ref(owner), key, act, before)


def _give_back(find: weakref.ref[Any], key: Any, act: Act, before: Any) -> None:
    """Bind what was bound before, unless somebody else has taken the key since."""
    owner = find()
    if owner is not None:
        now = owner.bind_key(key, None)
        owner.bind_key(key, before if now is act else now, overwrite=True)


def _set(undo: ExitStack, layer: Layer, name: str, value: object) -> None:
    undo.callback(_set_back, weakref.ref(layer), name, getattr(layer, name))
    setattr(layer, name, value)


def _set_back(find: weakref.ref[Any], name: str, before: object) -> None:
    layer = find()
    if layer is not None:
        setattr(layer, name, before)
