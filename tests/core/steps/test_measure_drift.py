"""Drift of real slides: the model's own, a darker one, one with a foreign stain; the command."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

import napari_histoclust as hc
from napari_histoclust.cli.app import run as command
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.model.bundle import Model, load_model
from napari_histoclust.core.run.manifest import read_manifest
from napari_histoclust.core.steps.measure_drift import list_drifts
from stacks import write_stack

SMALL = {"patch_px": 16, "patches": 250, "epochs": 6, "clusters": 2, "batch": 30}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model in `m`, its slide in `own`, the same darker in `dark`, and one of noise for MT in `odd`."""
    folder = tmp_path_factory.mktemp("drift")
    hc.fit(hc.open_stack(write_stack(folder / "own")), "robust", out=folder / "m", **SMALL)
    for name in ("dark", "odd"):
        shutil.copytree(folder / "own", folder / name)
    for file in (folder / "dark").iterdir():
        _rewrite(file, np.rint(tifffile.imread(file) * 0.9).astype(np.uint8))
    (file,) = (folder / "odd").glob("*MT*")
    shown = tifffile.imread(file)
    rng = np.random.default_rng(0)
    spots = np.kron(rng.integers(0, 2, (64, 64, 3)), np.ones((4, 4, 1), int)) * 235
    _rewrite(file, np.where(shown.min(axis=2, keepdims=True) < 200, spots, shown).astype(np.uint8))
    return folder


def _rewrite(file: Path, picture: np.ndarray) -> None:
    with tifffile.TiffFile(file) as tiff:
        described = tiff.pages[0].description
    tifffile.imwrite(file, picture, photometric="rgb", description=described.encode(), metadata=None)


@pytest.fixture(scope="module")
def model(folder: Path) -> Model:
    return load_model(folder / "m")


def test_the_odd_slide_is_first_and_its_stain_is_named(folder: Path, model: Model) -> None:
    stacks = [hc.open_stack(folder / name) for name in ("own", "dark", "odd")]
    drifts = drive(list_drifts(stacks, model))
    assert drifts[0].slide == "odd"
    assert drifts[0].is_outside
    assert drifts[0].stains[0] == "MT"
    by_name = {drift.slide: drift for drift in drifts}
    assert not by_name["own"].is_outside
    assert by_name["own"].notes == ()
    assert not by_name["dark"].is_outside
    assert "darker" in by_name["dark"].notes[0]


def test_a_map_says_it(tmp_path: Path, folder: Path, model: Model) -> None:
    stacks = [hc.open_stack(folder / name) for name in ("own", "odd")]
    hc.map(stacks, model, tmp_path / "run")
    own, odd = read_manifest(tmp_path / "run").slides
    assert own.drift is not None
    assert own.drift["is_outside"] is False
    assert not own.warnings
    assert odd.drift is not None
    assert odd.drift["is_outside"] is True
    assert any("lies outside what the model has seen" in warning for warning in odd.warnings)


def test_the_command_lists_slides(tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    slides = [str(folder / name) for name in ("own", "odd")]
    table = tmp_path / "drift.csv"
    _done(["drift", str(folder / "m"), *slides, "--json", "--out", str(table)])
    document = json.loads(capsys.readouterr().out)
    assert [line["slide"] for line in document["slides"]] == ["odd", "own"]
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["slide"] for row in rows] == ["odd", "own"]
    assert float(rows[0]["outside"]) == document["slides"][0]["outside"]
    assert "MT" in rows[0]["stains"]
    _done(["drift", str(folder / "m"), *slides, "--quiet"])
    shown = capsys.readouterr().out
    assert "odd lies outside what the model has seen" in shown


def _done(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as left:  # cyclopts leaves so
        command(arguments)
    assert left.value.code == 0


def test_a_model_that_does_not_know_what_it_saw_is_told(folder: Path, model: Model) -> None:
    old = Model(model.spec.model_copy(update={"seen": None}), model.state)
    with pytest.raises(HistoclustError, match="does not say what it has seen"):
        drive(list_drifts([hc.open_stack(folder / "own")], old))
