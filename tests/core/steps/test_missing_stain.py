"""Slides that lack a stain: what their labels become, what is refused, and where it is said."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import napari_histoclust as hc
from core.models import write_model
from napari_histoclust.core.config import RunSettings
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.model.bundle import Model, load_model
from napari_histoclust.core.model.encode import Encoder
from napari_histoclust.core.model.missing import key, without
from napari_histoclust.core.run.manifest import read_manifest
from napari_histoclust.core.run.reader import read_latent
from napari_histoclust.core.settings import ComputeSettings
from napari_histoclust.core.stains.calibration import calibrate_stack
from napari_histoclust.core.steps.classify_tiles import classify_tiles
from napari_histoclust.core.steps.pipeline import run_stacks
from napari_histoclust.core.tissue.mask import find_tissue
from stacks import STAINS, write_stack

SMALL = {"patch_px": 16, "patches": 200, "epochs": 6, "clusters": 2, "batch": 30}
FOUR = ("HE", "CK19", "Ki67", "MT")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("model")
    hc.fit(hc.open_stack(write_stack(folder / "s")), "robust", out=folder / "m", **SMALL)
    return load_model(folder / "m")


def test_a_slide_without_a_stain_keeps_its_labels(tmp_path: Path, model: Model) -> None:
    whole = hc.map(hc.open_stack(write_stack(tmp_path / "whole")), model, tmp_path / "a")
    for stains in (FOUR, FOUR[1:]):
        stack = hc.open_stack(write_stack(tmp_path / f"s{len(stains)}", stains=stains))
        run = hc.map(stack, model, tmp_path / f"b{len(stains)}", allow_missing=True)
        both = (whole.label_picture() > 0) & (run.label_picture() > 0)
        assert both.sum() > 0.9 * len(whole)
        assert (whole.label_picture()[both] == run.label_picture()[both]).mean() > 0.95
        assert set(run.stains) == set(stains)


def test_every_patch_gets_what_the_model_without_the_stain_says_of_it(tmp_path: Path, model: Model) -> None:
    """The slow way: one patch at a time, glass in the stain's place, and the regression written out."""
    stack = hc.open_stack(write_stack(tmp_path / "s", stains=FOUR))
    run = hc.map(stack, model, tmp_path / "run", allow_missing=True, precision="float32")
    mask = drive(find_tissue(stack, FOUR, 16))
    codes = drive(calibrate_stack(stack, FOUR, mask)).tables().reshape(4, 3, 256)
    tables = np.insert(codes, 1, 0, axis=0).reshape(15, 256)
    plain = model.network()
    encoder = Encoder(without(model, ["CD31"]), ComputeSettings(precision="float32"))
    latent = drive(read_latent(run))
    for i in range(0, len(run), 11):
        y, x = int(run.grids[0].row[i] * 16), int(run.grids[0].col[i] * 16)
        four = stack.read(0, y, x, 16, 16, FOUR)
        patch = np.insert(four, 1, 0, axis=0)[None]  # whatever lies there, its table makes it glass
        alone = encoder.encode(patch, tables)
        assert run.labels[i] == alone.labels[0]
        np.testing.assert_allclose(latent[i], alone.latent[0], rtol=1e-4, atol=1e-4)
        pictures = encoder.prepare(patch, tables).float() / 40
        features = plain.features(pictures).detach().numpy()
        mean, axes = (model.gaps[key((1,), name)].numpy() for name in ("mean", "axes"))
        np.testing.assert_allclose((features - mean) @ axes, alone.latent, rtol=1e-3, atol=1e-3)


def test_it_is_said_in_the_run_the_store_and_the_table(tmp_path: Path, model: Model) -> None:
    stacks = [
        hc.open_stack(write_stack(tmp_path / "whole")),
        hc.open_stack(write_stack(tmp_path / "four", stains=FOUR)),
    ]
    run = hc.map(stacks, model, tmp_path / "run", allow_missing=True)
    first, second = run.manifest.slides
    assert (first.missing, second.missing) == ((), ("CD31",))
    assert not first.warnings
    assert "CD31" in second.warnings[0]
    assert "less sure" in second.warnings[0]
    adata = run.to_anndata()
    assert list(adata.uns["histoclust"]["missing_stains"]["four"]) == ["CD31"]
    assert run.stains == FOUR  # told of every patch, or of none
    assert run.stain_od is not None
    assert np.isfinite(run.stain_od).all()
    alone = hc.map(stacks[0], model, tmp_path / "alone")
    np.testing.assert_array_equal(run.labels[run.rows(0)], alone.labels)
    assert run.confidence[run.rows(1)].mean() <= alone.confidence.mean() + 0.01


def test_without_the_setting_the_stain_is_named_and_what_to_do(tmp_path: Path, model: Model) -> None:
    stack = hc.open_stack(write_stack(tmp_path / "s", stains=FOUR))
    with pytest.raises(HistoclustError, match=r"CD31 is missing, it has HE.*add the image.*--allow-missing"):
        hc.map(stack, model, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_no_model_can_do_without_is_refused(tmp_path: Path, model: Model) -> None:
    two = hc.open_stack(write_stack(tmp_path / "two", stains=("HE", "MT")))
    with pytest.raises(HistoclustError, match=r"CD31 and CK19 and Ki67.*may lack 2"):
        hc.map(two, model, tmp_path / "run", allow_missing=True)
    four = hc.open_stack(write_stack(tmp_path / "four", stains=FOUR))
    papers = write_model(tmp_path / "paper", STAINS, patch_px=16)
    with pytest.raises(HistoclustError, match=r"lacks CD31.*paper's network cannot do without"):
        hc.map(four, papers, tmp_path / "run", allow_missing=True)
    old = Model(model.spec, model.state)
    with pytest.raises(HistoclustError, match=r"fit the model again"):
        hc.map(four, old, tmp_path / "run", allow_missing=True)
    assert not (tmp_path / "run").exists()


def test_the_whole_job_trains_on_the_slides_that_have_all(tmp_path: Path) -> None:
    stacks = [
        hc.open_stack(write_stack(tmp_path / "four", stains=FOUR)),
        hc.open_stack(write_stack(tmp_path / "whole")),
    ]
    tiny = RunSettings.model_validate(SMALL | {"epochs": 1, "allow_missing": True})
    run = drive(run_stacks(stacks, "robust", tmp_path / "run", tiny))
    assert run.model().spec.stains == STAINS
    assert [entry.missing for entry in read_manifest(tmp_path / "run").slides] == [("CD31",), ()]
    with pytest.raises(HistoclustError, match=r"four: lacks CD31.*preset robust"):
        drive(run_stacks(stacks, "quick", tmp_path / "other", tiny))
    assert not (tmp_path / "other").exists()


def test_tiles_without_a_stain(tmp_path: Path, model: Model) -> None:
    stack = hc.open_stack(write_stack(tmp_path / "s"))
    tiles = np.stack(
        [stack.read(0, 120, x, 16, 16, STAINS) for x in range(40, 200, 16)]
        + [stack.read(0, 0, 0, 16, 16, STAINS)]
    )
    np.savez(tmp_path / "all.npz", tiles=tiles, stains=np.array(STAINS))
    np.savez(tmp_path / "four.npz", tiles=tiles[:, [0, 2, 3, 4]], stains=np.array(FOUR))
    with pytest.raises(HistoclustError, match=r"lacks CD31.*--allow-missing"):
        drive(classify_tiles(tmp_path / "four.npz", model, tmp_path / "no.csv", ComputeSettings()))
    drive(classify_tiles(tmp_path / "all.npz", model, tmp_path / "all.csv", ComputeSettings()))
    drive(classify_tiles(tmp_path / "four.npz", model, tmp_path / "four.csv", ComputeSettings(), True))
    whole, four = (_rows(tmp_path / f"{name}.csv") for name in ("all", "four"))
    assert list(four[0]) == ["tile", "cluster", "confidence", "missing_stains"]
    assert {row["missing_stains"] for row in four} == {"CD31"}
    same = [a["cluster"] == b["cluster"] for a, b in zip(whole, four, strict=True)]
    assert sum(same) >= len(same) - 2


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))
