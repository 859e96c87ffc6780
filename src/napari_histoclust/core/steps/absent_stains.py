"""Which of a model's stains a slide lacks, whether that may be, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError, SettingError
from napari_histoclust.core.slides.stack import Stack

if TYPE_CHECKING:
    from napari_histoclust.core.config import FitSettings
    from napari_histoclust.core.model.bundle import Model
    from napari_histoclust.core.model.spec import ModelSpec
    from napari_histoclust.core.stains.calibration import Calibration


def missing_stains(stack: Stack, spec: ModelSpec) -> tuple[str, ...]:
    """Return the stains of the model that the slide lacks, in the model's order."""
    return tuple(stain for stain in spec.stains if stain not in stack.slides)


def check_stains(stack: Stack, model: Model, allow_missing: bool) -> None:
    """Raise HistoclustError where a slide lacks a stain that it may not.

    Parameters
    ----------
    stack : Stack
    model : Model
    allow_missing : bool
        Whether it may lack those that the model has learned to do without.
    """
    from napari_histoclust.core.model.missing import can_do_without, check_gap

    missing = missing_stains(stack, model.spec)
    if not missing:
        return
    if allow_missing:
        check_gap(model, missing, str(stack.path))
    elif can_do_without(model, missing):
        raise SettingError(
            "{}: stain {} is missing, it has {}: add the image or name it in a stack.yaml, or map without it "
            "by {allow_missing}.",
            stack.path,
            ", ".join(missing),
            ", ".join(stack.stains),
        )
    else:
        stack.require(missing)


def complete_stacks(stacks: Sequence[Stack], settings: FitSettings) -> list[Stack]:
    """Return the slides that hold all stains of the one that holds most: those that a model is trained on.

    Raises
    ------
    HistoclustError
        If there are others, and the model to come will not be able to do without what they lack.
    """
    from napari_histoclust.core.model.missing import MOST_MISSING

    stains = max((stack.stains for stack in stacks), key=len)
    for stack in stacks:
        missing = [stain for stain in stains if stain not in stack.slides]
        if missing and settings.method == "autoencoder":
            raise HistoclustError(
                f"{stack.path}: lacks {' and '.join(missing)}, and the paper's network cannot do without a "
                "stain: add the image, or take the preset robust."
            )
        if len(missing) > min(MOST_MISSING, len(stains) - 1):
            raise HistoclustError(
                f"{stack.path}: lacks {', '.join(missing)}: a slide may lack {MOST_MISSING} stains at most: "
                "add the images."
            )
    return [stack for stack in stacks if all(stain in stack.slides for stain in stains)]


def warning_of(missing: Sequence[str]) -> str:
    """Return what is said of a slide that was mapped without some stains."""
    names = " and ".join(missing)
    these, their = ("this stain", "its") if len(missing) == 1 else ("these stains", "their")
    return (
        f"{names} missing: the slide was mapped without {these}, {their} part was taken to be what the other "
        "stains let expect; its labels are less sure, and their confidence says so."
    )


def tables_with_glass(
    calibration: Calibration, present: Sequence[str], stains: Sequence[str]
) -> NDArray[np.uint8]:
    """Return the (3 s, 256) codes of all `stains`; those that are not `present` are glass, which is 0."""
    tables = np.zeros((len(stains), 3, 256), np.uint8)
    own = calibration.tables().reshape(-1, 3, 256)
    for number, stain in enumerate(present):
        tables[list(stains).index(stain)] = own[number]
    return tables.reshape(-1, 256)
