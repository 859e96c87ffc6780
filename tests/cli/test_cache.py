"""What `cache` tells and clears."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_histoclust.cli.app import run
from napari_histoclust.core.model.feature_cache import FeatureCache, digests_of


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Features of twenty patches, and a pyramid."""
    monkeypatch.setenv("HISTOCLUST_FEATURES", str(tmp_path / "features"))
    monkeypatch.setenv("HISTOCLUST_PYRAMIDS", str(tmp_path / "pyramids"))
    cache = FeatureCache("a", 100)
    cache.add(digests_of(np.zeros((20, 4), np.uint8)), np.ones((20, 100), np.float16))
    cache.close()
    (tmp_path / "pyramids" / "p").mkdir(parents=True)
    (tmp_path / "pyramids" / "p" / "tiles.bin").write_bytes(b"1234567")
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, dict[str, Any]]:
    with pytest.raises(SystemExit) as ended:
        run(["cache", "--json", *arguments])
    assert ended.value.code == 0
    return {line["name"]: line for line in json.loads(capsys.readouterr().out)["caches"]}


def test_sizes_and_folders(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(capsys)
    assert lines["features"]["bytes"] == 20 * (200 + 20)
    assert lines["features"]["folder"] == str(kept / "features")
    assert lines["pyramids"]["bytes"] == 7


def test_one_is_cleared_and_the_other_stays(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(capsys, "--clear", "features")
    assert (lines["features"]["bytes"], lines["pyramids"]["bytes"]) == (0, 7)
    assert not list((kept / "features").iterdir())
    assert told(capsys, "--clear", "pyramids", "--clear", "features")["pyramids"]["bytes"] == 0


def test_there_need_be_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HISTOCLUST_FEATURES", str(tmp_path / "none"))
    monkeypatch.setenv("HISTOCLUST_PYRAMIDS", str(tmp_path / "none"))
    assert told(capsys, "--clear", "features")["features"]["bytes"] == 0
