"""Which physical sizes of a px can be true of a slide."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

UmPerPx = Annotated[float, Field(ge=1e-3, le=1e4, allow_inf_nan=False)]
"""Physical size of a px in um: from a tenth of what light resolves to a whole slide on a hundred px."""
