"""The robust preset through the steps: what calibration keeps, what is refused, one space for every K."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from sklearn.metrics import adjusted_rand_score

import napari_histoclust as hc
from napari_histoclust.core.config import PRESETS, FitSettings
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Progress, drive
from napari_histoclust.core.model.bundle import Model, load_model
from napari_histoclust.core.model.encode import Encoder
from napari_histoclust.core.run.reader import read_latent
from napari_histoclust.core.run.recluster import every_k
from napari_histoclust.core.stains.calibration import calibrate_stack
from napari_histoclust.core.steps.pipeline import choose_k_of_stack
from napari_histoclust.core.tissue.mask import find_tissue
from stacks import write_stack

SMALL = {"patch_px": 16, "patches": 200, "epochs": 6, "clusters": 2, "batch": 30}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("model")
    hc.fit(hc.open_stack(write_stack(folder / "s")), "robust", out=folder / "m", **SMALL)
    return load_model(folder / "m")


def test_every_patch_gets_what_the_encoder_says_of_its_calibrated_pixels(
    tmp_path: Path, model: Model
) -> None:
    stack = hc.open_stack(write_stack(tmp_path / "s"))
    run = hc.map(stack, model, tmp_path / "run")
    mask = drive(find_tissue(stack, model.spec.stains, 16))
    tables = drive(calibrate_stack(stack, model.spec.stains, mask)).tables()
    grid, encoder = run.grids[0], Encoder(model)
    latent = drive(read_latent(run))
    assert latent.shape == (len(run), 10)
    for i in range(0, len(run), 9):
        y, x = int(grid.row[i] * 16), int(grid.col[i] * 16)
        alone = encoder.encode(stack.read(0, y, x, 16, 16, model.spec.stains)[None], tables)
        assert run.labels[i] == alone.labels[0]
        np.testing.assert_allclose(latent[i], alone.latent[0], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(run.distance[i], alone.distance[0], rtol=1e-4)
    np.testing.assert_array_equal(run.outlier, run.distance > float(model.state["farthest"]))
    assert run.manifest.stages["map"].details["outliers"] == run.outliers


def test_the_two_tissues_are_the_two_clusters(tmp_path: Path, model: Model) -> None:
    run = hc.map(hc.open_stack(write_stack(tmp_path / "s")), model, tmp_path / "run")
    truth = run.grids[0].x_px < 128
    assert adjusted_rand_score(truth, run.labels) > 0.8


def test_a_darker_and_more_strongly_stained_slide_keeps_its_labels(tmp_path: Path, model: Model) -> None:
    plain = hc.map(hc.open_stack(write_stack(tmp_path / "a")), model, tmp_path / "plain")
    for number, file in enumerate(sorted(write_stack(tmp_path / "b").iterdir())):
        shown = tifffile.imread(file).astype(float)
        strength = (0.8, 0.9, 1.0, 1.1, 1.2)[number]
        changed = 0.9 * 248 * (shown.clip(1) / 248) ** strength
        tifffile.imwrite(file, np.clip(np.rint(changed), 0, 255).astype(np.uint8), photometric="rgb")
    other = hc.map(hc.open_stack(tmp_path / "b"), model, tmp_path / "other", patch_px=16)
    assert len(other) == len(plain)
    assert (other.labels == plain.labels).mean() > 0.95


def test_two_slides_are_each_calibrated_by_themselves(tmp_path: Path, model: Model) -> None:
    dark = write_stack(tmp_path / "dark")
    for file in dark.iterdir():
        tifffile.imwrite(file, np.rint(tifffile.imread(file) * 0.85).astype(np.uint8), photometric="rgb")
    stacks = [hc.open_stack(write_stack(tmp_path / "plain")), hc.open_stack(dark)]
    run = hc.map(stacks, model, tmp_path / "both", patch_px=16)
    first, second = run.labels[run.rows(0)], run.labels[run.rows(1)]
    assert len(first) == len(second)
    assert (first == second).mean() > 0.95


def test_another_k_is_to_the_bit_what_a_model_of_that_k_maps(tmp_path: Path) -> None:
    """The literal way: train with that K, map anew."""
    stack = hc.open_stack(write_stack(tmp_path / "s"))
    runs = {}
    for k in (2, 5):
        fitted = hc.fit(stack, "robust", **SMALL | {"clusters": k, "epochs": 1, "encoders": 1})
        runs[k] = hc.map(stack, fitted, tmp_path / f"run{k}")
    for own, other in ((2, 5), (5, 2)):
        many = drive(every_k(runs[own]))
        for found, run in ((many.computed(own), runs[own]), (many.at(other), runs[other])):
            np.testing.assert_array_equal(found.labels, run.labels)
            np.testing.assert_array_equal(found.confidence, run.confidence)
            np.testing.assert_array_equal(found.entropy, run.entropy)
        assert 1 < len(set(runs[own].labels.tolist())) <= own  # a small slide may leave one empty


def test_surround_must_stay_half_a_patch() -> None:
    with pytest.raises(HistoclustError, match=r"leave it at 0\.5"):
        FitSettings.resolve("robust", FitSettings(surround=0.2))


def test_one_space_serves_every_k(tmp_path: Path) -> None:
    """The encoders are trained once a seed; further numbers of clusters cost a k-means each."""
    stack = hc.open_stack(write_stack(tmp_path / "s"))
    settings = PRESETS["robust"].settings.model_copy(update=SMALL | {"epochs": 1, "encoders": 1})
    seen: list[Progress] = []
    choice = drive(choose_k_of_stack(stack, settings, (2, 3), 2, tmp_path / "k"), seen.append)
    assert choice.ks == (2, 3)
    assert len([progress for progress in seen if "Preparing the training" in progress.text]) == 2
    assert all("K = 2" in progress.text for progress in seen if "Training" in progress.text)
    for series, measure, count in (
        ("common", "halves_agreement", 8), ("shuffled", "shared_bits", 8), ("null", "bootstrap_agreement", 8),
        ("common", "stability", 1), ("common", "silhouette", 2),
    ):  # fmt: skip
        assert [(f.k, f.count) for f in choice.curve(series, measure)] == [(2, count), (3, count)]  # type: ignore[arg-type]
    document = json.loads((tmp_path / "k" / "choose_k.json").read_text())
    assert document["range"]["last"] in (2, 3, None)
    assert document["sentence"].startswith(document["range"]["sentence"])
    more: list[Progress] = []
    drive(choose_k_of_stack(stack, settings, (2, 3, 4), 2, tmp_path / "k"), more.append)
    assert not [progress for progress in more if "Training" in progress.text]


def test_a_damaged_space_is_named(tmp_path: Path) -> None:
    stack = hc.open_stack(write_stack(tmp_path / "s"))
    settings = PRESETS["robust"].settings.model_copy(update=SMALL | {"epochs": 1, "encoders": 1})
    drive(choose_k_of_stack(stack, settings, (2,), 1, tmp_path / "k"))
    space = next((tmp_path / "k" / "fits").glob("space_*.npz"))
    space.write_bytes(space.read_bytes()[:60])
    with pytest.raises(HistoclustError, match=f"{space.name}.*delete it"):
        drive(choose_k_of_stack(stack, settings, (2, 3), 1, tmp_path / "k"))
    part = next((tmp_path / "k" / "fits").glob("k002*.json"))
    part.write_text(part.read_text().replace("labels", "lables"))
    with pytest.raises(HistoclustError, match=f"{part.name}.*delete it"):
        drive(choose_k_of_stack(stack, settings, (2,), 1, tmp_path / "k"))
