"""Files that other tools open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_histoclust.core.export.registry import FORMATS, check_formats, export_run

__all__ = ["FORMATS", "check_formats", "export_run"]


def __getattr__(name: str) -> Any:
    """Load the formats when one is wanted: forms and flags need only `options`."""
    if name not in __all__:
        raise AttributeError(name)
    from napari_histoclust.core.export import registry

    return getattr(registry, name)
