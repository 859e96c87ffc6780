"""run.json holds what can be: everything else is refused, naming the entry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.runs import make_run
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.run.manifest import read_manifest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("made") / "run", rows=4, cols=4, clusters=2, slides=2).path


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("um_per_px", [0, -0.5, 1e-300, 1e300, "NaN", float("inf")]),
        ("shape_px", [[0, 5], [5, -1], [2**40, 5], [5]]),
        ("stride_px", [0, -1, 2**40, 1.5]),
        ("patch_px", [0, -1]),
        ("downsample", [0, -1, 1e300, float("nan")]),
        ("level", [-1, 1000]),
        ("rows", [-1, 2**50, 0]),
        ("patches", [-1, 17]),
        ("tissue_share", [-0.1, 1.1, float("nan")]),
        ("name", ["", "slide 2", 3]),
        ("inputs", [[{}], [{"stain": 3}], "x", [{"stain": "HE", "size": "many"}]]),
    ],
)
def test_what_cannot_be_is_refused(folder: Path, tmp_path: Path, name: str, values: list[Any]) -> None:
    document = json.loads((folder / "run.json").read_text())
    for value in values:
        document["slides"][0][name] = value
        (tmp_path / "run.json").write_text(json.dumps(document))
        with pytest.raises(HistoclustError, match=r"run\.json: is damaged at slides"):
            read_manifest(tmp_path)


def test_what_a_later_version_adds_to_an_image_is_kept(folder: Path, tmp_path: Path) -> None:
    document = json.loads((folder / "run.json").read_text())
    document["slides"][0]["inputs"] = [{"stain": "HE", "checksum": ""}]
    (tmp_path / "run.json").write_text(json.dumps(document))
    read_manifest(tmp_path).write(tmp_path)
    assert json.loads((tmp_path / "run.json").read_text())["slides"][0]["inputs"][0]["checksum"] == ""
