"""What a person can choose about the exports; each format takes what concerns it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from napari_histoclust.core.config import Settings

_TAKEN_BY = {"overlay": ("stain", "opacity")}


class ExportOptions(Settings):
    """Choices for the exports."""

    stain: str | None = Field(
        None, description="Stain that lies below the clusters of the overlay; the reference if not given."
    )
    opacity: float = Field(0.5, ge=0, le=1, description="Of the clusters on the overlay, 0 to 1.")

    def of(self, format_name: str) -> dict[str, Any]:
        """Return the arguments that concern one format's writer."""
        return {name: getattr(self, name) for name in _TAKEN_BY.get(format_name, ())}
