"""Real keys on the canvas: the digits flick between stains, napari's keys stay, and no key edits a result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.settings import get_settings
from napari.utils.notifications import NotificationSeverity, notification_manager
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QListView, QMenu, QPushButton, QWidget

from core.models import write_model
from core.runs import STAINS, make_run
from napari_histoclust.core.run.run import Run
from napari_histoclust.viewer.window import add_dock
from napari_histoclust.widgets.context import Context, context_of
from napari_histoclust.widgets.open import open_in_napari
from napari_histoclust.widgets.workspace import close_workspace
from viewer.pyramids import plain, write_stack
from widgets.hands import Hands, needs_hands

pytestmark = [pytest.mark.gui, needs_hands]

Viewers = Callable[..., Any]
SHOWN = ("HE", "CD31", "MT")  # in the order of the keys
UNITS = ("um", "um")
OURS = (*SHOWN, "clusters", "selection", "patch")
EDITING = (
    *("e", "p", "f", "l", "s", "m", "x", "b", "minus", "equal", "bracketleft", "bracketright", "Return"),
    *("a", "shift+a", "ctrl+a", "ctrl+c", "ctrl+v", "ctrl+z", "Delete", "BackSpace"),
    *("ctrl+Delete", "ctrl+BackSpace", "ctrl+alt+t", "o", "c", "z"),
)


class Desk:
    """A window with a run in it, and hands at its keyboard."""

    def __init__(self, viewer: Any, qtbot: QtBot) -> None:
        self.viewer, self.qtbot = viewer, qtbot
        self.hands = Hands(qtbot, self.window)
        qtbot.waitUntil(lambda: all(layer.loaded for layer in viewer.layers))

    @property
    def context(self) -> Context:
        return context_of(self.viewer)

    @property
    def window(self) -> QWidget:
        return add_dock(self.viewer, "Workspace")[1].window()

    @property
    def list(self) -> QListView:
        """napari's list of layers."""
        return next(w for w in self.window.findChildren(QListView) if type(w).__name__ == "QtLayerList")

    @property
    def shown(self) -> str:
        return self.context.scene.stains.shown

    @property
    def seen(self) -> list[str]:
        """Stains whose layers are visible."""
        return [layer.name for layer in self.viewer.layers if layer.name in SHOWN and layer.visible]

    def activate(self, name: str | None) -> None:
        self.viewer.layers.selection.active = None if name is None else self.viewer.layers[name]

    def flick(self) -> None:
        """Press every digit; each shows its stain, or what was seen where there is no such stain."""
        for number, key in enumerate("231456789"):
            expected = SHOWN[int(key) - 1] if number < len(SHOWN) else "HE"
            self.hands.press(key)
            assert (self.shown, self.seen) == (expected, [expected]), f"key {key}"

    def state(self) -> dict[str, tuple[Any, ...]]:
        """What no key may change."""
        return {layer.name: _state(layer) for layer in self.viewer.layers}


def _state(layer: Any) -> tuple[Any, ...]:
    """Mode, place, and what it holds."""
    held = () if layer.multiscale else (np.asarray(layer.data).tobytes(),)
    chosen = getattr(layer, "selected_label", None), len(getattr(layer, "selected_data", ()))
    place = layer.affine.affine_matrix.tobytes(), layer.scale.tobytes(), layer.translate.tobytes()
    return (str(layer.mode), *place, *held, *chosen)


@pytest.fixture(autouse=True)
def _nothing_goes_wrong() -> Iterator[None]:
    """No toast that tells of an error or warns of one."""
    before = len(notification_manager.records)
    yield
    told = list(notification_manager.records)[before:]
    assert not [r.message for r in told if r.severity >= NotificationSeverity.WARNING]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return made(tmp_path, "run")


def made(tmp_path: Path, name: str, slides: int = 1) -> Run:
    images = {stain: plain(400, 500) for stain in SHOWN}
    paths = [write_stack(tmp_path / f"{name}_block{i}", images) for i in range(slides)]
    run = make_run(tmp_path / name, slides=slides, paths=paths)
    write_model(run.path / "model", STAINS)
    return run


@pytest.fixture
def viewer(make_napari_viewer_proxy: Viewers) -> Iterator[Any]:
    viewer = make_napari_viewer_proxy(show=True)
    yield viewer
    context_of(viewer).session.mark_saved()


@pytest.fixture
def desk(viewer: Any, run: Run, qtbot: QtBot) -> Desk:
    """As `napari-histoclust open` brings it."""
    open_in_napari(run.path, viewer=viewer)
    return Desk(viewer, qtbot)


def from_the_command_line(viewer: Any, run: Run, qtbot: QtBot) -> None:
    open_in_napari(run.path, viewer=viewer)


def from_the_menu(viewer: Any, run: Run, qtbot: QtBot) -> None:
    """Through napari's own entry, then a run as the dock of slides opens one."""
    entry(entry(viewer.window.plugins_menu, "Histoclust").menu(), "Workspace (Histoclust)").trigger()
    qtbot.waitUntil(lambda: any("UMAP" in name for name in viewer.window.dock_widgets))
    with qtbot.waitSignal(context_of(viewer).runner.released):
        add_dock(viewer, "Slides")[1].open_run_from(run.path)


def entry(menu: QMenu, text: str) -> Any:
    return next(action for action in menu.actions() if action.text() == text)


@pytest.mark.parametrize("opened", [from_the_command_line, from_the_menu])
def test_digits_show_stains_whatever_is_active(
    viewer: Any, run: Run, qtbot: QtBot, opened: Callable[..., None]
) -> None:
    opened(viewer, run, qtbot)
    desk = Desk(viewer, qtbot)
    session = desk.context.session
    session.set_focus(3)
    session.selection.set(run.labels == 2)
    before = desk.state()
    for name in (*OURS, None):
        desk.activate(name)
        desk.flick()
        assert desk.state() == before, name
    assert {state[0] for state in before.values()} == {"pan_zoom"}


@pytest.mark.parametrize("opened", [from_the_command_line, from_the_menu])
def test_the_status_bar_tells_what_the_digits_do_from_the_start(
    viewer: Any, run: Run, qtbot: QtBot, opened: Callable[..., None]
) -> None:
    opened(viewer, run, qtbot)
    assert viewer.help == "use <1> to <3> for the stains"


def test_the_status_bar_tells_napari_s_own_keys_again_afterwards(desk: Desk) -> None:
    close_workspace(desk.viewer)
    desk.qtbot.waitUntil(lambda: desk.viewer.help == "use <2> for transform")


def test_a_layer_chosen_in_the_list_leaves_the_digits_to_the_stains(desk: Desk) -> None:
    desk.hands.click(desk.list, desk.list.visualRect(desk.list.model().index(2, 0)).center())
    assert desk.viewer.layers.selection.active.name == "clusters"
    assert desk.viewer.help == "use <1> to <3> for the stains"
    desk.flick()


def test_a_layer_of_the_users_keeps_its_keys(desk: Desk) -> None:
    mine = desk.viewer.add_labels(np.zeros((400, 500), np.uint8), name="mine", units=UNITS)
    ours = {name: state for name, state in desk.state().items() if name in OURS}
    desk.activate("mine")
    for key, mode in {"2": "paint", "1": "erase", "4": "fill", "6": "pan_zoom"}.items():
        desk.hands.press(key)
        assert mine.mode == mode
        assert desk.shown == "HE"
    vectors = desk.viewer.add_vectors(np.zeros((1, 2, 2)), units=UNITS)
    desk.activate(vectors.name)
    desk.hands.press("2")
    assert vectors.mode == "transform"
    desk.hands.press("3")  # vectors have no such key
    assert desk.shown == "MT"
    assert {name: state for name, state in desk.state().items() if name in OURS} == ours


def test_a_digit_leaves_the_modes_of_other_layers(desk: Desk) -> None:
    get_settings().application.hold_button_delay = 0
    mine = desk.viewer.add_points(np.zeros((1, 2)), name="mine", units=UNITS)
    desk.activate("mine")
    desk.hands.press("2", "p")  # napari keeps what was to follow their release
    mine.mode = "add"
    desk.activate("clusters")
    desk.hands.press("2", "p")
    assert (desk.shown, mine.mode) == ("CD31", "add")


def test_naparis_own_keys_work_meanwhile(desk: Desk) -> None:
    viewer, hands = desk.viewer, desk.hands
    viewer.scene.camera.zoom = 99
    hands.press("2", "ctrl+r")
    assert viewer.scene.camera.zoom < 99
    desk.activate("clusters")
    hands.press("v")
    assert not viewer.layers["clusters"].visible
    hands.press("v")
    assert viewer.layers["clusters"].visible
    hands.press("ctrl+g")
    assert viewer.canvas.grid.enabled
    hands.press("ctrl+g")
    assert not viewer.canvas.grid.enabled
    hands.press("ctrl+Up")
    assert viewer.layers.selection.active.name == "selection"


@pytest.mark.slow
def test_no_key_edits_or_deletes_what_the_workspace_shows(desk: Desk, run: Run) -> None:
    session = desk.context.session
    session.set_focus(3)
    session.selection.set(run.labels == 2)
    before = desk.state()
    desk.hands.press("ctrl+y", "ctrl+y")  # 3D and back, where napari makes points editable
    for name in (*OURS, None):
        for key in EDITING:
            desk.activate(name)
            desk.hands.press(key)
            assert desk.state() == before, (name, key)
    assert not any(layer.editable for layer in desk.context.scene.patches.all)


@pytest.mark.parametrize("key", ["ctrl+Delete", "Delete"])
def test_layers_of_others_can_be_deleted_beside_ours(desk: Desk, key: str) -> None:
    desk.viewer.add_points(np.zeros((1, 2)), name="mine", units=UNITS)
    desk.viewer.layers.selection = {desk.viewer.layers[name] for name in ("mine", "HE", "patch")}
    if key == "Delete":
        desk.list.setFocus()
    desk.hands.press(key)
    assert set(desk.state()) == set(OURS)


def test_another_slide_and_another_run_have_the_keys_too(desk: Desk, tmp_path: Path) -> None:
    first = set(desk.context.scene.layers)
    open_in_napari(made(tmp_path, "cohort", slides=2).path, viewer=desk.viewer)
    desk.context.session.show_slide(1)
    assert first.isdisjoint(desk.viewer.layers)
    before = desk.state()
    for name in ("HE", "clusters", "patch"):
        desk.activate(name)
        desk.flick()
        assert desk.state() == before


def test_stains_are_flicked_while_a_region_is_drawn(desk: Desk) -> None:
    mine = desk.viewer.add_shapes(name="region", ndim=2, units=UNITS)
    button = next(b for b in desk.window.findChildren(QPushButton) if b.text() == "Draw region")
    desk.hands.click(button)
    region = desk.viewer.layers.selection.active
    assert region.name == "region [1]"
    desk.flick()
    assert desk.viewer.layers.selection.active == region
    assert region.mode == "add_polygon_lasso"
    close_workspace(desk.viewer)
    desk.qtbot.waitUntil(lambda: region not in desk.viewer.layers)
    assert mine in desk.viewer.layers


def test_nine_stains_have_keys(viewer: Any, tmp_path: Path, qtbot: QtBot) -> None:
    stains = ("HE", "CD31", "CK19", "Ki67", "MT", "CD3", "CD4", "CD8", "PAS", "PSR")
    stack = write_stack(tmp_path / "block", {stain: plain(100, 100) for stain in stains}, steps=(1,))
    desk = Desk(open_in_napari(stack, viewer=viewer), qtbot)
    for number, key in enumerate("123456789"):
        desk.hands.press(key)
        assert desk.shown == desk.context.scene.stains.names[number]
    assert len(desk.context.scene.stains.names) == 10


def test_closing_the_workspace_leaves_all_keys_as_they_were(
    viewer: Any, run: Run, tmp_path: Path, qtbot: QtBot
) -> None:
    heard: list[str] = []
    viewer.bind_key("3", lambda _: heard.append("before"))
    viewer.bind_key("4", lambda _: heard.append("before too"))
    desk = Desk(open_in_napari(run.path, viewer=viewer), qtbot)
    desk.activate(None)
    desk.hands.press("3", "4", "2")
    assert (heard, desk.shown) == ([], "CD31")
    viewer.bind_key("4", lambda _: heard.append("meanwhile"), overwrite=True)
    window = desk.window
    close_workspace(viewer)
    qtbot.waitUntil(lambda: not viewer.layers["HE"].locked)
    desk.hands.take_up(window)
    desk.hands.press("3", "4", "1")
    assert (heard, desk.shown) == (["before", "meanwhile"], "CD31")
    viewer.bind_key("3", None)
    viewer.bind_key("4", None)
    assert not viewer.keymap
    assert not any(layer.keymap for layer in viewer.layers)
    desk.activate("CD31")
    for key, mode in {"2": "transform", "1": "pan_zoom"}.items():
        desk.hands.press(key)
        assert viewer.layers["CD31"].mode == mode
