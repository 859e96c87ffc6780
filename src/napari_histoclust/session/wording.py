"""A change of the clusters in words, as the Undo button says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_histoclust.core.run.edits import ClusterEdits


def change_in_words(before: ClusterEdits, after: ClusterEdits) -> str:
    """Say what was done between two states that follow each other: "renaming of Liver"."""
    if len(after.names) > len(before.names):
        return _enlargement(before, after)
    if after.shown_as != before.shown_as:
        return f"merging into {_merged_into(before, after)}"
    if after.names != before.names:
        return f"renaming of {_differing(before.names, after.names, before.names)}"
    if after.colours != before.colours:
        return f"recolouring of {_differing(before.colours, after.colours, after.names)}"
    if after.hidden != before.hidden:
        return _of_hiding(before.hidden, after.hidden)
    return "marking as artefact" if after.artefacts > before.artefacts else "taking back of the artefact mark"


def _enlargement(before: ClusterEdits, after: ClusterEdits) -> str:
    """A split renames the first part, a carved cluster leaves all names."""
    kept = after.names[: len(before.names)]
    if kept == before.names:
        return f"making of {after.names[-1]}"
    return f"splitting of {_differing(before.names, kept, before.names)}"


def _merged_into(before: ClusterEdits, after: ClusterEdits) -> str:
    target = next(now for then, now in zip(before.shown_as, after.shown_as, strict=True) if then != now)
    return after.names[target - 1]


def _of_hiding(before: frozenset[int], after: frozenset[int]) -> str:
    if before < after:
        return "hiding"
    return "showing" if after < before else "showing only some"


def _differing(before: tuple[str, ...], after: tuple[str, ...], names: tuple[str, ...]) -> str:
    pairs = zip(before, after, names, strict=True)
    return next(name for then, now, name in pairs if then != now)
