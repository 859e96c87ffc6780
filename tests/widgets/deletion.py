"""The end of a widget or another object of Qt."""

from __future__ import annotations

from pytestqt.qtbot import QtBot
from qtpy.QtCore import QObject


def delete(qtbot: QtBot, owner: QObject) -> None:
    """Delete something as Qt does; pytest-qt's waitSignal must not disconnect from what is going."""
    gone: list[bool] = []
    owner.destroyed.connect(lambda: gone.append(True))
    owner.deleteLater()
    qtbot.waitUntil(lambda: bool(gone))
