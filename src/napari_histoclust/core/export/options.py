"""What a person can choose about the exports; a format takes those that its writer has parameters for."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from napari_histoclust.core.settings import Settings


class ExportOptions(Settings):
    """Choices for the exports."""

    stain: str | None = Field(
        None,
        description="Stain that lies below the clusters of the overlay, and in whose px GeoJSON is written; "
        "the reference if not given.",
    )
    opacity: float = Field(0.5, ge=0, le=1, description="Of the clusters on the overlay, 0 to 1.")
    objects: Literal["annotation", "detection"] | None = Field(
        None,
        description="What QuPath makes of GeoJSON; annotations of clusters and detections of patches if not "
        "given.",
    )
    simplify_px: float = Field(
        0.0,
        ge=0,
        allow_inf_nan=False,
        title="Smoothing",
        description="Take corners off the GeoJSON outlines up to about this many px; 0 leaves the steps.",
    )
    permutations: int = Field(
        1000, ge=2, description="How often the clusters are dealt out anew for the table of neighbourhoods."
    )
