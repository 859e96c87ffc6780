from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_histoclust.core.config import PRESETS, FitSettings
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job, Progress, drive
from napari_histoclust.core.model.spec import ModelSpec
from napari_histoclust.core.steps.choose_k import check_comparison_folder, choose_k
from napari_histoclust.core.validation.k_choice import KChoice

pytestmark = pytest.mark.usefixtures("one_thread")

SEEDS = (1, 2)


@pytest.fixture(scope="module")
def settings() -> FitSettings:
    return PRESETS["quick"].settings.model_copy(
        update={"patches": 90, "epochs": 2, "batch": 40, "device": "cpu"}
    )


@pytest.fixture(scope="module")
def spec(settings: FitSettings) -> ModelSpec:
    return ModelSpec(stains=("HE", "CD31"), patch_px=32, input_px=32, clusters=2, settings=settings)


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint8]:
    """Patches of three kinds: pale, dark, striped."""
    random = np.random.default_rng(0)
    patches = np.full((90, 6, 32, 32), 220.0)
    patches[30:60] -= 120
    patches[60:, :, ::4] -= 150
    return np.clip(patches + random.normal(0, 8, patches.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def compared(
    one_thread: None,
    pixels: NDArray[np.uint8],
    spec: ModelSpec,
    settings: FitSettings,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[KChoice, Path]:
    folder = tmp_path_factory.mktemp("choose") / "k"
    return drive(choose_k(pixels, spec, settings, (2, 3), SEEDS, folder)), folder


def texts(job: Job[KChoice]) -> Iterator[str]:
    seen: list[Progress] = []
    drive(job, seen.append)
    return (progress.text for progress in seen)


def test_every_k_and_seed_is_in_the_table(compared: tuple[KChoice, Path]) -> None:
    choice, folder = compared
    assert (choice.ks, choice.seeds, choice.patches) == ((2, 3), SEEDS, 90)
    for series in ("common", "kmeans", "null"):
        assert [(f.k, f.count) for f in choice.curve(series, "stability")] == [(2, 1), (3, 1)]
    with (folder / "choose_k.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(choice.figures)
    assert {row["series"] for row in rows} == {"own", "common", "kmeans", "null"}
    document = json.loads((folder / "choose_k.json").read_text())
    assert document == json.loads(json.dumps(choice.document(), allow_nan=False))
    assert document["common_space"]["axes"] >= 1
    assert (folder / "indices.png").read_bytes().startswith(b"\x89PNG")


def test_kmeans_in_the_common_space_tells_three_kinds_from_noise(compared: tuple[KChoice, Path]) -> None:
    choice, _ = compared
    silhouette = {
        (series, f.k): f.mean or 0.0
        for series in ("kmeans", "null")
        for f in choice.curve(series, "silhouette")  # type: ignore[arg-type]
    }
    assert silhouette["kmeans", 3] > silhouette["null", 3] + 0.2


def test_stability_on_structureless_points_is_that_of_kmeans_on_the_same_points(
    compared: tuple[KChoice, Path],
) -> None:
    choice, _ = compared
    # On different points it would be 0 as by chance; two starts on the same ones agree in part.
    assert all((f.mean or 0.0) > 0.05 for f in choice.curve("null", "stability"))


def test_what_is_finished_is_not_done_again_and_more_can_be_added(
    compared: tuple[KChoice, Path], pixels: NDArray[np.uint8], spec: ModelSpec, settings: FitSettings
) -> None:
    choice, folder = compared
    inputs = json.loads((folder / "fits" / "inputs.json").read_text())
    inputs["settings"]["cache_mib"] = None  # as versions before this one wrote it
    (folder / "fits" / "inputs.json").write_text(json.dumps(inputs))
    more_memory = settings.model_copy(update={"cache_mib": 300})
    again = choose_k(pixels, spec, more_memory, (2, 3), SEEDS, folder)
    assert not any("Training" in text for text in texts(again))
    assert drive(choose_k(pixels, spec, settings, (2, 3), SEEDS, folder)).figures == choice.figures
    fewer = texts(choose_k(pixels, spec, settings, (2, 4), SEEDS[:1], folder))
    trained = {text.split(":")[0] for text in fewer if "Training" in text}
    assert trained == {"K = 4, seed 1 (2 of 2)"}


def test_interrupted_anywhere_it_ends_the_same(
    compared: tuple[KChoice, Path],
    pixels: NDArray[np.uint8],
    spec: ModelSpec,
    settings: FitSettings,
    tmp_path: Path,
) -> None:
    choice, _ = compared
    job = choose_k(pixels, spec, settings, (2, 3), SEEDS, tmp_path / "k")
    for progress in job:
        if progress.text.startswith("K = 2, seed 2") and progress.done == 3:
            break
    job.close()
    assert sorted(path.name for path in (tmp_path / "k" / "fits").glob("k*.json")) == ["k002_seed1.json"]
    assert drive(choose_k(pixels, spec, settings, (2, 3), SEEDS, tmp_path / "k")).figures == choice.figures
    assert not list((tmp_path / "k").rglob("*.checkpoint"))


def test_parts_of_other_patches_or_settings_are_refused(
    compared: tuple[KChoice, Path], pixels: NDArray[np.uint8], spec: ModelSpec, settings: FitSettings
) -> None:
    _, folder = compared
    with pytest.raises(HistoclustError, match="other patches or settings"):
        drive(choose_k(255 - pixels, spec, settings, (2,), SEEDS, folder))
    longer = settings.model_copy(update={"epochs": 3})
    with pytest.raises(HistoclustError, match="other patches or settings"):
        drive(choose_k(pixels, spec, longer, (2,), SEEDS, folder))


def test_a_folder_that_holds_something_else_is_refused(
    pixels: NDArray[np.uint8], spec: ModelSpec, settings: FitSettings, tmp_path: Path
) -> None:
    (tmp_path / "thesis.docx").touch()
    with pytest.raises(HistoclustError, match="holds something else"):
        drive(choose_k(pixels, spec, settings, (2,), SEEDS, tmp_path))
    with pytest.raises(HistoclustError, match="holds something else"):
        drive(choose_k(pixels, spec, settings, (2,), SEEDS, tmp_path / "thesis.docx"))


def test_no_k_and_too_many_clusters_are_refused(
    pixels: NDArray[np.uint8], spec: ModelSpec, settings: FitSettings, tmp_path: Path
) -> None:
    with pytest.raises(HistoclustError, match="at least one"):
        drive(choose_k(pixels, spec, settings, (), SEEDS, tmp_path))
    with pytest.raises(HistoclustError, match="--clusters 60"):
        drive(choose_k(pixels, spec, settings, (2, 60), SEEDS, tmp_path))


def test_a_comparison_that_was_killed_before_it_had_begun_is_begun(tmp_path: Path) -> None:
    (tmp_path / "fits").mkdir()
    check_comparison_folder(tmp_path)
    (tmp_path / "fits" / ".partial-inputs.json").write_text("{")
    check_comparison_folder(tmp_path)
    (tmp_path / "fits" / "mine.txt").write_text("years of work")
    with pytest.raises(HistoclustError, match="holds something else"):
        check_comparison_folder(tmp_path)
