"""A model trained once for the tests of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

import napari_histoclust as hc
from stacks import write_stack

TINY = {"patch_px": 32, "patches": 160, "epochs": 2, "clusters": 2, "batch": 20, "input_px": 32}


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a model of five stains."""
    folder = tmp_path_factory.mktemp("trained")
    stack = hc.open_stack(write_stack(folder / "stack"))
    hc.fit(stack, out=folder / "model", **TINY)
    return folder / "model"
