"""The session on napari's canvas, and where the eye is.

Views ask and listen: the scene only paints what the session says; `viewer/gestures.py` turns clicks into
calls of the session.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from napari import Viewer
from napari.layers import Layer
from psygnal import Signal

from napari_histoclust.session.session import Aspect
from napari_histoclust.session.view_state import ViewState
from napari_histoclust.viewer.host import Host
from napari_histoclust.viewer.layers import stack_layers
from napari_histoclust.viewer.patch_layers import PatchLayers
from napari_histoclust.viewer.places import patch_side_world, world_of_patch
from napari_histoclust.viewer.stains import Stains
from napari_histoclust.viewer.window import unwrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_histoclust.core.run.run import Run
    from napari_histoclust.core.slides.stack import Stack
    from napari_histoclust.session import Session

__all__ = ["Scene", "Viewer", "note"]

_PATCHES_ACROSS = 12  # after `go_to`: a patch and what surrounds it


class Scene:
    """Keeps the layers of a viewer true to a session.

    Five stains as images, the patches' colours and the selection as Labels of one px a patch, the patch
    pointed at as a ring. A selection is a layer of its own, as napari's Labels select one label at most.

    Parameters
    ----------
    viewer : napari.Viewer
        Held weakly.
    session : Session

    Attributes
    ----------
    stains : Stains
        Which stain is seen.
    patches : PatchLayers or None
        The layers of the run on the slide that is shown.

    Signals
    -------
    rebuilt
        Some of `layers` are other ones than before.
    """

    rebuilt = Signal()

    def __init__(self, viewer: Viewer, session: Session) -> None:
        self._viewer = weakref.ref(unwrapped(viewer))
        self.session = session
        self.stains = Stains()
        self.patches: PatchLayers | None = None
        self._made: weakref.WeakSet[Layer] = weakref.WeakSet()
        self._shown: tuple[Stack | None, Run | None, int] = (None, None, 0)
        session.changed.connect(self._on_session_changed)

    @property
    def viewer(self) -> Viewer | None:
        """The viewer, while there is one."""
        return self._viewer()

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All layers that are the scene's own."""
        return (*self.stains.layers, *(() if self.patches is None else self.patches.all))

    def go_to(self, patch: int) -> None:
        """Bring a patch to the middle of the canvas, on its slide, at a zoom at which it can be read."""
        run, viewer = self.session.run, self.viewer
        if run is None or viewer is None:
            return
        slide = int(run.slide_index[patch])
        self.session.show_slide(slide)
        viewer.scene.camera.center = world_of_patch(run, patch)
        near = min(viewer.canvas.size) / (_PATCHES_ACROSS * patch_side_world(run, slide))
        viewer.scene.camera.zoom = max(viewer.scene.camera.zoom, near)

    def fit(self) -> None:
        """Show the whole slide."""
        if self.viewer is not None:
            self.viewer.reset_view()

    def view(self) -> ViewState:
        """Return what is seen, as it is saved with a run."""
        viewer, patches, stains = self.viewer, self.patches, self.stains
        overlay = {} if patches is None else _overlay(patches.clusters)
        camera = {} if viewer is None else _camera(viewer)
        run = self.session.run
        return ViewState(
            fingerprint="" if run is None else run.manifest.fingerprint,
            slide=self.session.slide,
            stain=stains.shown,
            blended=stains.blended,
            share=stains.share,
            colour_by=self.session.colour_by,
            focus=self.session.focus,
            **overlay,
            **camera,
        )

    def show_view(self, view: ViewState) -> None:
        """See again what was seen."""
        session, viewer = self.session, self.viewer
        session.show_slide(view.slide)
        if view.stain in self.stains.names:
            self.stains.blend(
                view.stain, view.blended if view.blended in self.stains.names else "", view.share
            )
        session.set_colour_by(view.colour_by)
        session.set_focus(view.focus)
        if self.patches is not None:
            self.patches.clusters.opacity = view.overlay_opacity
            self.patches.clusters.visible = view.overlay_visible
        if viewer is not None:
            viewer.scene.camera.center, viewer.scene.camera.zoom = view.centre, view.zoom

    def _on_session_changed(self, changed: frozenset[Aspect]) -> None:
        if changed & {Aspect.STACKS, Aspect.SLIDE, Aspect.RUN}:
            self._rebuild()
        elif self.patches is not None and self._shown[1] is self.session.run:
            if changed & {Aspect.PALETTE, Aspect.COLOUR_BY}:
                self.patches.paint_colours()
            if Aspect.SELECTION in changed:
                self.patches.paint_selection()
            if Aspect.FOCUS in changed:
                self.patches.paint_focus()

    def _rebuild(self) -> None:
        """Build anew the layers whose stack, run or slide is another one; the rest stays as it is."""
        viewer, session = self.viewer, self.session
        if viewer is None:
            return
        before, self._shown = self._shown, (session.stack, session.run, session.slide)
        is_other_stack = session.stack is not before[0]
        is_other_run = session.run is not before[1] or session.slide != before[2]
        if is_other_stack:
            self._build_stains(viewer)
        if is_other_run:
            self._build_patches(viewer)
        self._order(viewer)
        if is_other_stack or is_other_run:
            self.rebuilt.emit()
        if is_other_stack and len(viewer.layers):
            viewer.reset_view()

    def _build_stains(self, viewer: Viewer) -> None:
        stack, run, slide = self._shown
        self._remove(viewer, "stain")
        if stack is None:
            self.stains.take_up((), {})
            return
        scale = None if run is None else run.um_per_px[slide]
        images = [Layer.create(*data) for data in stack_layers(stack, scale)]
        self._add(viewer, images)
        self.stains.take_up(stack.stains, {note(layer)["stain"]: layer for layer in images})

    def _build_patches(self, viewer: Viewer) -> None:
        before, self.patches = self.patches, None
        self._remove(viewer, "run")
        if self.session.run is None:
            return
        self.patches = PatchLayers(self.session, self.session.slide)
        if before is not None:
            self.patches.clusters.opacity = before.clusters.opacity
            self.patches.clusters.visible = before.clusters.visible
        self._add(viewer, self.patches.all)

    def _remove(self, viewer: Viewer, kind: str) -> None:
        """Take away our layers of a kind ("stain" or "run"), and those that the reader brought.

        A copy that somebody made of one of ours has our note, too, and is theirs.
        """
        with Host.old_objects_frozen():
            for layer in list(viewer.layers):
                if kind in note(layer) and (layer in self._made or "scene" not in note(layer)):
                    viewer.layers.remove(layer)

    def _add(self, viewer: Viewer, layers: Sequence[Layer]) -> None:
        for layer in layers:
            layer.metadata["histoclust"] = note(layer) | {"scene": True}
            self._made.add(layer)
        viewer.layers.extend(layers)

    def _order(self, viewer: Viewer) -> None:
        """Bring the patches above the stains, and make the stain that is seen the active layer."""
        for layer in () if self.patches is None else self.patches.all:
            if layer in viewer.layers:
                viewer.layers.move(viewer.layers.index(layer), len(viewer.layers))
        shown = self.stains.shown_layer
        if shown is not None and shown in viewer.layers:
            viewer.layers.selection.active = shown


def note(layer: Layer) -> dict[str, Any]:
    """Return what `viewer/layers.py` wrote on a layer; empty for layers of others."""
    found = layer.metadata.get("histoclust", {})
    return found if isinstance(found, dict) else {}


def _overlay(layer: Layer) -> dict[str, Any]:
    return {"overlay_opacity": float(layer.opacity), "overlay_visible": bool(layer.visible)}


def _camera(viewer: Viewer) -> dict[str, Any]:
    y, x = viewer.scene.camera.center[-2:]
    return {"centre": (float(y), float(x)), "zoom": float(viewer.scene.camera.zoom)}
