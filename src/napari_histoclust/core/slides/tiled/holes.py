"""Tiles of a picture that are missing or cannot be decoded: holes in the stain, not the end of the run."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.tiled.orientation import UPRIGHT, Orientation

Box = tuple[int, int, int, int]

# A file of which more tiles than this, and more than this share, cannot be decoded is damaged as a whole.
MOST_DAMAGED, MOST_DAMAGED_SHARE = 8, 0.1


class Holes:
    """The holes of one picture, in level-0 px; thread-safe.

    Parameters
    ----------
    path : Path
        The file, for the sentences.
    orientation : Orientation
        How the picture lies in the file, in whose px holes are noted.
    """

    def __init__(self, path: Path, orientation: Orientation = UPRIGHT) -> None:
        self._path, self._orientation = path, orientation
        self._unwritten: tuple[Box, ...] = ()
        self._damaged: dict[tuple[int, int, int], Box] = {}
        self._decoded = 0
        self._lock = threading.Lock()

    def note_unwritten(self, boxes: Sequence[Box]) -> None:
        """Note the tiles that were never written: y, x, height, width in level-0 px."""
        self._unwritten = tuple(boxes)

    def decoded(self) -> None:
        """Count a tile that was decoded."""
        self._decoded += 1  # a lost count under threads does no harm

    def add(self, key: tuple[int, int, int], box: Box, reason: str) -> None:
        """Note that the tile (level, row, col), which covers `box`, cannot be decoded.

        Raises
        ------
        HistoclustError
            If that is so of too much of the file to call it a slide with holes.
        """
        with self._lock:
            self._damaged[key] = box
            damaged = len(self._damaged)
        if damaged > max(MOST_DAMAGED, MOST_DAMAGED_SHARE * (self._decoded + damaged)):
            raise HistoclustError(
                f"{self._path}: {damaged} of the {self._decoded + damaged} tiles read so far cannot be "
                f"decoded ({reason}): the file is damaged, copy or export it again."
            )

    def boxes(self) -> NDArray[np.int64]:
        """Return (n, 4) y, x, height and width in level-0 px of all holes known so far."""
        with self._lock:
            boxes = [*self._unwritten, *self._damaged.values()]
        return np.array(boxes, np.int64).reshape(-1, 4)

    def damaged_boxes(self) -> list[Box]:
        """Return y, x, height and width in level-0 px of the tiles that could not be decoded."""
        with self._lock:
            return list(self._damaged.values())

    def remember(self, boxes: Sequence[Sequence[int]]) -> None:
        """Take over what was found damaged when the whole picture was read before."""
        with self._lock:
            for number, (y, x, height, width) in enumerate(boxes):
                self._damaged[-1, number, 0] = y, x, height, width

    def warnings(self) -> tuple[str, ...]:
        """Return one sentence for each kind of hole: how many there are."""
        with self._lock:
            counts = {"never written": len(self._unwritten), "not decodable": len(self._damaged)}
        return tuple(
            f"{self._path.name}: {n} tile{'s' * (n > 1)} {what}, left white and taken as not valid."
            for what, n in counts.items()
            if n
        )

    def valid(self, shape: tuple[int, int], downsample: float) -> NDArray[np.bool_] | None:
        """Return a (h, w) mask at a downsample, False wherever a hole touches; None without holes."""
        boxes = self.boxes()
        if not len(boxes):
            return None
        mask = np.ones(self._orientation.size(shape), bool)
        low = np.floor(boxes[:, :2] / downsample).astype(np.int64)
        high = np.ceil((boxes[:, :2] + boxes[:, 2:]) / downsample).astype(np.int64)
        for (top, left), (bottom, right) in zip(low, high, strict=True):
            mask[top:bottom, left:right] = False
        return self._orientation.upright(mask)
