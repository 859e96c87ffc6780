"""Encoders that are not trained, through the steps besides fit and map."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import napari_histoclust as hc
from napari_histoclust.core.config import PRESETS
from napari_histoclust.core.jobs import Progress, drive
from napari_histoclust.core.model.bundle import load_model
from napari_histoclust.core.settings import ComputeSettings
from napari_histoclust.core.steps.classify_tiles import classify_tiles
from napari_histoclust.core.steps.pipeline import choose_k_of_stack
from stacks import picture, write_stack

SMALL = {"patch_px": 16, "patches": 120, "clusters": 2, "batch": 30, "encoder": "statistics"}
STAINS = ("HE", "MT")


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stack(tmp_path_factory.mktemp("slide") / "s", stains=STAINS)


def test_statistics_label_slides_and_tiles_alike(slide: Path, tmp_path: Path) -> None:
    hc.fit(hc.open_stack(slide), "robust", out=tmp_path / "m", **SMALL)
    model = load_model(tmp_path / "m")
    assert (model.spec.format, model.spec.encoder, model.spec.input_px) == (3, "statistics", 64)
    run = hc.map(hc.open_stack(slide), model, tmp_path / "run")
    left = run.grids[0].x_px < 128
    majority = [np.bincount(run.labels[side]).argmax() for side in (left, ~left)]
    assert majority[0] != majority[1]
    whole = np.stack([picture(stain, 256) for stain in STAINS])
    corners = [(y, x) for y in range(96, 160, 16) for x in range(48, 208, 16)]
    tiles = np.stack([whole[:, y : y + 16, x : x + 16] for y, x in corners])
    np.savez(tmp_path / "tiles.npz", tiles=tiles, stains=np.array(STAINS))
    seen: list[Progress] = []
    job = classify_tiles(tmp_path / "tiles.npz", model, tmp_path / "labels.csv", ComputeSettings())
    assert drive(job, seen.append) == len(tiles)
    assert (seen[-1].done, seen[-1].total) == (len(tiles), len(tiles))
    with (tmp_path / "labels.csv").open(newline="", encoding="utf-8") as stream:
        labels = [int(line["cluster"]) for line in csv.DictReader(stream)]
    wanted = [majority[0] if x < 128 else majority[1] for _, x in corners]
    assert np.mean(np.array(labels) == wanted) > 0.8


def test_numbers_of_clusters_are_compared_without_training(slide: Path, tmp_path: Path) -> None:
    settings = PRESETS["robust"].settings.model_copy(update=SMALL)
    seen: list[Progress] = []
    choice = drive(choose_k_of_stack(hc.open_stack(slide), settings, (2, 3), 1, tmp_path / "k"), seen.append)
    assert choice.ks == (2, 3)
    assert not [progress for progress in seen if progress.text.endswith("Training")]
    assert [progress for progress in seen if progress.text.endswith("Learning from neighbours")]
