"""The learning curve of a training under way: hours of steps in a few hundred points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.model.loss_parts import PARTS

if TYPE_CHECKING:
    from napari_histoclust.core.jobs import Progress

_NAMES = tuple(PARTS)


class LearningCurve:
    """Means of the loss and its parts over equally many reports each.

    Parameters
    ----------
    epochs : int
        Of the whole training.
    at_most : int
        Points kept; when there are twice as many, neighbours are averaged.
    """

    def __init__(self, epochs: int, at_most: int = 200) -> None:
        self.epochs = epochs
        self._at_most = at_most
        self._each = 1
        self._rows: list[NDArray[np.float64]] = []
        self._pending: list[NDArray[np.float64]] = []

    def add(self, progress: Progress) -> bool:
        """Add what a job reports; return whether it was a step of the training."""
        values = progress.values
        if "loss" not in values or not progress.total:
            return False
        epoch = self.epochs * progress.done / progress.total
        self._pending.append(np.array([epoch, *(values.get(name, np.nan) for name in _NAMES)]))
        if len(self._pending) == self._each:
            self._rows.append(np.mean(self._pending, axis=0))
            self._pending = []
        if len(self._rows) == 2 * self._at_most:
            self._rows = list(np.reshape(self._rows, (self._at_most, 2, -1)).mean(axis=1))
            self._each *= 2
        return True

    def __len__(self) -> int:
        return len(self._rows)

    def curves(self) -> Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Return epochs and values of each part, (n,) float64 each."""
        table = np.array(self._rows) if self._rows else np.empty((0, 1 + len(_NAMES)))
        return {name: (table[:, 0], table[:, 1 + i]) for i, name in enumerate(_NAMES)}
