"""A person's hands and eyes: keys and clicks of the X server's own devices, and what is on its screen."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QBuffer, QEvent, QIODevice, QObject, QPoint
from qtpy.QtGui import QWindow
from qtpy.QtWidgets import QApplication, QWidget

needs_hands = pytest.mark.skipif(
    shutil.which("xdotool") is None
    or not os.environ.get("DISPLAY")
    or os.environ.get("QT_QPA_PLATFORM", "xcb") != "xcb",
    reason="no keyboard to press: install xdotool and Xvfb",
)


def xdotool(*arguments: str | int) -> str:
    """Run xdotool on the display of the tests; it returns once the X server has taken the events."""
    command = ["xdotool", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def windows_called(title: str) -> list[int]:
    """Return the ids of the visible windows of any process with this in their title."""
    command = ["xdotool", "search", "--onlyvisible", "--name", title]
    found = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    return [int(line) for line in found.stdout.split()]


def screen() -> NDArray[np.uint8]:
    """Return what is on the whole screen, windows of all processes, as a (y, x, 3) image."""
    picture = QBuffer()
    picture.open(QIODevice.OpenModeFlag.WriteOnly)
    QApplication.primaryScreen().grabWindow(0).save(picture, "BMP")
    return np.asarray(Image.open(BytesIO(picture.data().data())).convert("RGB"))


class Hands:
    """Presses keys and clicks in the windows of this process, and returns when Qt has dealt with it.

    Parameters
    ----------
    qtbot : QtBot
    window : QWidget
        A window that is shown. It gets the keyboard: no window manager gives it away under Xvfb.
    """

    def __init__(self, qtbot: QtBot, window: QWidget) -> None:
        self._qtbot = qtbot
        qtbot.waitUntil(window.isVisible)
        self.take_up(window)

    def take_up(self, window: QWidget) -> None:
        """Give the keyboard to a window of this process."""
        handle = window.windowHandle()
        self._qtbot.waitUntil(handle.isExposed)
        xdotool("windowraise", int(window.winId()), "windowfocus", "--sync", int(window.winId()))
        self._qtbot.waitUntil(window.isActiveWindow)

    def press(self, *keys: str) -> None:
        """Press keys one after another, in the words of xdotool: "2", "ctrl+r", "BackSpace"."""
        for key in keys:
            with self._until(QEvent.Type.KeyRelease, key.count("+") + 1):
                xdotool("key", key)

    def type_text(self, text: str) -> None:
        """Type letter by letter."""
        with self._until(QEvent.Type.KeyRelease, len(text)):
            xdotool("type", "--delay", 20, "--", text)

    def click(self, widget: QWidget, at: QPoint | None = None, button: int = 1) -> None:
        """Move the mouse to a place on a widget, its middle if not given, and click."""
        place = widget.mapToGlobal(widget.rect().center() if at is None else at)
        with self._until(QEvent.Type.MouseButtonRelease, 1):
            xdotool("mousemove", "--sync", place.x(), place.y(), "click", button)

    @contextmanager
    def _until(self, kind: QEvent.Type, times: int) -> Iterator[None]:
        """Wait until the windows of this process have had so many events of a kind."""
        counter = _Counter(kind)
        QApplication.instance().installEventFilter(counter)
        try:
            yield
            self._qtbot.waitUntil(lambda: counter.count >= times)
        finally:
            QApplication.instance().removeEventFilter(counter)


class _Counter(QObject):
    """Counts what comes from the X server: events of windows, before widgets have them."""

    def __init__(self, kind: QEvent.Type) -> None:
        super().__init__()
        self._kind = kind
        self.count = 0

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        self.count += event.type() == self._kind and isinstance(watched, QWindow)
        return False
