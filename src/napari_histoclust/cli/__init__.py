"""The command line: it reads options, runs one job and says where the result lies."""

from __future__ import annotations

from napari_histoclust.cli.app import run

__all__ = ["run"]
