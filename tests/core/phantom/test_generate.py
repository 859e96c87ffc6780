"""A phantom folder appears whole, is a stack, and refuses what it must."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaml

from napari_histoclust.core.errors import Cancelled, HistoclustError
from napari_histoclust.core.jobs import Progress, drive
from napari_histoclust.core.phantom import CLASSES, STAINS, image_name, write_phantom


def _digests(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(tifffile.imread(path).tobytes()).hexdigest()
        for path in sorted(folder.glob("*.tif"))
    }


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantom") / "slide"
    assert drive(write_phantom(folder, 1100, seed=4)) == folder
    return folder


def test_the_folder_holds_five_stains_and_the_truth(phantom: Path) -> None:
    names = {image_name(stain.name) for stain in STAINS} | {"truth.ome.tif", "truth.json", "stack.yaml"}
    assert {entry.name for entry in phantom.iterdir()} == names
    for stain in STAINS:
        with tifffile.TiffFile(phantom / image_name(stain.name)) as tiff:
            assert tiff.series[0].shape == (1100, 1100, 3)
            assert f'Name="{stain.name}"' in tiff.ome_metadata


def test_the_truth_is_described(phantom: Path) -> None:
    document = json.loads((phantom / "truth.json").read_text())
    count = np.bincount(tifffile.imread(phantom / "truth.ome.tif").ravel(), minlength=len(CLASSES))
    shares = [entry["share_of_tissue"] for entry in document["classes"]]
    assert [entry["name"] for entry in document["classes"]] == list(CLASSES)
    assert shares[1:] == pytest.approx(count[1:] / count[1:].sum(), abs=1e-4)
    assert document["tissue_share"] == pytest.approx(1 - count[0] / count.sum(), abs=1e-4)


def test_the_stack_file_names_every_stain_of_the_folder(phantom: Path) -> None:
    stack = yaml.safe_load((phantom / "stack.yaml").read_text())
    assert list(stack["stains"]) == [stain.name for stain in STAINS]
    assert all((phantom / entry["path"]).is_file() for entry in stack["stains"].values())
    assert (stack["reference"], stack["um_per_px"]) == ("HE", 0.5)


def test_it_opens_as_a_stack(phantom: Path) -> None:
    stack_module = pytest.importorskip("napari_histoclust.core.slides.stack")
    stack = stack_module.open_stack(phantom)
    assert stack.stains == tuple(stain.name for stain in STAINS)
    assert stack.um_per_px == pytest.approx(0.5)


def test_the_same_seed_gives_the_same_px(phantom: Path, tmp_path: Path) -> None:
    again = drive(write_phantom(tmp_path / "again", 1100, seed=4))
    assert _digests(again) == _digests(phantom)
    other = drive(write_phantom(tmp_path / "again", 1100, seed=5))
    assert not set(_digests(other).values()) & set(_digests(phantom).values())


def test_progress_counts_every_block_once(tmp_path: Path) -> None:
    seen: list[Progress] = []
    drive(write_phantom(tmp_path / "slide", 1100), seen.append)
    assert [progress.done for progress in seen] == list(range(1, 25))
    assert {progress.total for progress in seen} == {24}


def test_cancelling_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        drive(write_phantom(tmp_path / "slide", 1100), cancelled=lambda: True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"size_px": 255}, "--size 255"),
        ({"size_px": 100_001}, "--size 100001"),
        ({"seed": -1}, "--seed -1"),
        ({"um_per_px": 0.01}, "um_per_px 0.01"),
    ],
)
def test_impossible_wishes_are_refused(tmp_path: Path, options: dict[str, float], named: str) -> None:
    with pytest.raises(HistoclustError, match=named):
        drive(write_phantom(tmp_path / "slide", **options))


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(HistoclustError, match=r"diary\.txt"):
        drive(write_phantom(tmp_path, 256))
    with pytest.raises(HistoclustError, match="is a file"):
        drive(write_phantom(tmp_path / "diary.txt", 256))
    assert (tmp_path / "diary.txt").read_text() == "mine"


@pytest.mark.parametrize(("size_px", "um_per_px"), [(256, 0.2), (256, 4.0), (700, 1.0)])
def test_small_slides_at_any_scale_can_be_made(tmp_path: Path, size_px: int, um_per_px: float) -> None:
    folder = drive(write_phantom(tmp_path / "slide", size_px, um_per_px=um_per_px))
    assert tifffile.imread(folder / "truth.ome.tif").shape == (size_px, size_px)
    assert len(np.unique(tifffile.imread(folder / "truth.ome.tif"))) > 5
