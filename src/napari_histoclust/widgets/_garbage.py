"""Python's garbage collected on the GUI thread only.

Objects of Qt that hang in reference cycles are deleted in whatever thread Python happens to collect in. A
timer that goes in a worker thread takes the process down a little later. Two of eleven walks through the
window ended in a crash of the collector, one of them while UMAP compiled in its thread.
"""

from __future__ import annotations

import gc

from qtpy.QtCore import QObject, QTimer

_LOOK_MS = 200
_OLD_AFTER = 20  # young collections before the old objects are looked at too, which takes 0.1 s and more

_holders = 0


class GuiThreadGarbage(QObject):
    """Collects in the thread that made it, for as long as it lives; Python's own collecting rests meanwhile.

    Several may live at once; the last one that goes gives Python its own way back.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QTimer(self, interval=_LOOK_MS)
        self._timer.timeout.connect(self.collect)
        self._timer.start()
        self.is_busy = False
        _hold()
        self.destroyed.connect(_release)

    def collect(self) -> None:
        """Collect what is young, if Python would; what is old only when no job is running."""
        young, _, old = gc.get_count()
        if old >= _OLD_AFTER and not self.is_busy:
            gc.collect()
        elif young > gc.get_threshold()[0]:
            gc.collect(1)


def _hold() -> None:
    global _holders
    _holders += 1
    gc.disable()


def _release(*_: object) -> None:
    """Let go, and collect only once Qt is done deleting.

    This runs inside Qt's deleting, which holds a lock while it asks Python whether `disconnectNotify` is
    overridden. Collecting then and there deletes other objects of Qt, and one that shares the lock waits for
    ever: napari hung while it closed.
    """
    global _holders
    _holders -= 1
    QTimer.singleShot(0, _give_back)


def _give_back() -> None:
    """Let Python collect by itself again, in any thread, once no object of Qt is left for it."""
    if _holders == 0:
        gc.collect()
        gc.enable()
