"""napari's wheel beside "activity", which turns while a job runs."""

from __future__ import annotations

from qtpy.QtWidgets import QApplication, QLabel

_SPEED_PERCENT = 10  # of the 33 pictures a second that napari asks for


def slow_wheels() -> None:
    """Turn every wheel slowly: each picture has Qt put the whole window together again.

    Without a graphics card that is done by the processor. At full speed it took a third of both cores from a
    training beside it, which then took four times as long, as its threads wait for each other.
    """
    for window in QApplication.topLevelWidgets():
        for label in window.findChildren(QLabel):
            if label.movie() is not None:
                label.movie().setSpeed(_SPEED_PERCENT)
