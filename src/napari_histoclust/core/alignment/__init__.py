"""How well the stains of a stack lie on one another, as a whole and region by region."""

from __future__ import annotations

from napari_histoclust.core.alignment.check import StainAlignment, check_alignment
from napari_histoclust.core.alignment.regions import Regions

__all__ = ["Regions", "StainAlignment", "check_alignment"]
