"""clusters.geojson and patches.geojson, read back by json, shapely and geopandas."""

from __future__ import annotations

import dataclasses
import json
import uuid
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely
import tifffile
from numpy.typing import NDArray
from shapely.geometry import shape

from core.runs import make_run
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.export.options import ExportOptions
from napari_histoclust.core.export.outlines import laid_on
from napari_histoclust.core.export.registry import export_run
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.palette import Cluster
from napari_histoclust.core.run.run import Run
from napari_histoclust.core.slides.placed.displacement import Displacement
from napari_histoclust.core.slides.placed.warped import WarpedSlide
from napari_histoclust.core.slides.registry import open_slide
from stacks import write_stack


def _features(
    run: Run, folder: Path, slide: int = 0, name: str = "geojson", **options: Any
) -> list[dict[str, Any]]:
    path = drive(export_run(run, [name], folder, ExportOptions(**options)))[slide]
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
            **densities(run, mine),
        },
        rel=1e-6,
    )


def densities(run: Run, mine: NDArray[np.bool_]) -> dict[str, float]:
    assert run.stain_od is not None
    assert run.dye_od is not None
    names = [*run.stains, *(dye.replace(" ", "_") for dye in run.dyes)]
    assert names == ["HE", "CD31", "HE_haematoxylin", "HE_eosin", "CD31_haematoxylin", "CD31_DAB"]
    columns = [column[mine].astype(float) for column in (*run.stain_od.T, *run.dye_od.T)]
    return {
        f"{kind}_od_{name}": getattr(column, method)()
        for name, column in zip(names, columns, strict=True)
        for kind, method in (("mean", "mean"), ("sd", "std"))
    }


# What QuPath's documentation and its reader know of an object; docs/exports.md names the places.
TYPES = {"annotation", "detection", "cell", "tile", "tmaCore", "root"}
PROPERTIES: dict[str, Any] = {
    "objectType": str,
    "classification": dict,
    "isLocked": bool,
    "measurements": dict,
    "metadata": dict,
}


@pytest.mark.parametrize("name", ["geojson", "geojson-patches"])
@pytest.mark.parametrize("objects", [None, "annotation", "detection"])
def test_every_field_of_every_object_as_qupath_reads_it(
    tmp_path: Path, name: str, objects: str | None
) -> None:
    run = make_run(tmp_path / "run")
    run = dataclasses.replace(
        run, clusters=(dataclasses.replace(run.clusters[0], artefact=True), *run.clusters[1:])
    )
    features = _features(run, tmp_path, name=name, objects=objects)
    usual = "annotation" if name == "geojson" else "detection"
    for feature in features:
        assert list(feature) == ["type", "id", "geometry", "properties"]
        assert uuid.UUID(feature["id"]).version == 5
        properties = feature["properties"]
        for key, value in properties.items():
            assert isinstance(value, PROPERTIES[key])
        assert properties["objectType"] == (objects or usual)
        assert properties["objectType"] in TYPES
        assert set(properties["classification"]) == {"name", "color"}
        assert all(isinstance(c, int) and 0 <= c <= 255 for c in properties["classification"]["color"])
        assert all(type(value) in (int, float) for value in properties["measurements"].values())
        artefact = properties["classification"]["name"] == "Cluster 1"
        assert properties.get("metadata") == ({"artefact": "yes"} if artefact else None)
    assert len({feature["id"] for feature in features}) == len(features)


@pytest.mark.parametrize("name", ["geojson", "geojson-patches"])
def test_geopandas_finds_valid_outlines_of_the_right_areas(tmp_path: Path, name: str) -> None:
    run = make_run(tmp_path / "run", rows=30, cols=40, stride_px=20)
    (path,) = drive(export_run(run, [name], tmp_path))
    frame = geopandas.read_file(path).set_crs(None, allow_override=True)  # GeoJSON means the globe
    assert frame.geometry.is_valid.all()
    assert set(frame.geometry.geom_type) <= {"Polygon", "MultiPolygon"}
    names = frame["classification"].map(
        lambda text: json.loads(text)["name"] if isinstance(text, str) else text["name"]
    )
    area = frame.geometry.area.groupby(names).sum()
    for cluster in run.clusters:
        assert area[cluster.name] == (run.labels == cluster.id).sum() * 20**2
    assert shapely.area(shapely.union_all(frame.geometry.values)) == len(run) * 20**2  # nothing twice
    centres = geopandas.GeoDataFrame(
        {"name": [f"Cluster {i}" for i in run.labels]},
        geometry=geopandas.points_from_xy(run.grids[0].x_px, run.grids[0].y_px),
    )
    joined = centres.sjoin(frame.assign(own=names)[["own", "geometry"]], predicate="within")
    assert len(joined) == len(run)
    assert (joined["name"] == joined["own"]).all()


def test_one_object_a_patch(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", stride_px=20, slides=2)
    for slide in (0, 1):
        grid, rows = run.grids[slide], run.rows(slide)
        features = _features(run, tmp_path, slide, "geojson-patches")
        assert len(features) == len(grid)
        for i, feature in enumerate(features):
            square, properties = shape(feature["geometry"]), feature["properties"]
            assert square.bounds == (
                grid.x_px[i] - 10, grid.y_px[i] - 10, grid.x_px[i] + 10, grid.y_px[i] + 10
            )  # fmt: skip
            row = rows.start + i
            assert int(feature["id"][-12:], 16) == row
            assert properties["classification"]["name"] == f"Cluster {run.labels[row]}"
            of = {
                "confidence": run.confidence[row],
                "entropy": run.entropy[row],
                **{
                    key.removeprefix("mean_"): value
                    for key, value in densities(run, np.arange(len(run)) == row).items()
                    if key.startswith("mean")
                },
            }
            assert properties["measurements"] == pytest.approx(of, rel=1e-4)


@pytest.mark.parametrize("simplify_px", [25.0, 60.0, 500.0])
def test_simplified_outlines_leave_no_gaps(tmp_path: Path, simplify_px: float) -> None:
    run = make_run(tmp_path / "run", rows=40, cols=50)
    plain, simple = (
        shapely.from_geojson([json.dumps(f["geometry"]) for f in _features(run, tmp_path, simplify_px=px)])
        for px in (0, simplify_px)
    )
    assert shapely.is_valid(simple).all()
    assert shapely.coverage_is_valid(simple)
    assert shapely.get_num_coordinates(simple).sum() < shapely.get_num_coordinates(plain).sum()
    assert shapely.area(simple).sum() == pytest.approx(shapely.union_all(simple).area)
    assert shapely.area(shapely.union_all(simple)) == pytest.approx(len(run) * 32**2, rel=0.1)


def stack_with_another_frame(folder: Path) -> Path:
    """CD31 is half as fine as HE, turned by a quarter and moved."""
    write_stack(folder, side_px=512, stains=("HE",))
    tifffile.imwrite(folder / "cd31.tif", np.zeros((300, 300, 3), np.uint8), photometric="rgb")
    (folder / "stack.yaml").write_text(
        "stains:\n  HE: {path: case7_HE.ome.tif}\n"
        "  CD31: {path: cd31.tif, affine: [[0, 2, 30], [-2, 0, 540], [0, 0, 1]]}\nreference: HE\n"
    )
    return folder


def test_coordinates_in_the_px_of_a_stain_with_a_frame_of_its_own(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", paths=[stack_with_another_frame(tmp_path / "slides")])
    affine = np.array([[0, 2, 30], [-2, 0, 540], [0, 0, 1]])  # (y, x) of CD31 to HE, 0 at a px's centre
    reference = _features(run, tmp_path)
    assert _features(run, tmp_path, stain="HE") == reference
    for before, after in zip(reference, _features(run, tmp_path, stain="cd-31"), strict=True):
        x, y = shapely.get_coordinates(shape(after["geometry"])).T - 0.5
        back = np.stack([y, x, np.ones_like(x)], axis=1) @ affine.T + 0.5
        expected = shape(before["geometry"])
        distances = shapely.distance(shapely.boundary(expected), shapely.points(back[:, 1], back[:, 0]))
        assert distances.max() < 1e-9  # each vertex lies on the outline that it stands for
        assert shape(after["geometry"]).area == pytest.approx(expected.area / 4)
        assert {**after, "geometry": 0} == {**before, "geometry": 0}


def test_patches_in_the_px_of_a_stain(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", paths=[stack_with_another_frame(tmp_path / "slides")])
    grid = run.grids[0]
    for i, feature in enumerate(_features(run, tmp_path, name="geojson-patches", stain="CD31")):
        square = shape(feature["geometry"])
        y, x = (540 - (grid.x_px[i] - 0.5)) / 2 + 0.5, (grid.y_px[i] - 0.5 - 30) / 2 + 0.5
        assert (square.centroid.y, square.centroid.x) == pytest.approx((y, x))
        assert square.area == pytest.approx(16**2)


def test_a_displacement_bends_the_sides(tmp_path: Path) -> None:
    field = np.zeros((20, 20, 2), np.float32)
    field[..., 0] = 12 * np.sin(np.arange(20) / 3)[None, :]
    own = WarpedSlide(
        open_slide(write_stack(tmp_path, side_px=512) / "case7_HE.ome.tif"),
        np.eye(3),
        ((512, 512),),
        Displacement(field, (25.6, 25.6)),
    )
    row, col = (index.ravel().astype(float) for index in np.indices((5, 5)))
    squares = shapely.box(col * 64, row * 64, col * 64 + 64, row * 64 + 64)

    def lead(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return own.own_px(xy[:, ::-1] - 0.5)[:, ::-1] + 0.5

    bent = laid_on(squares, lead, 8.0)
    assert shapely.is_valid(bent).all()
    assert shapely.coverage_is_valid(bent)  # neighbours share their bent sides
    vertices = shapely.get_coordinates(bent)
    assert len(vertices) == 25 * 33
    x = vertices[:, 0]
    at = (x / 25.6 - 0.5).clip(0, 19)
    expected = np.interp(at, np.arange(20), field[0, :, 0])
    before = shapely.get_coordinates(shapely.segmentize(squares, 8.0))
    np.testing.assert_allclose(vertices[:, 1] - before[:, 1], expected, atol=1e-4)


def test_a_stain_that_is_not_there_and_images_that_have_moved(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", paths=[stack_with_another_frame(tmp_path / "slides")])
    with pytest.raises(HistoclustError, match="stain CK19 is missing"):
        _features(run, tmp_path / "exports", stain="CK19")
    (tmp_path / "slides").rename(tmp_path / "elsewhere")
    with pytest.raises(HistoclustError, match="no longer there"):
        _features(run, tmp_path / "exports", stain="HE")
    assert not list((tmp_path / "exports").rglob("*"))


def test_unknown_scale_leaves_out_the_area_in_mm2(tmp_path: Path) -> None:
    (first, *_) = _features(make_run(tmp_path / "run", um_per_px=None), tmp_path)
    assert "area_px2" in first["properties"]["measurements"]
    assert "area_mm2" not in first["properties"]["measurements"]


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
