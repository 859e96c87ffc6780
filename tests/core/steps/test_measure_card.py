"""The robustness card against slides that were really changed on disk, and what it may not do."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

import napari_histoclust as hc
from napari_histoclust.core.config import FitSettings
from napari_histoclust.core.model.bundle import Model, load_model
from napari_histoclust.core.model.card import Card, CardLine, card_rows, card_summary
from napari_histoclust.core.model.identity import settings_identity
from napari_histoclust.core.run.run import Run
from napari_histoclust.core.steps import measure_card as measuring
from stacks import STAINS, write_stack

SMALL = {"patch_px": 16, "patches": 250, "epochs": 6, "clusters": 3, "batch": 30}
TOLERANCE = 0.1
"""A hundred patches at random places against those of the lattice."""

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stack(tmp_path_factory.mktemp("slide") / "s")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, slide: Path) -> Model:
    folder = tmp_path_factory.mktemp("model")
    hc.fit(hc.open_stack(slide), "robust", out=folder / "m", **SMALL)
    return load_model(folder / "m")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, model: Model) -> Run:
    folder = tmp_path_factory.mktemp("plain")
    return hc.map(hc.open_stack(write_stack(folder / "s")), model, folder / "run")


def _line(model: Model, caption: str) -> CardLine:
    assert model.spec.card is not None
    return next(line for line in model.spec.card.lines if line.caption == caption)


def test_it_tells_every_change_in_the_bundle(model: Model) -> None:
    card = model.spec.card
    assert card is not None
    assert card.patches == 50
    captions = [line.caption for line in card.lines]
    assert captions == [
        "5 % darker", "10 % darker", "stained 20 % more strongly", "stained 20 % more weakly",
        *(f"{stain} missing" for stain in STAINS), *(f"{stain} 10 px off" for stain in STAINS),
        "mirrored", "turned by a quarter", "compressed as JPEG 60", "slightly blurred",
    ]  # fmt: skip
    assert _line(model, "10 % darker").kept >= _line(model, "10 % darker").uncalibrated
    assert card.kept_without("MT") == _line(model, "MT missing").kept


def _darker(picture: Picture) -> Picture:
    return np.rint(picture * 0.9).astype(np.uint8)


def _weaker(picture: Picture) -> Picture:
    return np.rint(255 * (picture / 255.0) ** 0.8).astype(np.uint8)


def _jpeg(picture: Picture) -> Picture:
    return imagecodecs.jpeg8_decode(imagecodecs.jpeg8_encode(picture, level=60))


def _blurred(picture: Picture) -> Picture:
    return np.rint(gaussian_filter(picture.astype(float), (1, 1, 0))).astype(np.uint8)


@pytest.mark.parametrize(
    ("caption", "change"),
    [
        ("10 % darker", _darker),
        ("stained 20 % more weakly", _weaker),
        ("compressed as JPEG 60", _jpeg),
        ("slightly blurred", _blurred),
        ("mirrored", np.fliplr),
    ],
)
def test_it_agrees_with_a_slide_changed_on_disk(
    tmp_path: Path, model: Model, plain: Run, caption: str, change: object
) -> None:
    """The slow way: every image of the slide rewritten, opened, calibrated and mapped."""
    assert callable(change)
    folder = write_stack(tmp_path / "s")
    for file in folder.iterdir():
        changed = np.ascontiguousarray(change(tifffile.imread(file)))
        tifffile.imwrite(file, changed, photometric="rgb")
    run = hc.map(hc.open_stack(folder), model, tmp_path / "run", patch_px=16)
    before, after = plain.label_picture(), run.label_picture()
    after = np.fliplr(after) if caption == "mirrored" else after
    both = (before > 0) & (after > 0)
    assert both.sum() > 0.8 * len(plain)
    kept = (before[both] == after[both]).mean()
    assert abs(kept - _line(model, caption).kept) <= TOLERANCE


def test_it_changes_neither_model_nor_job(slide: Path, model: Model) -> None:
    without = hc.fit(hc.open_stack(slide), "robust", card=False, **SMALL)
    assert without.spec.card is None
    assert without.checksum() == model.checksum()
    assert settings_identity(FitSettings(card=False)) == settings_identity(FitSettings())


def test_the_blur_is_one_px_wide() -> None:
    patches = np.full((1, 1, 40, 40, 3), 200, np.uint8)
    patches[:, :, 20, 20] = 0
    seen = measuring._blur(patches)[0, 0, :, :, 0].astype(float)
    literal = 200 - 200 * np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
    np.testing.assert_allclose(seen[6:11, 6:11], literal, atol=0.51)
    assert (seen[0] == 200).all()


def test_rows_and_summary_name_the_worst_stain() -> None:
    lines = (
        CardLine(change="10 % darker", kept=0.99, uncalibrated=0.5),
        CardLine(change="missing", stain="HE", kept=0.95, uncalibrated=0.95),
        CardLine(change="missing", stain="MT", kept=0.85, uncalibrated=0.85),
    )
    card = Card(patches=100, seconds=1, lines=lines)
    assert card_rows(card)[0] == ("10 % darker", "99.0%", "50.0%")
    assert card_summary(card) == ("99% 10 % darker", "85% MT missing")
