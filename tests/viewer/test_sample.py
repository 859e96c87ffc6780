"""The sample in the File menu."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from napari_histoclust.core.jobs import drive
from napari_histoclust.session import sample


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, and a phantom small enough for it."""
    monkeypatch.setattr(sample, "user_cache_path", lambda name, appauthor: tmp_path / "cache" / name)
    monkeypatch.setattr(sample, "SIZE_PX", 512)
    return tmp_path / "cache"


def test_the_phantom_is_written_once(empty_cache: Path) -> None:
    folder = drive(sample.phantom_folder())
    assert empty_cache in folder.parents
    first = (folder / "stack.yaml").stat().st_mtime_ns
    assert drive(sample.phantom_folder()) == folder
    assert (folder / "stack.yaml").stat().st_mtime_ns == first


@pytest.mark.gui
def test_the_file_menu_opens_it(make_napari_viewer_proxy: Callable[..., Any]) -> None:
    viewer = make_napari_viewer_proxy()
    viewer.open_sample("napari-histoclust", "phantom")
    assert [layer.name for layer in viewer.layers] == ["MT", "Ki67", "CK19", "CD31", "HE"]
    assert [layer.name for layer in viewer.layers if layer.visible] == ["HE"]
    assert viewer.layers["HE"].level_shapes[0, :2].tolist() == [512, 512]
