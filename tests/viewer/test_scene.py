"""The layers of a real viewer follow the session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.runs import make_run
from napari_histoclust.core.run.run import Run
from napari_histoclust.session import Session
from napari_histoclust.viewer.gestures import Gestures, choose
from napari_histoclust.viewer.places import world_of_patch
from napari_histoclust.viewer.scene import Scene
from viewer.pyramids import plain, write_stack

pytestmark = pytest.mark.gui

Viewers = Callable[..., Any]


def two_slides(tmp_path: Path) -> Run:
    stacks = [
        write_stack(tmp_path / f"block{i}", {"HE": plain(400, 500), "MT": plain(400, 500)}) for i in range(2)
    ]
    return make_run(tmp_path / "run", slides=2, paths=stacks)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return two_slides(tmp_path)


@pytest.fixture
def scene(make_napari_viewer_proxy: Viewers, run: Run) -> Scene:
    session = Session()
    scene = Scene(make_napari_viewer_proxy(), session)
    session.load(run, [run.open_stack(0), run.open_stack(1)])
    return scene


def names(scene: Scene) -> list[str]:
    return [layer.name for layer in scene.viewer.layers]


def test_a_run_brings_stains_clusters_selection_and_ring(scene: Scene) -> None:
    assert names(scene) == ["MT", "HE", "clusters", "selection", "patch"]
    assert scene.viewer.layers.selection.active is scene.viewer.layers["HE"]
    assert not scene.patches.selection.visible
    assert not any(layer.editable for layer in scene.patches.all)


def test_the_layers_of_a_run_go_with_it_and_those_of_others_stay(scene: Scene) -> None:
    scene.viewer.add_labels(np.zeros((5, 5), np.uint8), name="mine")
    scene.session.set_run(None)
    assert names(scene) == ["MT", "HE", "mine"]
    scene.session.set_stacks([])
    assert names(scene) == ["mine"]


def test_a_copy_of_ours_is_its_makers(scene: Scene) -> None:
    """napari copies the notes on a layer with it; what was painted on the copy is a person's work."""
    viewer = scene.viewer
    for name in ("clusters", "HE"):
        data, options, kind = viewer.layers[name].as_layer_data_tuple()
        viewer._add_layer_from_data(data, {**options, "name": f"{name} copy"}, kind)
    scene.session.show_slide(1)
    assert {"clusters copy", "HE copy"} <= set(names(scene))
    scene.session.set_run(None)
    scene.session.set_stacks([])
    assert names(scene) == ["clusters copy", "HE copy"]


def test_a_merge_recolours_without_touching_the_picture(scene: Scene, run: Run) -> None:
    layer = scene.patches.clusters
    picture = layer.data
    scene.session.palette.merge([2], into=1)
    assert layer.data is picture
    colours = layer.colormap.map(np.array([1, 2, 3]))
    np.testing.assert_array_equal(colours[0], colours[1])
    assert (colours[0] != colours[2]).any()
    counts = layer.features.set_index("index")["patches"]
    assert counts[1] == counts[2] == np.isin(run.labels[run.rows(0)], [1, 2]).sum()


def test_a_split_changes_the_picture(scene: Scene, run: Run) -> None:
    members = np.flatnonzero(run.labels == 1)
    scene.session.palette.split(1, np.arange(len(members)) % 2)
    expected = run.grids[0].picture(scene.session.palette.labels[run.rows(0)].astype(np.uint8))
    np.testing.assert_array_equal(scene.patches.clusters.data, expected)
    scene.session.palette.undo()
    np.testing.assert_array_equal(scene.patches.clusters.data, run.label_picture(0))


def test_another_colouring_and_back(scene: Scene, run: Run) -> None:
    scene.session.set_colour_by("confidence")
    picture = np.asarray(scene.patches.clusters.data)
    order = np.argsort(run.confidence[run.rows(0)])
    codes = picture[run.grids[0].row, run.grids[0].col]
    assert (np.diff(codes[order].astype(int)) >= 0).all()
    assert codes.max() > codes.min()
    scene.session.set_colour_by("cluster")
    np.testing.assert_array_equal(scene.patches.clusters.data, run.label_picture(0))


def test_what_is_not_chosen_is_dimmed(scene: Scene, run: Run) -> None:
    scene.session.selection.set(run.labels == 2)
    assert scene.patches.selection.visible
    expected = run.grids[0].picture(np.where(run.labels[run.rows(0)] == 2, 2, 1).astype(np.uint8))
    np.testing.assert_array_equal(scene.patches.selection.data, expected)
    assert scene.patches.selection.colormap.map(np.array([0, 1, 2]))[:, 3].tolist() == [0, 1, 0]
    scene.session.selection.clear()
    assert not scene.patches.selection.visible


def test_a_patch_pointed_at_is_ringed_and_nothing_dimmed(scene: Scene, run: Run) -> None:
    scene.session.set_focus(7)
    scene.session.selection.set([7])
    np.testing.assert_allclose(scene.patches.focus.data, [world_of_patch(run, 7)])
    assert not scene.patches.selection.visible
    scene.session.set_focus(run.rows(1).start)  # on the other slide
    assert len(scene.patches.focus.data) == 0


def test_another_slide_keeps_stain_and_overlay(scene: Scene, run: Run) -> None:
    scene.stains.show("MT")
    scene.patches.clusters.opacity = 0.2
    scene.session.show_slide(1)
    assert names(scene) == ["MT", "HE", "clusters", "selection", "patch"]
    assert scene.viewer.layers["MT"].visible
    assert not scene.viewer.layers["HE"].visible
    assert scene.patches.clusters.opacity == 0.2
    np.testing.assert_array_equal(scene.patches.clusters.data, run.label_picture(1))


def test_going_to_a_patch_shows_its_slide_and_place(scene: Scene, run: Run) -> None:
    patch = run.rows(1).start + 3
    scene.go_to(patch)
    assert scene.session.slide == 1
    np.testing.assert_allclose(scene.viewer.scene.camera.center[-2:], world_of_patch(run, patch))
    across_um = min(scene.viewer.canvas.size) / scene.viewer.scene.camera.zoom
    assert across_um == pytest.approx(12 * 32 * 0.5)


def test_a_view_is_seen_again(scene: Scene, run: Run) -> None:
    scene.session.show_slide(1)
    scene.stains.blend("MT", "HE", 0.3)
    scene.session.set_colour_by("confidence")
    scene.go_to(run.rows(1).start + 3)
    scene.session.set_focus(run.rows(1).start + 3)
    scene.patches.clusters.opacity = 0.4
    view = scene.view()
    other = Scene(scene.viewer, Session())
    other.session.load(run, [run.open_stack(0), run.open_stack(1)])
    other.show_view(view)
    assert other.view() == view


@pytest.fixture
def gestures(scene: Scene) -> Gestures:
    gestures = Gestures(scene)
    gestures.connect()
    return gestures


class Press:
    """A mouse event as napari hands it to callbacks."""

    def __init__(self, position: tuple[float, float], *modifiers: str) -> None:
        self.type, self.button, self.position, self.pos = "mouse_press", 1, position, (5, 5)
        self.modifiers = modifiers


def click(scene: Scene, event: Press, moved_px: int = 0) -> None:
    """Press, perhaps move, and let go, as napari drives the generators of its callbacks."""
    strokes = [callback(scene.viewer, event) for callback in scene.viewer.mouse_drag_callbacks]
    strokes = [stroke for stroke in strokes if stroke is not None]
    for kind in ("mouse_press", *(("mouse_move",) if moved_px else ()), "mouse_release"):
        event.type, event.pos = kind, (5 + moved_px * (kind != "mouse_press"), 5)
        for stroke in strokes:
            next(stroke, None)


def double_click(scene: Scene, event: Press) -> None:
    for callback in list(scene.viewer.mouse_double_click_callbacks):
        callback(scene.viewer, event)


@pytest.mark.usefixtures("gestures")
class TestGestures:
    def test_a_click_chooses_a_patch(self, scene: Scene, run: Run) -> None:
        click(scene, Press(world_of_patch(run, 4)))
        assert scene.session.focus == 4
        assert scene.session.selection.ids.tolist() == [4]
        click(scene, Press(world_of_patch(run, 9), "Shift"))
        assert scene.session.selection.ids.tolist() == [4, 9]
        click(scene, Press(world_of_patch(run, 4), "Alt"))
        assert scene.session.selection.ids.tolist() == [9]

    def test_a_drag_and_a_click_beside_the_tissue_choose_nothing(self, scene: Scene, run: Run) -> None:
        click(scene, Press(world_of_patch(run, 4)), moved_px=30)
        click(scene, Press((-500.0, -500.0)))
        assert scene.session.focus is None
        assert len(scene.session.selection) == 0

    def test_a_hand_that_trembles_still_clicks(self, scene: Scene, run: Run) -> None:
        click(scene, Press(world_of_patch(run, 4)), moved_px=2)
        assert scene.session.focus == 4

    def test_a_double_click_chooses_the_cluster_as_shown(self, scene: Scene, run: Run) -> None:
        scene.session.palette.merge([2], into=1)
        patch = int(np.flatnonzero(run.labels == 2)[0])
        double_click(scene, Press(world_of_patch(run, patch)))
        np.testing.assert_array_equal(scene.session.selection.mask, np.isin(run.labels, [1, 2]))

    def test_an_outline_chooses_what_is_inside(self, scene: Scene, gestures: Gestures, run: Run) -> None:
        gestures.draw_region()
        assert scene.viewer.layers.selection.active.mode == "add_polygon_lasso"
        centre = np.array(world_of_patch(run, 20))
        side = 16 * 0.5
        gestures.choose_inside(centre + side * np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]]))
        assert scene.session.selection.ids.tolist() == [20]
        gestures.stop_drawing()
        assert "region" not in scene.viewer.layers

    def test_leaving_gives_napari_its_own_gestures_back(self, scene: Scene, gestures: Gestures) -> None:
        gestures.disconnect()
        gestures.disconnect()
        found = [c.__name__ for c in scene.viewer.mouse_double_click_callbacks]
        assert "_on_viewer_double_click" not in found
        assert not any(
            "_on_viewer_drag" in getattr(c, "__name__", "") for c in scene.viewer.mouse_drag_callbacks
        )


def test_alt_takes_out_and_shift_adds(run: Run) -> None:
    session = Session()
    session.load(run, [])
    choose(session.selection, run.labels == 1)
    choose(session.selection, np.array([0, 1, 2]), ("Shift",))
    choose(session.selection, np.array([1]), ("Alt",))
    expected = run.labels == 1
    expected[[0, 2]] = True
    expected[1] = False
    np.testing.assert_array_equal(session.selection.mask, expected)
