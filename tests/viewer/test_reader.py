"""The reader takes what is ours and nothing else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import npe2
import numpy as np
import pytest
import zarr
from napari.layers import Labels
from napari.utils.notifications import notification_manager

from core.runs import make_run
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.run.edits import save_edits
from napari_histoclust.session import Palette
from napari_histoclust.viewer.reader import get_reader, read
from viewer.pyramids import plain, write_stack

STAINS = {"HE": plain(60, 80), "CD31": plain(60, 80)}


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    return write_stack(tmp_path / "block7", STAINS, steps=(1, 2))


def describe(stack: Path) -> Path:
    """Put a stack.yaml beside the images."""
    entries = "".join(f"  {stain}: {{path: block7_{stain}.ome.tif}}\n" for stain in STAINS)
    file = stack / "stack.yaml"
    file.write_text("name: block 7\nstains:\n" + entries, encoding="utf-8")
    return file


def kinds(layers: list[tuple[Any, dict[str, Any], str]]) -> list[tuple[str, str]]:
    return [(kind, options["name"]) for _, options, kind in layers]


def test_a_run_is_ours(tmp_path: Path, stack: Path) -> None:
    run = make_run(tmp_path / "run", paths=[stack])
    for path in (run.path, run.path / "patches.zarr"):
        reader = get_reader(str(path))
        assert reader is not None
        assert kinds(reader(str(path))) == [("image", "CD31"), ("image", "HE"), ("labels", "clusters")]


def test_a_stack_is_ours(stack: Path) -> None:
    reader = get_reader(str(stack))
    assert reader is not None
    assert kinds(reader(str(stack))) == [("image", "CD31"), ("image", "HE")]


def test_a_stack_yaml_is_ours(stack: Path) -> None:
    file = describe(stack)
    reader = get_reader([str(file)])
    assert reader is not None
    assert kinds(reader([str(file)])) == [("image", "CD31"), ("image", "HE")]


def test_a_run_is_shown_as_it_was_saved(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", clusters=4)
    palette = Palette(run.clusters, run.labels)
    palette.rename(2, "liver")
    palette.carve(run.labels == 3, "gut")
    save_edits(run.path, palette.state)
    picture, options, _ = read(str(run.path))[-1]
    np.testing.assert_array_equal(picture == 5, run.label_picture() == 3)
    assert options["features"]["name"].tolist()[2:] == ["liver", "Cluster 3", "Cluster 4", "gut"]


def test_damaged_edits_are_told_and_the_run_is_as_it_was_mapped(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    save_edits(run.path, Palette(run.clusters, run.labels).state)
    (run.path / "session" / "clusters.json").write_text("{}")
    picture, _, _ = read(str(run.path))[-1]
    assert "clusters.json: is damaged: delete it" in notification_manager.records[-1].message
    np.testing.assert_array_equal(picture, run.label_picture())


def test_a_run_whose_images_have_gone_shows_its_clusters(tmp_path: Path, stack: Path) -> None:
    run = make_run(tmp_path / "run", paths=[stack])
    shutil.rmtree(stack)
    assert kinds(read(str(run.path))) == [("labels", "clusters")]


def test_an_unfinished_run_is_ours_and_says_what_to_do(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    shutil.rmtree(run.path / "patches.zarr")
    reader = get_reader(str(run.path))
    assert reader is not None
    with pytest.raises(HistoclustError, match="not finished"):
        reader(str(run.path))


def foreign_run_json(folder: Path) -> None:
    (folder / "run.json").write_text(json.dumps({"program": "something else"}))


def broken_run_json(folder: Path) -> None:
    (folder / "run.json").write_text("{")


def one_stain(folder: Path) -> None:
    (folder / "slide_HE.tif").write_bytes(b"")


def plain_pictures(folder: Path) -> None:
    for i in range(3):
        (folder / f"frame{i}.tif").write_bytes(b"")


def masks_of_stains(folder: Path) -> None:
    for stain in ("HE", "CD31"):
        (folder / f"mask_{stain}.tif").write_bytes(b"")


def texts_about_stains(folder: Path) -> None:
    for stain in ("HE", "CD31"):
        (folder / f"{stain}.txt").write_text(stain)


def a_zarr(folder: Path) -> None:
    group = zarr.open_group(folder, mode="w")
    for name in ("HE", "CD31"):
        zarr.open_group(folder / name, mode="w")
    group.create_array("0", data=np.zeros(3))


def nothing(folder: Path) -> None:
    del folder


@pytest.mark.parametrize(
    "fill",
    [
        foreign_run_json,
        broken_run_json,
        one_stain,
        plain_pictures,
        masks_of_stains,
        texts_about_stains,
        a_zarr,
        nothing,
    ],
)
def test_other_folders_are_not_ours(tmp_path: Path, fill: Any) -> None:
    fill(tmp_path)
    assert get_reader(str(tmp_path)) is None


@pytest.mark.parametrize("name", ["block7_HE.ome.tif", "notes.yaml", "no such folder", "run.json"])
def test_other_files_are_not_ours(stack: Path, name: str) -> None:
    if name.endswith((".yaml", ".json")):
        (stack / name).write_text("{}")
    assert get_reader(str(stack / name)) is None


def test_several_files_are_not_ours(stack: Path) -> None:
    assert get_reader([str(path) for path in stack.iterdir()]) is None


def claimed_by_us(path: Path) -> bool:
    manager = npe2.PluginManager()
    manager.register(npe2.PluginManifest.from_distribution("napari-histoclust"))
    return any(True for _ in manager.iter_compatible_readers([str(path)]))


def test_the_manifest_offers_us_no_tif_and_no_other_yaml(stack: Path) -> None:
    assert claimed_by_us(stack)
    assert claimed_by_us(describe(stack))
    assert not claimed_by_us(stack / "block7_HE.ome.tif")
    assert not claimed_by_us(stack / "notes.yaml")


@pytest.mark.gui
def test_napari_opens_a_run_through_us(tmp_path: Path, stack: Path, make_napari_viewer_proxy: Any) -> None:
    run = make_run(tmp_path / "run", paths=[stack])
    viewer = make_napari_viewer_proxy()
    layers = viewer.open(run.path, plugin="napari-histoclust")
    assert [layer.name for layer in layers] == ["CD31", "HE", "clusters"]
    assert isinstance(layers[-1], Labels)
    np.testing.assert_array_equal(layers[-1].data, run.label_picture())
