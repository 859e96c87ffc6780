"""A run with names, merges, a split and marks, as it comes out in every format."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr
from PIL import Image
from shapely import contains_xy
from shapely.geometry import shape

from core.runs import make_run
from napari_histoclust.core.export.registry import FORMATS
from napari_histoclust.core.figures.run_figures import draw_figures
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.palette import palette
from napari_histoclust.core.run.edits import save_edits
from napari_histoclust.core.run.run import Run
from napari_histoclust.core.run.saved import saved_run
from napari_histoclust.session import Palette
from stacks import write_stack

GONE = ("Cluster 2", "Cluster 3", "Cluster 6")
SHOWN = {1: "liver", 4: "Cluster 4 a", 5: "folds", 7: "Cluster 4 b", 8: "edge"}


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Ids left: 1, 4, 5, 7, 8; the folder exports holds it in every format, by the command line."""
    folder = tmp_path_factory.mktemp("edited")
    images = write_stack(folder / "images", side_px=512, stains=("HE", "CD31"))  # which the overlay shows
    run = make_run(folder / "run", clusters=6, embedding=True, paths=[images])
    edits = Palette(run.clusters, run.labels)
    edits.rename(1, "liver")
    edits.merge([2, 3, 6], into=1)
    edits.split(4, np.arange((run.labels == 4).sum()) % 2)
    edits.carve(np.arange(len(run)) < 11, "edge")
    edits.rename(5, "folds")
    edits.recolour(7, "#010203")
    edits.mark_artefact([5])
    save_edits(run.path, edits.state)
    formats = [name for name in FORMATS if name != "spatialdata"]  # test_scverse.py has it
    command = ["export", str(run.path), "--to", ",".join(formats), "--quiet"]
    subprocess.run([sys.executable, "-m", "napari_histoclust", *command], check=True)
    return saved_run(run.path)


def at(edited: Run, name: str) -> Path:
    return edited.path / "exports" / name


def test_the_run_is_what_this_test_thinks(edited: Run) -> None:
    assert {cluster.id: cluster.name for cluster in edited.clusters} == SHOWN
    assert set(edited.labels.tolist()) == set(SHOWN)
    assert edited.clusters[3].colour == "#010203"
    assert edited.labels[:11].tolist() == [8] * 11


@pytest.mark.parametrize("name", ["patches.csv", "patches.parquet"])
def test_patches(edited: Run, name: str) -> None:
    read = pd.read_csv if name.endswith("csv") else pd.read_parquet
    table = read(at(edited, name))
    np.testing.assert_array_equal(table["cluster"], edited.labels)
    assert table["cluster_name"].tolist() == [SHOWN[label] for label in edited.labels.tolist()]
    np.testing.assert_array_equal(table["artefact"], edited.labels == 5)


def test_clusters(edited: Run) -> None:
    table = pd.read_csv(at(edited, "clusters.csv"))
    assert dict(zip(table["id"], table["name"], strict=True)) == SHOWN
    assert table["colour"].tolist() == [cluster.colour for cluster in edited.clusters]
    assert table["artefact"].tolist() == [False, False, True, False, False]
    assert table["patches"].tolist() == [int((edited.labels == i).sum()) for i in SHOWN]
    for row in table.itertuples():
        assert edited.stain_od is not None
        mine = edited.stain_od[edited.labels == row.id].astype(float)
        assert (row.mean_od_HE, row.mean_od_CD31) == pytest.approx(tuple(mine.mean(0)))
        assert (row.sd_od_HE, row.sd_od_CD31) == pytest.approx(tuple(mine.std(0)), rel=1e-5)


def test_composition_and_neighbourhood(edited: Run) -> None:
    composition = pd.read_csv(at(edited, "composition.csv"))
    assert composition["cluster_name"].tolist() == list(SHOWN.values())
    assert composition["patches"].tolist() == [int((edited.labels == i).sum()) for i in SHOWN]
    beside = pd.read_csv(at(edited, "neighbourhood.csv"))
    assert dict(zip(beside["neighbour"], beside["neighbour_name"], strict=True)) == SHOWN


def test_geojson(edited: Run) -> None:
    grid, seen = edited.grids[0], np.zeros(len(edited), int)
    ids = {name: i for i, name in SHOWN.items()}
    for feature in json.loads(at(edited, "clusters.geojson").read_text("utf-8"))["features"]:
        properties = feature["properties"]
        label = ids[properties["classification"]["name"]]
        cluster = next(cluster for cluster in edited.clusters if cluster.id == label)
        assert "#" + bytes(properties["classification"]["color"]).hex() == cluster.colour
        assert properties.get("metadata") == ({"artefact": "yes"} if label == 5 else None)
        seen[contains_xy(shape(feature["geometry"]), grid.x_px, grid.y_px)] = label
    np.testing.assert_array_equal(seen, edited.labels)


def test_ome_tiff(edited: Run) -> None:
    grid = edited.grids[0]
    with tifffile.TiffFile(at(edited, "labels.ome.tif")) as tiff:
        picture = tiff.asarray()
        notes = dict(re.findall(r'<M K="(\d+)">([^<]*)</M>', tiff.ome_metadata or ""))
    centres = picture[grid.y_px.astype(int), grid.x_px.astype(int)]
    np.testing.assert_array_equal(centres, edited.labels)
    assert notes == {str(c.id): f"{c.name} {c.colour}" for c in edited.clusters}


def test_ome_zarr(edited: Run) -> None:
    group = zarr.open_group(at(edited, "labels.ome.zarr"), mode="r")
    np.testing.assert_array_equal(group["0"][:], edited.label_picture())  # type: ignore[index]
    label = group.attrs["image-label"]
    assert isinstance(label, dict)
    assert {line["label-value"]: line["name"] for line in label["properties"]} == SHOWN
    assert {line["label-value"]: bytes(line["rgba"][:3]).hex() for line in label["colors"]} == {
        cluster.id: cluster.colour[1:] for cluster in edited.clusters
    }


def test_h5ad(edited: Run) -> None:
    adata = anndata.read_h5ad(at(edited, "patches.h5ad"))
    np.testing.assert_array_equal(adata.obs["cluster"].to_numpy().astype(int), edited.labels)
    assert adata.obs["cluster"].cat.categories.tolist() == list(SHOWN)
    clusters = adata.uns["clusters"]
    assert dict(zip(clusters["id"].tolist(), clusters["name"].tolist(), strict=True)) == SHOWN
    assert clusters["colour"].tolist() == adata.uns["cluster_colors"].tolist()
    assert clusters["artefact"].tolist() == [False, False, True, False, False]


def texts_of(svg: Path) -> str:
    """All that is written in a figure; matplotlib puts the text of each string into a comment."""
    return "\n".join(re.findall(r"<!-- (.*?) -->", svg.read_text("utf-8")))


def check_legend(texts: str, edited: Run) -> None:
    for i, name in SHOWN.items():
        share = 100 * (edited.labels == i).mean()
        assert re.search(rf"{name}  {share:.{1 if share < 10 else 0}f} %", texts), (name, texts)
    for name in GONE:
        assert not re.search(rf"{name}\b", texts), name


def test_the_map_has_a_line_for_each_cluster_left_and_no_other(edited: Run) -> None:
    check_legend(texts_of(at(edited, "map.svg")), edited)


def test_figures(edited: Run, tmp_path: Path) -> None:
    paths = {path.stem: path for path in drive(draw_figures(edited, tmp_path, "svg"))}
    montages = {f"montage_{i}" for i in SHOWN}
    assert set(paths) == {"map", "confidence", "histogram", "density", "umap", *montages}
    check_legend(texts_of(paths["umap"]), edited)
    check_legend(texts_of(paths["density"]), edited)
    histogram = texts_of(paths["histogram"])
    assert all(name in histogram for name in SHOWN.values())
    assert not any(re.search(rf"{name}\b", histogram) for name in GONE)


def test_the_map_is_painted_in_the_colours_of_the_clusters_left(edited: Run) -> None:
    px = np.asarray(Image.open(at(edited, "map.png")).convert("RGB")).reshape(-1, 3)
    painted = {f"#{value:06x}" for value in np.unique(px.astype(np.int64) @ (65536, 256, 1)).tolist()}
    assert {cluster.colour for cluster in edited.clusters} <= painted
    gone = {palette(6)[int(name[-1]) - 1] for name in GONE}
    assert not gone & painted


def test_pdf_is_there(edited: Run) -> None:
    assert at(edited, "map.pdf").read_bytes()[:4] == b"%PDF"
