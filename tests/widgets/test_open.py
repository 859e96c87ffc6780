"""A window on a run, and what is really drawn in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils.notifications import notification_manager

from core.models import write_model
from core.runs import STAINS, make_run
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.run.run import Run
from napari_histoclust.widgets.open import open_in_napari
from viewer.pyramids import plain, write_stack

pytestmark = pytest.mark.gui

Viewers = Callable[..., Any]


def small_run(tmp_path: Path, slides: int = 1) -> Run:
    stacks = [
        write_stack(tmp_path / f"block{i}", {"HE": plain(400, 500), "MT": plain(400, 500)})
        for i in range(slides)
    ]
    made = make_run(tmp_path / "my run", slides=slides, paths=stacks)
    write_model(made.path / "model", STAINS)
    return made


def test_the_reference_lies_below_half_transparent_clusters(
    tmp_path: Path, make_napari_viewer_proxy: Viewers
) -> None:
    viewer = open_in_napari(small_run(tmp_path).path, viewer=make_napari_viewer_proxy())
    assert [(layer.name, layer.visible, layer.opacity) for layer in viewer.layers] == [
        ("MT", False, 1.0),
        ("HE", True, 1.0),
        ("clusters", True, 0.5),
        ("selection", False, 0.6),
        ("patch", True, 1.0),
    ]
    assert viewer.title == "my run - napari-histoclust"
    assert viewer.canvas.overlays.scale_bar.visible
    assert not viewer.layers["clusters"].editable


def test_a_stack_opens_too(tmp_path: Path, make_napari_viewer_proxy: Viewers) -> None:
    run = small_run(tmp_path)
    viewer = open_in_napari(run.manifest.slides[0].path, viewer=make_napari_viewer_proxy())
    assert [layer.name for layer in viewer.layers] == ["MT", "HE"]
    assert viewer.title == "block0 - napari-histoclust"


def test_the_whole_slide_is_in_view(tmp_path: Path, make_napari_viewer_proxy: Viewers) -> None:
    viewer = open_in_napari(small_run(tmp_path).path, viewer=make_napari_viewer_proxy())
    height_um, width_um = 400 * 0.5, 500 * 0.5
    canvas_height, canvas_width = viewer.canvas.size
    assert height_um * viewer.scene.camera.zoom <= canvas_height
    assert width_um * viewer.scene.camera.zoom <= canvas_width
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (height_um / 2, width_um / 2), atol=1)


def test_a_slide_of_a_cohort_is_chosen(tmp_path: Path, make_napari_viewer_proxy: Viewers) -> None:
    run = small_run(tmp_path, slides=2)
    viewer = open_in_napari(run.path, slide=1, viewer=make_napari_viewer_proxy())
    np.testing.assert_array_equal(viewer.layers["clusters"].data, run.label_picture(1))
    with pytest.raises(HistoclustError, match="has no slide 3, choose one of 1 to 2"):
        open_in_napari(run.path, slide=2, viewer=viewer)


def test_a_run_whose_images_have_gone_says_so(tmp_path: Path, make_napari_viewer_proxy: Viewers) -> None:
    run = small_run(tmp_path)
    shutil.rmtree(run.manifest.slides[0].path)
    viewer = open_in_napari(run.path, viewer=make_napari_viewer_proxy())
    assert [layer.name for layer in viewer.layers] == ["clusters", "selection", "patch"]
    assert "no longer there" in notification_manager.records[-1].message


@pytest.mark.parametrize("name", ["no such run", "empty"])
def test_what_cannot_be_opened_makes_no_window(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(HistoclustError, match=name):
        open_in_napari(tmp_path / name)
