"""What there is to do next, and what stands in the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.session.forms.titles import in_window

if TYPE_CHECKING:
    from napari_histoclust.core.model.bundle import Model
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
    lacking = [stack for stack in session.stacks if not _can_do_without(session.model, stack)]
    return _missing_stain(lacking, session.model.spec.stains)


def map_warning(session: Session) -> str:
    """Return which slides lack stains that the model can do without, and what it costs; empty without any."""
    if session.model is None or map_hindrance(session):
        return ""
    return " ".join(filter(None, (_without(session.model, stack) for stack in session.stacks)))


def _can_do_without(model: Model, stack: Stack) -> bool:
    missing = _missing(model, stack)
    if not missing:
        return True
    from napari_histoclust.core.model.missing import can_do_without

    return can_do_without(model, missing)


def _without(model: Model, stack: Stack) -> str:
    missing = _missing(model, stack)
    if not missing:
        return ""
    card = model.spec.card
    kept = card.kept_without(missing[0]) if card is not None and len(missing) == 1 else None
    part = "" if kept is None else f" {kept:.0%} of the training slides' patches kept their cluster so."
    return (
        f"{stack.name} lacks {' and '.join(missing)}: it can be mapped by what the other stains let expect, "
        f"less surely.{part}"
    )


def _missing(model: Model, stack: Stack) -> list[str]:
    return [stain for stain in model.spec.stains if stain not in stack.slides]


def _missing_stain(stacks: Sequence[Stack], stains: tuple[str, ...]) -> str:
    try:
        for stack in stacks:
            stack.require(stains)
    except HistoclustError as error:
        return in_window(error)
    return ""
