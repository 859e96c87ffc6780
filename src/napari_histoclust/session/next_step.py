"""What there is to do next, and what stands in the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.session.forms.titles import in_window

if TYPE_CHECKING:
    from napari_histoclust.core.slides.stack import Stack
    from napari_histoclust.session.session import Session

Step = Literal["slides", "model", "map", "umap", "explore"]


def next_step(session: Session) -> Step:
    """Return the step whose button is the sensible one now.

    "slides": add slides; "model": train or load a model for the stains at hand; "map": label the patches;
    "umap": lay them out in the plane; "explore": all is there.
    """
    if session.run is not None:
        return "umap" if session.run.embedding is None else "explore"
    if not session.stacks:
        return "slides"
    return "model" if map_hindrance(session) else "map"


def fit_hindrance(session: Session) -> str:
    """Return why no model can be trained now, in one sentence; empty where one can."""
    if not session.stacks:
        return "Add the slides first: a model is trained on their patches."
    return _missing_stain(session.stacks, session.stacks[0].stains)


def map_hindrance(session: Session) -> str:
    """Return why the slides cannot be mapped now, in one sentence; empty where they can."""
    if session.model is None:
        return "Train or load a model first."
    if not session.stacks:
        return "Add the slides first: the map is made of their patches."
    return _missing_stain(session.stacks, session.model.spec.stains)


def _missing_stain(stacks: Sequence[Stack], stains: tuple[str, ...]) -> str:
    try:
        for stack in stacks:
            stack.require(stains)
    except HistoclustError as error:
        return in_window(error)
    return ""
