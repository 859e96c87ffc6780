"""How long the steps of a run took."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from napari_histoclust.core.run.manifest import read_manifest


class StageTimer:
    """Wall time of the steps of a run, kept in run.json."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._start = time.monotonic()

    def lap(self) -> float:
        """Return the seconds since the last lap."""
        now = time.monotonic()
        seconds, self._start = now - self._start, now
        return seconds

    def record(self, stage: str, seconds: float, **details: Any) -> None:
        """Write a finished stage into run.json, unless an earlier start has done so."""
        if not self.is_recorded(stage):
            read_manifest(self._out).finished_stage(stage, seconds, **details).write(self._out)

    def is_recorded(self, stage: str) -> bool:
        """Whether run.json says that the stage is finished."""
        return stage in read_manifest(self._out).stages
