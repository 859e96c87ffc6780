"""A value that can be taken back, and what the Undo button calls a change of the clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from napari_histoclust.core.run.edits import ClusterEdits

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

    def amend(self, value: T) -> None:
        """Put `value` in the place of the present one; where it is the one before, that step never was."""
        if self._past and self._past[-1] == value:
            self.back()
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


def describe_change(before: ClusterEdits, after: ClusterEdits) -> str:
    """Return what was done between two states that follow each other: "renaming of Liver"."""
    if after.k != before.k:
        return "another number of clusters"
    if len(after.names) > len(before.names):
        return _describe_enlargement(before, after)
    if after.shown_as != before.shown_as:
        return f"merging into {_merged_into(before, after)}"
    if after.names != before.names:
        return f"renaming of {_differing(before.names, after.names, before.names)}"
    if after.colours != before.colours:
        return f"recolouring of {_differing(before.colours, after.colours, after.names)}"
    if after.hidden != before.hidden:
        return _describe_hiding(before.hidden, after.hidden)
    return "marking as artefact" if after.artefacts > before.artefacts else "taking back of the artefact mark"


def _describe_enlargement(before: ClusterEdits, after: ClusterEdits) -> str:
    """A split renames the first part, a carved cluster leaves all names."""
    kept = after.names[: len(before.names)]
    if kept == before.names:
        return f"making of {after.names[-1]}"
    return f"splitting of {_differing(before.names, kept, before.names)}"


def _merged_into(before: ClusterEdits, after: ClusterEdits) -> str:
    target = next(now for then, now in zip(before.shown_as, after.shown_as, strict=True) if then != now)
    return after.names[target - 1]


def _describe_hiding(before: frozenset[int], after: frozenset[int]) -> str:
    if before < after:
        return "hiding"
    return "showing" if after < before else "showing only some"


def _differing(before: tuple[str, ...], after: tuple[str, ...], names: tuple[str, ...]) -> str:
    pairs = zip(before, after, names, strict=True)
    return next(name for then, now, name in pairs if then != now)
