"""A gallery over real files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from core.runs import make_run
from napari_histoclust.core.run.run import Run
from napari_histoclust.session import Session
from napari_histoclust.widgets._jobs import JobRunner
from napari_histoclust.widgets.context import Context
from napari_histoclust.widgets.gallery.dock import GalleryDock
from stacks import write_stack


class Places:
    """Stands in for the canvas and notes where it was asked to go."""

    def __init__(self) -> None:
        self.visited: list[int] = []

    def go_to(self, patch: int) -> None:
        self.visited.append(patch)


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two slides of 416 px."""
    folder = tmp_path_factory.mktemp("images")
    return [write_stack(folder / f"slide{i}", side_px=416, seed=i) for i in range(2)]


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, images: list[Path]) -> Run:
    """Two slides, patches of 32 px."""
    return make_run(tmp_path_factory.mktemp("run"), slides=2, paths=images)


@pytest.fixture(scope="session")
def large_run(tmp_path_factory: pytest.TempPathFactory, images: list[Path]) -> Run:
    """More than 100,000 patches of 16 px, one beside the other px by px."""
    folder = tmp_path_factory.mktemp("large")
    return make_run(folder, rows=400, cols=400, patch_px=16, stride_px=1, paths=images[:1])


@pytest.fixture
def context(qtbot: QtBot) -> Iterator[Context]:
    """An empty session; its job, if there is one, has ended when the test does."""
    places: Any = Places()
    context = Context(Session(), JobRunner(), places)
    yield context
    context.runner.cancel()
    qtbot.waitUntil(lambda: context.runner.job is None)


@pytest.fixture
def dock(qtbot: QtBot, context: Context) -> GalleryDock:
    """A gallery in sight, six columns wide."""
    dock = GalleryDock(context)
    qtbot.addWidget(dock)
    dock.resize(720, 700)
    with qtbot.waitExposed(dock):
        dock.show()
    return dock


@pytest.fixture
def settled(qtbot: QtBot, dock: GalleryDock) -> Callable[[], None]:
    """Wait until nothing is being sorted or read."""

    def wait() -> None:
        qtbot.waitUntil(lambda: dock.is_settled)

    return wait
