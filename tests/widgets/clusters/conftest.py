"""What the tests of the table of clusters have in common."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from napari_histoclust.core.run.run import Run
from napari_histoclust.session import Session
from napari_histoclust.widgets._jobs import JobRunner
from napari_histoclust.widgets.context import Context


@pytest.fixture
def context(qtbot: QtBot, run: Run) -> Iterator[Context]:
    """What the docks share, without a viewer, on the `run` of the module."""
    session, runner = Session(), JobRunner()
    session.load(run, ())
    yield Context(session, runner, None)  # type: ignore[arg-type]
    runner.cancel()
    qtbot.waitUntil(lambda: runner.job is None)
