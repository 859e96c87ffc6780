"""Labelling slides: places, several slides, scale, resuming, and folders that hold something else."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pytest
import tifffile

import napari_histoclust as hc
from napari_histoclust.core.config import MapSettings
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Progress, drive
from napari_histoclust.core.model.bundle import Model, load_model
from napari_histoclust.core.model.encode import Encoder
from napari_histoclust.core.run import store
from napari_histoclust.core.run.manifest import read_manifest
from napari_histoclust.core.run.reader import read_latent
from napari_histoclust.core.steps.mapping import map_stacks
from stacks import write_stack


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("model")
    stack = hc.open_stack(write_stack(folder / "s"))
    hc.fit(
        stack,
        "quick",
        out=folder / "m",
        patch_px=16,
        patches=160,
        epochs=4,
        clusters=3,
        batch=20,
        input_px=32,
    )
    return load_model(folder / "m")


def test_every_patch_gets_what_the_encoder_says_of_its_pixels(tmp_path: Path, model: Model) -> None:
    stack = hc.open_stack(write_stack(tmp_path / "s"))
    run = hc.map(stack, model, tmp_path / "run", stride_px=24)
    grid, encoder = run.grids[0], Encoder(model)
    assert len(run) > 20
    for i in range(0, len(run), 7):  # the slow way: one patch at a time, straight from the slide
        y, x = int(grid.row[i] * 24), int(grid.col[i] * 24)
        alone = encoder.encode(stack.read(0, y, x, 16, 16, model.spec.stains)[None])
        assert run.labels[i] == alone.labels[0]
        np.testing.assert_allclose(drive(read_latent(run))[i], alone.latent[0], atol=1e-6)
    assert (run.label_picture() > 0).sum() == len(run)
    adata = run.to_anndata()
    np.testing.assert_array_equal(adata.obs["cluster"].astype(int), run.labels)
    np.testing.assert_allclose(adata.obs["y_px"], grid.row * 24 + 8)
    np.testing.assert_allclose(adata.obs["y_um"], (grid.row * 24 + 8) * 0.5)
    np.testing.assert_allclose(adata.obs["confidence"], run.confidence)


def test_every_patch_is_measured_for_stains_and_dyes(tmp_path: Path, model: Model) -> None:
    """Against the patch's own px, unmixed with the vectors that the store says it took."""
    stack = hc.open_stack(write_stack(tmp_path / "s"))
    run = hc.map(stack, model, tmp_path / "run", stride_px=24)
    vectors = run.to_anndata().uns["histoclust"]["dye_vectors"]
    stained = ("HE", "CD31", "CK19", "Ki67")
    assert vectors.shape == (1, len(stained), 2, 3)
    assert run.dyes[:3] == ("HE haematoxylin", "HE eosin", "CD31 haematoxylin")
    assert run.stain_od is not None
    assert run.dye_od is not None
    grid = run.grids[0]
    for i in range(0, len(run), 7):
        y, x = int(grid.row[i] * 24), int(grid.col[i] * 24)
        pixels = stack.read(0, y, x, 16, 16, model.spec.stains).astype(float)
        od = -np.log10((pixels + 1) / 256)
        np.testing.assert_allclose(run.stain_od[i], od.mean((1, 2, 3)), atol=1e-5)
        for place, stain in enumerate(stained):
            dyes = vectors[0, place]
            residual = np.cross(*dyes)
            full = np.vstack([dyes, residual / np.linalg.norm(residual)])
            amounts = od[model.spec.stains.index(stain)].reshape(-1, 3) @ np.linalg.inv(full)
            np.testing.assert_allclose(
                run.dye_od[i, 2 * place : 2 * place + 2], amounts.mean(0)[:2], atol=1e-4
            )


def test_several_slides_are_one_run(tmp_path: Path, model: Model) -> None:
    stacks = [
        hc.open_stack(write_stack(tmp_path / name / "slide", side_px=px, seed=px))
        for name, px in (("a", 256), ("b", 200))
    ]
    run = hc.map(stacks, model, tmp_path / "run")
    assert run.slides == ("slide", "slide (2)")
    alone = [hc.map(stack, model, tmp_path / f"run{i}") for i, stack in enumerate(stacks)]
    for i, single in enumerate(alone):
        np.testing.assert_array_equal(run.labels[run.rows(i)], single.labels)
        np.testing.assert_array_equal(run.label_picture(i), single.label_picture())
    assert run.to_anndata().obs["slide"].value_counts()["slide (2)"] == len(alone[1])
    assert run.open_stack(1).path == stacks[1].path


def test_a_model_is_applied_at_the_physical_size_it_was_trained_at(tmp_path: Path, model: Model) -> None:
    """A slide scanned twice as finely: patches have twice the px and cover the same tissue."""
    fine = hc.open_stack(write_stack(tmp_path / "s", side_px=512, um_per_px=0.25))
    run = hc.map(fine, model, tmp_path / "run")
    assert run.grids[0].patch_px * run.grids[0].downsample == 32
    assert run.um_per_px == (0.25,)


def test_mapping_goes_on_where_it_stopped(
    tmp_path: Path, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "CHUNK", 32)
    stack = hc.open_stack(write_stack(tmp_path / "s"))
    settings, out = MapSettings(stride_px=8), tmp_path / "run"
    whole = drive(map_stacks([stack], model, tmp_path / "undisturbed", settings))

    job = map_stacks([stack], model, out, settings)
    for progress in job:
        if progress.text == "Mapping" and progress.done > 100:
            break
    job.close()
    assert read_manifest(out).finish_reason == "interrupted"
    with pytest.raises(HistoclustError, match="not finished"):
        hc.open_run(out)

    seen: list[Progress] = []
    run = drive(map_stacks([stack], model, out, settings), seen.append)
    first = next(p for p in seen if p.text == "Mapping")
    assert first.done > 64, "finished chunks were encoded again"
    np.testing.assert_array_equal(drive(read_latent(run)), drive(read_latent(whole)))
    np.testing.assert_array_equal(run.labels, whole.labels)
    seen.clear()
    drive(map_stacks([stack], model, out, settings), seen.append)
    assert not [p for p in seen if p.text == "Mapping"], "a finished run was mapped again"


def _another(model: Model) -> Model:
    name = next(iter(model.state))
    return Model(model.spec, {**model.state, name: model.state[name] + 1})


def test_a_run_of_another_model_is_not_overwritten(tmp_path: Path, model: Model) -> None:
    stack = hc.open_stack(write_stack(tmp_path / "s"))
    hc.map(stack, model, tmp_path / "run")
    with pytest.raises(HistoclustError, match="finished run of other slides"):
        hc.map(stack, model, tmp_path / "run", stride_px=5)
    with pytest.raises(HistoclustError, match="finished run of other slides"):
        hc.map(stack, _another(model), tmp_path / "run")
    seen: list[Progress] = []
    hc.map(stack, model, tmp_path / "run", cache_mib=300, device="cpu", progress=seen.append)
    assert "Mapping" not in {progress.text for progress in seen}, "more memory is no other run"
    assert anndata.read_zarr(tmp_path / "run" / "patches.zarr").n_obs > 0


def test_images_that_moved_are_named(tmp_path: Path, model: Model) -> None:
    folder = write_stack(tmp_path / "s")
    run = hc.map(hc.open_stack(folder), model, tmp_path / "run")
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(HistoclustError, match="no longer there"):
        hc.open_run(run.path).open_stack()


@pytest.mark.parametrize("damage", ["run.json", "patches.zarr/obs/row", "patches.zarr/uns"])
def test_a_damaged_run_is_refused_in_a_sentence(tmp_path: Path, model: Model, damage: str) -> None:
    import shutil

    run = hc.map(hc.open_stack(write_stack(tmp_path / "s")), model, tmp_path / "run")
    target = run.path / damage
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.write_text("{")
    with pytest.raises(HistoclustError, match=r"run"):
        hc.open_run(run.path)


def test_a_damaged_tile_is_a_hole_in_its_stain_and_not_the_end(tmp_path: Path, model: Model) -> None:
    folder = write_stack(tmp_path / "s")
    file = folder / "case7_CD31.ome.tif"
    with tifffile.TiffFile(file) as tif:
        offset = tif.pages.first.dataoffsets[0]
    with file.open("r+b") as opened:
        opened.seek(offset)
        opened.write(b"\xff" * 64)
    whole = hc.map(hc.open_stack(write_stack(tmp_path / "whole" / "s")), model, tmp_path / "run0")
    run = hc.map(hc.open_stack(folder), model, tmp_path / "run")
    said = [w for w in run.manifest.slides[0].warnings if "case7_CD31.ome.tif" in w]
    assert said == ["case7_CD31.ome.tif: 1 tile not decodable, left white and taken as not valid."]
    in_tile = {place for place in zip(whole.grids[0].row, whole.grids[0].col, strict=True) if max(place) < 8}
    assert in_tile  # the tile is 128 px, 8 patches wide
    assert not in_tile & set(zip(run.grids[0].row, run.grids[0].col, strict=True))
    assert len(run) > len(whole) / 2


@pytest.mark.parametrize("change", ["stains", "axes"])
def test_the_same_weights_applied_otherwise_are_another_model(
    tmp_path: Path, model: Model, change: str
) -> None:
    stack = hc.open_stack(write_stack(tmp_path / "s"))
    hc.map(stack, model, tmp_path / "run", stride_px=24)
    first, second, *rest = model.spec.stains
    other = {"stains": (second, first, *rest)} if change == "stains" else {"axes": "xy"}
    turned = Model(model.spec.model_copy(update=other), model.state)
    with pytest.raises(HistoclustError, match="of other slides, another model or other settings"):
        hc.map(stack, turned, tmp_path / "run", stride_px=24)
