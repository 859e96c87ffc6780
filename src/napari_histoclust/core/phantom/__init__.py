"""A generated five-stain slide with known truth."""

from __future__ import annotations

from napari_histoclust.core.phantom.generate import image_name, write_phantom
from napari_histoclust.core.phantom.layout import CLASSES
from napari_histoclust.core.phantom.stains import STAINS

__all__ = ["CLASSES", "STAINS", "image_name", "write_phantom"]
