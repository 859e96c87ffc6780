"""The chosen patches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_histoclust.session.history import History


class Selection:
    """The chosen patches, with history.

    Each method takes the patches as a (size,) bool mask or as an array of patch ids.

    Parameters
    ----------
    size : int
        Number of patches there are.
    """

    changed = Signal()

    def __init__(self, size: int) -> None:
        self.reset(size)

    def reset(self, size: int) -> None:
        """Start anew with other patches and no history. The session notifies, not this method."""
        self._size = size
        self._mask = _frozen(np.zeros(size, bool))
        self._ids: NDArray[np.intp] | None = None
        self._history = History(np.packbits(self._mask))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(size,) bool, read-only."""
        return self._mask

    @property
    def ids(self) -> NDArray[np.intp]:
        """The chosen patch ids in rising order."""
        if self._ids is None:
            self._ids = np.flatnonzero(self._mask)
        return self._ids

    @property
    def can_go_back(self) -> bool:
        """Whether there is an earlier selection."""
        return self._history.can_go_back

    @property
    def can_go_forward(self) -> bool:
        """Whether there is a selection that was gone back from."""
        return self._history.can_go_forward

    def set(self, patches: NDArray[np.generic] | Sequence[int]) -> None:
        """Choose these patches and no others."""
        self._put(self._as_mask(patches))

    def add(self, patches: NDArray[np.generic] | Sequence[int]) -> None:
        """Choose these patches too."""
        self._put(self._mask | self._as_mask(patches))

    def remove(self, patches: NDArray[np.generic] | Sequence[int]) -> None:
        """Choose these patches no longer."""
        self._put(self._mask & ~self._as_mask(patches))

    def clear(self) -> None:
        """Choose nothing."""
        self._put(np.zeros(self._size, bool))

    def back(self) -> None:
        """Return to the selection before."""
        if self._history.back():
            self._show(self._unpacked())

    def forward(self) -> None:
        """Return to the selection that was gone back from."""
        if self._history.forward():
            self._show(self._unpacked())

    def _put(self, mask: NDArray[np.bool_]) -> None:
        if not np.array_equal(mask, self._mask):
            self._history.put(np.packbits(mask))
            self._show(mask)

    def _show(self, mask: NDArray[np.bool_]) -> None:
        self._mask, self._ids = _frozen(mask), None
        self.changed.emit()

    def _unpacked(self) -> NDArray[np.bool_]:
        return np.unpackbits(self._history.value, count=self._size).view(bool)

    def _as_mask(self, patches: NDArray[np.generic] | Sequence[int]) -> NDArray[np.bool_]:
        array = np.asarray(patches)
        if array.dtype == bool:
            if array.shape != (self._size,):
                raise ValueError(f"a mask of shape {array.shape} for {self._size} patches")
            return array.copy()
        mask = np.zeros(self._size, bool)
        mask[array.astype(np.intp)] = True
        return mask


def _frozen(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    mask.setflags(write=False)
    return mask
