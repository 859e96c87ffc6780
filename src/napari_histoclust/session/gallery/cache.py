"""The pictures decoded last, up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """What knows how large it is."""

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        ...


T = TypeVar("T", bound=Sized)

MAX_BYTES = 256 * 2**20
"""1,400 columns of five stains at 96 px."""


class RecentlyUsed(Generic[T]):
    """Values by patch id; the one looked at longest ago goes first.

    Parameters
    ----------
    max_bytes : int
        The last value stays, however large it is.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._values: OrderedDict[int, T] = OrderedDict()
        self.nbytes = 0

    def __len__(self) -> int:
        return len(self._values)

    def get(self, patch: int) -> T | None:
        """Return the value of a patch, and count it as looked at."""
        value = self._values.get(patch)
        if value is not None:
            self._values.move_to_end(patch)
        return value

    def put(self, patch: int, value: T) -> None:
        """Keep a value, in place of the one before."""
        before = self._values.pop(patch, None)
        self.nbytes += value.nbytes - (0 if before is None else before.nbytes)
        self._values[patch] = value
        while self.nbytes > self._max_bytes and len(self._values) > 1:
            _, dropped = self._values.popitem(last=False)
            self.nbytes -= dropped.nbytes

    def clear(self) -> None:
        """Forget everything."""
        self._values.clear()
        self.nbytes = 0
