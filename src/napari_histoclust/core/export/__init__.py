"""Files that other tools open."""

from napari_histoclust.core.export.registry import FORMATS, check_formats, export_run

__all__ = ["FORMATS", "check_formats", "export_run"]
