"""How long a job will still take."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_histoclust.core.jobs import Progress


class RemainingTime:
    """Estimate the remaining time of a job from the units done since its present phase began.

    A job that is resumed begins at the units done by an earlier start; they took no time now and do not
    count. A new total, or units that fall, begin a new phase.

    Parameters
    ----------
    clock : callable, optional
        Returns seconds that only rise.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._total = self._done = -1
        self._first, self._since = 0, 0.0

    def estimate_s(self, progress: Progress) -> float | None:
        """Return the seconds to the end of the present phase, None while there is nothing to go by."""
        if progress.total != self._total or progress.done < self._done:
            self._first, self._since = progress.done, self._clock()
        self._total, self._done = progress.total, progress.done
        fresh = progress.done - self._first
        if progress.total <= 0 or fresh <= 0:
            return None
        return (self._clock() - self._since) / fresh * max(0, progress.total - progress.done)
