"""The one gate that every physical scale passes: what a file or a person states of the size of a px."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from napari_histoclust.core.errors import HistoclustError

# Scanners give 0.1 to 2 um per px, small copies of whole slides up to some tens. Resolutions meant for print
# lie above: 600 dpi would be 42.3, 72 dpi 352.8; a size in mm taken for um lies far below.
PLAUSIBLE_UM = 0.02, 40.0
# What a person states is believed further out, but not where the unit must be another one.
_POSSIBLE_UM = 0.005, 1000.0
_SQUARE = 0.01  # writers round the two sides differently; beyond it areas are visibly wrong

UmPerPx = Annotated[float, Field(ge=_POSSIBLE_UM[0], le=_POSSIBLE_UM[1], allow_inf_nan=False)]
"""Size of a px in um, as runs, models and people may state it."""

Sides = tuple[float | None, float | None]


def number(text: str) -> float:
    """Return a whole number of any spelling: "2.498e-1", " 0,25 ".

    Raises
    ------
    ValueError
        If that is not all that the text holds.
    """
    stated = text.strip()
    return float(stated.replace(",", ".") if stated.count(",") == 1 and "." not in stated else stated)


def gated(file: str, sides_um: Sides) -> tuple[float | None, tuple[str, ...]]:
    """Return the size of a px that may be used, None where it is unknown, and what to tell.

    Parameters
    ----------
    file : str
        Name of the file, for the sentence.
    sides_um : (height, width)
        Of a level-0 px in um as the file states them, None where it does not.
    """
    stated = [side for side in sides_um if side is not None]
    if not stated:
        return None, ()
    absurd = [side for side in stated if not PLAUSIBLE_UM[0] <= side <= PLAUSIBLE_UM[1]]
    if absurd:
        return None, (
            f"{file}: states {absurd[0]:g} um per px, which is no scale of a slide (a resolution for print, "
            "or another unit): it is not used, state um_per_px in a stack.yaml.",
        )
    height, width = sides_um
    if height is not None and width is not None and abs(height / width - 1) > _SQUARE:
        return None, (
            f"{file}: its px are not square ({width:g} um wide, {height:g} um high), so lengths are given in "
            "px: resample it to square px.",
        )
    return (width if width is not None else height), ()


def stated_by_person(where: str, um_per_px: float | None) -> float | None:
    """Return the size of a px that a person states.

    Raises
    ------
    HistoclustError
        If it cannot be in um.
    """
    if um_per_px is None or _POSSIBLE_UM[0] <= um_per_px <= _POSSIBLE_UM[1]:
        return um_per_px
    raise HistoclustError(
        f"{where}: um_per_px {um_per_px:g} is no size of a px of a slide: state it in micrometres, as 0.25."
    )


def finite(side: float) -> float | None:
    """Return a stated side, None where 0 or -1 stands for unknown, or NaN."""
    return side if math.isfinite(side) and side > 0 else None
