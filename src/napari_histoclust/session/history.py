"""A value that can be taken back."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")

_STEPS = 200  # 200 selections of 1,000,000 patches are 25 MB as bits


class History(Generic[T]):
    """A value and the values before and after it."""

    def __init__(self, value: T) -> None:
        self.value = value
        self._past: list[T] = []
        self._future: list[T] = []

    @property
    def can_go_back(self) -> bool:
        """Whether there is an earlier value."""
        return bool(self._past)

    @property
    def can_go_forward(self) -> bool:
        """Whether there is a value that was gone back from."""
        return bool(self._future)

    @property
    def previous(self) -> T | None:
        """The value that `back` returns to."""
        return self._past[-1] if self._past else None

    @property
    def following(self) -> T | None:
        """The value that `forward` returns to."""
        return self._future[-1] if self._future else None

    def put(self, value: T) -> None:
        """Make `value` the present one; what was gone back from is forgotten."""
        self._past = [*self._past[1 - _STEPS :], self.value]
        self._future.clear()
        self.value = value

    def back(self) -> bool:
        """Go one step back and return whether there was one."""
        return self._move(self._past, self._future)

    def forward(self) -> bool:
        """Go one step forward and return whether there was one."""
        return self._move(self._future, self._past)

    def _move(self, source: list[T], target: list[T]) -> bool:
        if not source:
            return False
        target.append(self.value)
        self.value = source.pop()
        return True
