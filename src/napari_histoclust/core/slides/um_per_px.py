"""Which physical sizes of a px can be true of a slide."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

_SMALLEST, _LARGEST = 1e-3, 1e4

UmPerPx = Annotated[float, Field(ge=_SMALLEST, le=_LARGEST, allow_inf_nan=False)]
"""Physical size of a px in um: from far below what light resolves to a whole slide on a few px."""


def is_plausible(um_per_px: float | None) -> bool:
    """Whether a px of a slide can be so large; NaN cannot."""
    return um_per_px is not None and _SMALLEST <= um_per_px <= _LARGEST
