"""Thumbnails read in the background."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtGui import QColor

from core.runs import make_run
from napari_histoclust.core.run.run import Run
from napari_histoclust.session.gallery.images import SlideImages
from napari_histoclust.widgets.gallery.loader import Thumbnail, ThumbnailLoader
from stacks import STAINS, write_stack
from widgets.deletion import delete

pytestmark = pytest.mark.gui


@pytest.fixture
def loader(qtbot: QtBot) -> Iterator[ThumbnailLoader]:
    loader = ThumbnailLoader()
    yield loader
    delete(qtbot, loader)


def pixels_of(thumbnail: Thumbnail, stain: int) -> np.ndarray:
    image = thumbnail.images[stain]
    return np.array(
        [
            [QColor(image.pixel(x, y)).getRgb()[:3] for x in range(image.width())]
            for y in range(image.height())
        ],
        np.uint8,
    )


def test_px_are_those_of_the_slide(qtbot: QtBot, run: Run, loader: ThumbnailLoader) -> None:
    ids = np.array([5, len(run) - 3, 0])
    loader.look_at(SlideImages(run))
    loader.ask([ids], 32)
    qtbot.waitUntil(lambda: not loader.waiting)
    for patch in ids.tolist():
        slide = int(run.slide_index[patch])
        grid, row = run.grids[slide], patch - run.rows(slide).start
        y, x = int(grid.row[row]) * 32, int(grid.col[row]) * 32
        direct = run.open_stack(slide).read(0, y, x, 32, 32, STAINS)
        thumbnail = loader.get(patch)
        assert thumbnail is not None
        for stain in range(5):
            assert np.array_equal(pixels_of(thumbnail, stain), direct[stain])


def test_open_slides_are_used(qtbot: QtBot, tmp_path: Path, loader: ThumbnailLoader) -> None:
    """The run's own path leads nowhere."""
    run = make_run(tmp_path / "run")
    from napari_histoclust.core.slides.stack import open_stack

    stack = open_stack(write_stack(tmp_path / "here", side_px=512, stains=("HE", "MT")))
    images = SlideImages(run, [stack])
    assert images.stains == ("HE", "MT")
    loader.look_at(images)
    loader.ask([np.array([3])], 32)
    qtbot.waitUntil(lambda: loader.get(3) is not None)


def test_what_is_at_hand_is_not_read_again(qtbot: QtBot, run: Run, loader: ThumbnailLoader) -> None:
    loader.look_at(SlideImages(run))
    loader.ask([np.arange(4)], 32)
    qtbot.waitUntil(lambda: not loader.waiting)
    loader.ask([np.arange(6)], 32)
    assert loader.waiting == (4, 5)
    loader.ask([np.arange(6)], 40)
    assert loader.waiting == (0, 1, 2, 3, 4, 5)


def test_asking_drops_the_queue(qtbot: QtBot, run: Run, loader: ThumbnailLoader) -> None:
    loader.look_at(SlideImages(run))
    loader.ask([np.arange(start, start + 8) for start in range(0, 80, 8)], 32)
    loader.ask([np.arange(96, 104)], 32)
    assert loader.waiting == tuple(range(96, 104))
    qtbot.waitUntil(lambda: not loader.waiting)
    assert loader.get(72) is None


def test_the_cache_is_bounded(qtbot: QtBot, run: Run) -> None:
    size = 5 * 32 * 32 * 4
    loader = ThumbnailLoader(max_bytes=10 * size)
    loader.look_at(SlideImages(run))
    loader.ask([np.arange(8), np.arange(8, 16)], 32)
    qtbot.waitUntil(lambda: not loader.waiting)
    assert loader.nbytes == 10 * size
    assert loader.get(0) is None
    assert loader.get(15) is not None
    delete(qtbot, loader)


def test_images_that_are_gone_are_told_once_and_the_other_slide_is_shown(
    qtbot: QtBot, tmp_path: Path, loader: ThumbnailLoader
) -> None:
    paths = [write_stack(tmp_path / f"s{i}", side_px=416, seed=i) for i in range(2)]
    run = make_run(tmp_path / "run", slides=2, paths=paths)
    shutil.rmtree(paths[1])
    told: list[str] = []
    loader.problem_found.connect(told.append)
    loader.look_at(SlideImages(run))
    first = run.rows(1).start
    loader.ask([np.arange(first - 4, first + 4), np.arange(first + 4, first + 12)], 32)
    qtbot.waitUntil(lambda: not loader.waiting)
    assert len(told) == 1
    assert "no longer there" in told[0]
    assert [loader.is_unreadable(first + i) for i in (-1, 0, 11)] == [False, True, True]
    assert loader.get(first - 1) is not None
    loader.ask([np.arange(first, first + 8)], 32)
    assert not loader.waiting


def test_another_run_forgets_everything(qtbot: QtBot, run: Run, loader: ThumbnailLoader) -> None:
    loader.look_at(SlideImages(run))
    loader.ask([np.arange(8)], 32)
    qtbot.waitUntil(lambda: not loader.waiting)
    loader.ask([np.arange(8, 80)], 32)
    loader.look_at(None)
    assert not loader.waiting
    assert loader.get(0) is None
    loader.ask([np.arange(8)], 32)
    assert not loader.waiting
