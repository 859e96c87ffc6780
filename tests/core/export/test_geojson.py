"""clusters.geojson, read back by json and shapely."""

from __future__ import annotations

import dataclasses
import json
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from shapely.geometry import shape

from core.runs import make_run
from napari_histoclust.core.export import export_run
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.palette import Cluster
from napari_histoclust.core.run import Run


def _features(run: Run, folder: Path, slide: int = 0) -> list[dict[str, Any]]:
    path = drive(export_run(run, ["geojson"], folder))[slide]
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["type"] == "FeatureCollection"
    return list(document["features"])


@pytest.mark.parametrize(
    ("patch_px", "stride_px", "downsample"),
    [(32, 32, 1.0), (32, 16, 1.0), (16, 24, 1.0), (17, 17, 4.000321), (128, 100, 2.5)],
)
def test_areas_and_places(tmp_path: Path, patch_px: int, stride_px: int, downsample: float) -> None:
    run = make_run(tmp_path / "run", patch_px=patch_px, stride_px=stride_px, downsample=downsample)
    grid = run.grids[0]
    seen = np.zeros(len(run), int)
    for feature in _features(run, tmp_path):
        outline = shape(feature["geometry"])
        label = {c.name: c.id for c in run.clusters}[feature["properties"]["classification"]["name"]]
        assert shapely.is_valid(outline), shapely.is_valid_reason(outline)
        patches = int((run.labels == label).sum())
        assert outline.area == pytest.approx(patches * (stride_px * downsample) ** 2, rel=1e-12)
        seen[shapely.contains_xy(outline, grid.x_px, grid.y_px)] = label
    np.testing.assert_array_equal(seen, run.labels)


def test_fields_as_qupath_names_them(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", um_per_px=0.25)
    feature = _features(run, tmp_path)[1]
    mine = run.labels == 2
    assert set(feature) == {"type", "id", "geometry", "properties"}
    assert feature["type"] == "Feature"
    assert str(uuid.UUID(feature["id"])) == feature["id"]
    properties = feature["properties"]
    assert properties["objectType"] == "annotation"
    assert properties["isLocked"] is True
    colour = run.clusters[1].colour
    assert properties["classification"]["name"] == "Cluster 2"
    assert "#{:02x}{:02x}{:02x}".format(*properties["classification"]["color"]) == colour
    assert properties["measurements"] == pytest.approx(
        {
            "patches": mine.sum(),
            "area_px2": mine.sum() * 32**2,
            "area_mm2": mine.sum() * (32 * 0.25 / 1000) ** 2,
            "mean_confidence": run.confidence[mine].mean(dtype=float),
        }
    )


def test_unknown_scale_leaves_out_the_area_in_mm2(tmp_path: Path) -> None:
    (first, *_) = _features(make_run(tmp_path / "run", um_per_px=None), tmp_path)
    assert set(first["properties"]["measurements"]) == {"patches", "area_px2", "mean_confidence"}


def test_names_and_labels_of_the_run_in_memory(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    named = (Cluster(1, 'duct "A"\\\n, été', "#010203"), *run.clusters[1:])
    merged = dataclasses.replace(run, clusters=named, labels=np.where(run.labels == 3, 1, run.labels))
    features = _features(merged, tmp_path)
    assert [f["properties"]["classification"]["name"] for f in features] == [
        'duct "A"\\\n, été',
        "Cluster 2",
        "Cluster 4",
    ]
    assert features[0]["properties"]["classification"]["color"] == [1, 2, 3]
    assert features[0]["properties"]["measurements"]["patches"] == (merged.labels == 1).sum()


def test_ids_differ_and_stay(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", slides=2)
    ids = [f["id"] for slide in (0, 1) for f in _features(run, tmp_path / "a", slide)]
    assert len(set(ids)) == len(ids)
    assert ids == [f["id"] for slide in (0, 1) for f in _features(run, tmp_path / "b", slide)]


def test_one_file_a_slide(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", slides=2)
    paths = drive(export_run(run, ["geojson"], tmp_path))
    assert [path.name for path in paths] == ["clusters_slide_1.geojson", "clusters_slide_2.geojson"]
    for slide in (0, 1):
        counts = [f["properties"]["measurements"]["patches"] for f in _features(run, tmp_path, slide)]
        assert sum(counts) == len(run.grids[slide])
