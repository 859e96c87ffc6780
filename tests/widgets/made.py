"""What the docks need: a session, its jobs, and a canvas without a window."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager
from pytestqt.qtbot import QtBot

from napari_histoclust.session import Session
from napari_histoclust.viewer.scene import Scene
from napari_histoclust.widgets._jobs import JobRunner
from napari_histoclust.widgets.context import Context


@pytest.fixture
def context(qtbot: QtBot) -> Iterator[Context]:
    """A context whose thread is free again when the test ends."""
    viewer: Any = ViewerModel()
    session = Session()
    made = Context(session, JobRunner(), Scene(viewer, session))
    yield made
    made.runner.cancel()
    qtbot.waitUntil(lambda: made.runner.job is None)


@pytest.fixture
def notifications() -> Iterator[list[str]]:
    """Texts of what the user is told."""
    heard: list[str] = []

    def hear(notification: Any) -> None:
        heard.append(notification.message)

    notification_manager.notification_ready.connect(hear)
    yield heard
    notification_manager.notification_ready.disconnect(hear)
