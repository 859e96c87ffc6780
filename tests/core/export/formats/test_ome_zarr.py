"""labels.ome.zarr, read back by zarr, ome-zarr-py, napari and the models of the NGFF specification."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import zarr
from napari_builtins.io import napari_get_reader
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader
from ome_zarr_models.v04.image_label import ImageLabel

from core.runs import make_run
from napari_histoclust.core.export.registry import export_run
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.run.run import Run


def _write(run: Run, folder: Path) -> Path:
    (path,) = drive(export_run(run, ["ome-zarr"], folder))
    return path


def test_ome_zarr_reads_labels_colours_and_names(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", um_per_px=0.25)
    location = parse_url(_write(run, tmp_path), mode="r")
    assert location is not None
    (node,) = list(Reader(location)())
    np.testing.assert_array_equal(np.asarray(node.data[0]), run.label_picture())
    assert len(node.data) == 1
    for cluster in run.clusters:
        red, green, blue, alpha = node.metadata["color"][cluster.id]
        assert [round(255 * c) for c in (red, green, blue)] == list(bytes.fromhex(cluster.colour[1:]))
        assert alpha == 1
        patches = int((run.labels == cluster.id).sum())
        assert node.metadata["properties"][cluster.id] == {"name": cluster.name, "patches": patches}


def test_napari_s_own_reader(tmp_path: Path) -> None:
    """It knows no scales, which are for napari-ome-zarr; the labels are there place by place."""
    run = make_run(tmp_path / "run")
    path = _write(run, tmp_path)
    read = napari_get_reader(str(path))
    assert read is not None
    ((picture, *_),) = read(str(path))
    picture = picture[0] if isinstance(picture, list) else picture
    np.testing.assert_array_equal(np.asarray(picture)[run.grids[0].row, run.grids[0].col], run.labels)


def test_specification(tmp_path: Path) -> None:
    path = _write(make_run(tmp_path / "run"), tmp_path)
    document = ImageLabel.from_zarr(zarr.open_group(path, mode="r", zarr_format=2))
    assert document.attributes.multiscales[0].version == "0.4"
    assert json.loads((path / "0" / ".zarray").read_text())["dimension_separator"] == "/"


@pytest.mark.parametrize(
    ("um_per_px", "stride_px", "downsample"), [(0.25, 32, 1.0), (None, 16, 1.0), (0.5, 48, 3.999)]
)
def test_places_lie_where_their_patches_do(
    tmp_path: Path, um_per_px: float | None, stride_px: int, downsample: float
) -> None:
    """px centres, scaled and moved, are the patches' centres less the half px to the slide's first centre."""
    run = make_run(tmp_path / "run", um_per_px=um_per_px, stride_px=stride_px, downsample=downsample)
    (multiscale,) = zarr.open_group(_write(run, tmp_path), mode="r").attrs["multiscales"]
    first, second = multiscale["datasets"][0]["coordinateTransformations"]
    grid = run.grids[0]
    factor = um_per_px or 1.0
    for axis, (place, centre_px) in enumerate(((grid.row, grid.y_px), (grid.col, grid.x_px))):
        there = place * first["scale"][axis] + second["translation"][axis]
        np.testing.assert_allclose(there, (centre_px - 0.5) * factor)
    assert [axis.get("unit") for axis in multiscale["axes"]] == [
        None if um_per_px is None else "micrometer"
    ] * 2


def test_an_older_store_is_replaced(tmp_path: Path) -> None:
    _write(make_run(tmp_path / "one", rows=30, cols=30), tmp_path)
    run = make_run(tmp_path / "two", seed=1)
    group = zarr.open_group(_write(run, tmp_path), mode="r")
    np.testing.assert_array_equal(group["0"][:], run.label_picture())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["labels.ome.zarr", "one", "two"]
