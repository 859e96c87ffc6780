"""A person's walk through the window, from slides to a saved run and back; each state is checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_histoclust.core.config import FitSettings
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.phantom import write_phantom
from napari_histoclust.viewer.gestures import Gestures
from napari_histoclust.viewer.places import world_of_patch
from napari_histoclust.viewer.window import add_dock
from napari_histoclust.widgets.context import context_of
from napari_histoclust.widgets.open import open_in_napari
from napari_histoclust.widgets.saving import may_leave
from napari_histoclust.widgets.workspace import close_workspace, open_workspace

pytestmark = [pytest.mark.gui, pytest.mark.slow]

Viewers = Callable[..., Any]
LONG_MS = 240_000


class Walk:
    """The docks of one window, and how a person uses them."""

    def __init__(self, viewer: Any, qtbot: QtBot) -> None:
        self.viewer, self.qtbot = viewer, qtbot
        self.context = context_of(viewer)
        open_workspace(viewer)
        self.slides, self.model, self.clusters, self.results, self.plot = (
            add_dock(viewer, title)[1] for title in ("Slides", "Model", "Clusters", "Results", "UMAP")
        )

    @property
    def session(self) -> Any:
        return self.context.session

    def wait(self, start: Callable[[], object]) -> None:
        """Start a job and wait until its thread is free."""
        with self.qtbot.waitSignal(self.context.runner.released, timeout=LONG_MS):
            start()

    def lasso(self, corners: list[QPoint]) -> None:
        """Draw an outline on the plot with the left button."""
        canvas, left = self.plot.canvas, Qt.MouseButton.LeftButton
        QTest.mousePress(canvas, left, Qt.KeyboardModifier.NoModifier, corners[0])
        for corner in corners[1:]:
            QTest.mouseMove(canvas, corner)
        QTest.mouseRelease(canvas, left, Qt.KeyboardModifier.NoModifier, corners[-1])


@pytest.fixture
def viewers(make_napari_viewer_proxy: Viewers) -> Iterator[Viewers]:
    opened: list[Any] = []

    def shown() -> Any:
        opened.append(make_napari_viewer_proxy(show=True))
        return opened[-1]

    yield shown
    for viewer in opened:
        context_of(viewer).session.mark_saved()  # else its closing would wait for an answer


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    return drive(write_phantom(tmp_path / "slide", size_px=1024, seed=3))


def test_from_slides_to_a_saved_run_and_back(
    slide: Path, tmp_path: Path, viewers: Viewers, qtbot: QtBot
) -> None:
    walk = Walk(viewers(), qtbot)
    load(walk, slide)
    train(walk)
    map_and_embed(walk, tmp_path / "run")
    select_by_lasso_and_click(walk)
    edit(walk)
    expected = save(walk)
    close_workspace(walk.viewer)

    viewer = viewers()
    open_in_napari(tmp_path / "run", viewer=viewer)
    again = context_of(viewer).session
    assert again.palette.state == expected[0]
    np.testing.assert_array_equal(again.selection.mask, expected[1])
    assert again.run.embedding is not None


def load(walk: Walk, slide: Path) -> None:
    walk.wait(lambda: walk.slides.add_paths([slide]))
    assert [stack.stains[0] for stack in walk.session.stacks] == ["HE"]
    assert [layer.name for layer in walk.viewer.layers][-1] == "HE"
    walk.context.scene.stains.show_number(1)
    assert walk.context.scene.stains.shown == "CD31"


def train(walk: Walk) -> None:
    """Begin, cancel, and train again."""
    form = walk.model.fit_form
    settings = form.value().model_copy(update={"patches": 60, "epochs": 200, "batch": 10, "clusters": 4})
    form.set_value("quick", settings)
    walk.model.train()
    qtbot = walk.qtbot
    qtbot.waitUntil(lambda: "Training" in walk.model.train_line.text(), timeout=LONG_MS)
    with qtbot.waitSignal(walk.context.runner.job.cancelled, timeout=LONG_MS):
        walk.model.train_button.click()
    qtbot.waitUntil(lambda: walk.context.runner.job is None, timeout=LONG_MS)
    assert walk.session.model is None
    form.set_value("quick", FitSettings.model_validate(settings.model_dump() | {"epochs": 2}))
    walk.wait(walk.model.train)
    assert walk.session.model.spec.clusters == 4


def map_and_embed(walk: Walk, folder: Path) -> None:
    walk.wait(lambda: walk.model.map_to(folder))
    assert len(walk.session.run) > 20
    assert [layer.name for layer in walk.viewer.layers][-3:] == ["clusters", "selection", "patch"]
    walk.wait(walk.model.embed)
    assert walk.session.run.embedding.shape == (len(walk.session.run), 2)


def select_by_lasso_and_click(walk: Walk) -> None:
    canvas, session = walk.plot.canvas, walk.session
    walk.qtbot.waitUntil(lambda: walk.plot.pages.currentWidget() is canvas, timeout=LONG_MS)
    w, h = canvas.width(), canvas.height()
    walk.lasso([QPoint(1, 1), QPoint(w - 2, 1), QPoint(w - 2, h - 2), QPoint(1, h - 2), QPoint(1, 1)])
    walk.qtbot.waitUntil(lambda: len(session.selection) == len(session.run))
    gestures = Gestures(walk.context.scene)
    centre = np.array(world_of_patch(session.run, 5))
    gestures.choose_inside(centre + 4 * np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]]))
    assert session.selection.ids.tolist() == [5]
    session.selection.back()
    assert len(session.selection) == len(session.run)
    session.selection.forward()


def edit(walk: Walk) -> None:
    palette = walk.session.palette
    used = [i for i in palette.shown_ids if (walk.session.run.labels == i).any()]
    palette.rename(used[0], "liver")
    assert "liver" in {row.summary.cluster.name for row in walk.clusters.model.rows}
    palette.merge([used[-1]], into=used[0])
    palette.undo()
    assert palette.shown_ids == (1, 2, 3, 4)
    palette.redo()
    assert walk.session.has_unsaved_edits


def save(walk: Walk) -> tuple[Any, Any]:
    walk.results.save_button.click()
    assert may_leave(walk.context)
    return walk.session.palette.state, walk.session.selection.mask
