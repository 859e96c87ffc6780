"""What is really drawn: the label of a patch covers its tissue, at every level of the pyramid."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Layer
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot

from core.runs import make_run
from napari_histoclust.core.palette import Cluster
from napari_histoclust.core.run.run import Run
from napari_histoclust.viewer.layers import run_layers
from viewer.pyramids import plain, write_stack

pytestmark = [
    pytest.mark.gui,
    pytest.mark.pixels,
    pytest.mark.skipif(
        os.name == "posix" and not os.environ.get("DISPLAY"), reason="no screen to draw on: run under Xvfb"
    ),
]
PATCH_PX = 32
STEPS = (1, 2, 4, 8)
UM_PER_PX = 0.5
CLUSTERS = (Cluster(1, "other", "#000000"), Cluster(2, "marked", "#00ff00"))


def marked_run(tmp_path: Path, marked: int) -> Run:
    """One patch is red on black tissue; its cluster, which no other patch has, is green."""
    run = make_run(tmp_path / "run", clusters=CLUSTERS, patch_px=PATCH_PX, um_per_px=UM_PER_PX)
    grid = run.grids[0]
    y, x = grid.row[marked] * PATCH_PX, grid.col[marked] * PATCH_PX
    # neither side is a multiple of the levels' steps, so that a careless pyramid would show
    image = plain(grid.shape[0] * PATCH_PX + 19, grid.shape[1] * PATCH_PX + 21, (0, 0, 0))
    image[y : y + PATCH_PX, x : x + PATCH_PX] = (255, 0, 0)
    write_stack(tmp_path / "block", {"HE": image, "MT": image}, STEPS, UM_PER_PX)
    labels = np.ones(len(run), np.int16)
    labels[marked] = 2
    return replace(run, labels=labels)


def extent(viewer: Any, channel: int) -> NDArray[np.intp]:
    """First and last canvas px (y, x) in which this colour channel alone is bright."""
    bright = np.asarray(viewer.screenshot(flash=False))[..., :3] > 127
    where = np.argwhere(bright[..., channel] & (bright.sum(-1) == 1))
    assert len(where)
    return np.array([where.min(0), where.max(0)])


@pytest.mark.parametrize("marked", [0, -1])
@pytest.mark.parametrize("level", range(len(STEPS)))
def test_label_and_tissue_are_drawn_in_one_place(
    tmp_path: Path, make_napari_viewer_proxy: Callable[..., Any], qtbot: QtBot, marked: int, level: int
) -> None:
    from napari_histoclust.core.slides.stack import open_stack

    run = marked_run(tmp_path, marked)
    viewer = make_napari_viewer_proxy(show=True)
    for data in run_layers(run, 0, open_stack(tmp_path / "block")):
        viewer.add_layer(Layer.create(*data))
    tissue, clusters = viewer.layers["HE"], viewer.layers["clusters"]
    clusters.opacity = 1
    tissue.locked_data_level = level
    viewer.scene.camera.center = [UM_PER_PX * side[marked] for side in (run.grids[0].y_px, run.grids[0].x_px)]
    viewer.scene.camera.zoom = 10
    tissue.visible, clusters.visible = True, False
    qtbot.waitUntil(lambda: tissue.loaded and tissue.data_level == level)
    red = extent(viewer, 0)
    tissue.visible, clusters.visible = False, True
    green = extent(viewer, 1)
    np.testing.assert_allclose(green, red, atol=1)
    side_on_canvas = PATCH_PX * UM_PER_PX * 10
    np.testing.assert_allclose(green[1] - green[0] + 1, side_on_canvas, atol=2)
