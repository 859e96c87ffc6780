"""patches, clusters, composition and neighbourhood as tables, read back by pandas and pyarrow."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

from core.runs import make_run
from napari_histoclust.core.export.formats import tables
from napari_histoclust.core.export.options import ExportOptions
from napari_histoclust.core.export.registry import export_run
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.palette import Cluster
from napari_histoclust.core.run.run import Run
from napari_histoclust.core.statistics.neighbourhood import neighbourhood

COLUMNS = [
    "patch", "slide", "row", "col", "y_px", "x_px", "y_um", "x_um",
    "cluster", "cluster_name", "artefact", "confidence", "entropy", "tissue_fraction",
]  # fmt: skip
DENSITIES = ["od_HE", "od_CD31", "od_HE_haematoxylin", "od_HE_eosin", "od_CD31_haematoxylin", "od_CD31_DAB"]


def _check(table: pd.DataFrame, run: Run) -> None:
    assert list(table.columns) == COLUMNS + DENSITIES
    np.testing.assert_array_equal(table["patch"], np.arange(len(run)))
    names = {cluster.id: cluster.name for cluster in run.clusters}
    assert table["slide"].tolist() == [run.slides[i] for i in run.slide_index]
    assert table["cluster_name"].tolist() == [names[label] for label in run.labels]
    np.testing.assert_array_equal(table["cluster"], run.labels)
    marked = {cluster.id for cluster in run.clusters if cluster.artefact}
    assert table["artefact"].tolist() == [label in marked for label in run.labels.tolist()]
    for name in ("confidence", "entropy"):
        np.testing.assert_array_equal(table[name].astype(np.float32), getattr(run, name))
    assert run.stain_od is not None
    assert run.dye_od is not None
    for name, column in zip(DENSITIES, [*run.stain_od.T, *run.dye_od.T], strict=True):
        np.testing.assert_array_equal(table[name].astype(np.float32), column)
    for name in ("row", "col", "y_px", "x_px", "tissue_fraction"):
        expected = np.concatenate([getattr(grid, name) for grid in run.grids])
        np.testing.assert_array_equal(table[name].to_numpy().astype(expected.dtype), expected)


def _tables(folder: Path) -> list[pd.DataFrame]:
    csv = pd.read_csv(folder / "patches.csv", float_precision="round_trip")
    return [csv, pd.read_parquet(folder / "patches.parquet")]


@pytest.mark.parametrize("block", [7, 65_536])
@pytest.mark.parametrize("slides", [1, 3])
def test_both_tables_hold_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, slides: int
) -> None:
    monkeypatch.setattr(tables, "BLOCK", block)
    run = make_run(tmp_path / "run", slides=slides, um_per_px=0.2517, stride_px=19)
    drive(export_run(run, ["csv", "parquet"], tmp_path))
    for table in _tables(tmp_path):
        _check(table, run)
        for axis in "yx":
            np.testing.assert_array_equal(table[f"{axis}_um"], table[f"{axis}_px"] * 0.2517)


def test_types_of_the_parquet_file(tmp_path: Path) -> None:
    drive(export_run(make_run(tmp_path / "run"), ["parquet"], tmp_path))
    schema = parquet.read_schema(tmp_path / "patches.parquet")
    assert str(schema.field("cluster").type) == "int16"
    assert str(schema.field("confidence").type) == "float"
    assert str(schema.field("y_px").type) == "double"


def test_um_are_missing_where_the_scale_is(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", um_per_px=None)
    drive(export_run(run, ["csv", "parquet"], tmp_path))
    for table in _tables(tmp_path):
        assert table[["y_um", "x_um"]].isna().all(axis=None)
    clusters = pd.read_csv(tmp_path / "clusters.csv")
    assert clusters["area_mm2"].isna().all()
    np.testing.assert_array_equal(clusters["area_px2"], clusters["patches"] * 32**2)


def test_names_that_a_csv_must_quote(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    named = tuple(Cluster(c.id, f'{c.id}, "été"\nor not', c.colour) for c in run.clusters)
    named = dataclasses.replace(run, clusters=named)
    drive(export_run(named, ["csv"], tmp_path))
    _check(pd.read_csv(tmp_path / "patches.csv"), named)
    assert pd.read_csv(tmp_path / "clusters.csv")["name"].tolist() == [c.name for c in named.clusters]


def test_clusters_against_sums_by_hand(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", slides=2, um_per_px=0.5, stride_px=16, downsample=2.0)
    drive(export_run(run, ["csv"], tmp_path))
    table = pd.read_csv(tmp_path / "clusters.csv")
    assert list(table.columns) == [
        "id", "name", "colour", "artefact", "patches", "share", "area_px2", "area_mm2", "mean_confidence",
        *(f"{kind}_{name}" for name in DENSITIES for kind in ("mean", "sd")),
    ]  # fmt: skip
    assert run.stain_od is not None
    assert run.dye_od is not None
    for row, cluster in zip(table.itertuples(), run.clusters, strict=True):
        confidences = [c for c, label in zip(run.confidence, run.labels, strict=True) if label == cluster.id]
        assert (row.id, row.name, row.colour) == (cluster.id, cluster.name, cluster.colour)
        assert row.patches == len(confidences)
        assert row.share == pytest.approx(len(confidences) / len(run))
        assert row.area_px2 == pytest.approx(len(confidences) * 32**2)
        assert row.area_mm2 == pytest.approx(len(confidences) * (32 * 0.5e-3) ** 2)
        assert row.mean_confidence == pytest.approx(sum(map(float, confidences)) / len(confidences))
        mine = run.labels == cluster.id
        for name, column in zip(DENSITIES, [*run.stain_od.T, *run.dye_od.T], strict=True):
            assert getattr(row, f"mean_{name}") == pytest.approx(column[mine].astype(float).mean())
            assert getattr(row, f"sd_{name}") == pytest.approx(column[mine].astype(float).std(), rel=1e-5)


def test_a_cluster_without_a_patch_keeps_its_line(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    emptied = dataclasses.replace(run, labels=np.where(run.labels == 2, 1, run.labels))
    drive(export_run(emptied, ["csv"], tmp_path))
    table = pd.read_csv(tmp_path / "clusters.csv").set_index("id")
    assert table.loc[2, "patches"] == 0
    assert np.isnan(table.loc[2, "mean_confidence"])
    assert table["share"].sum() == pytest.approx(1)


def test_a_run_that_measured_no_densities(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    run = replace(run, stain_od=None, dye_od=None)
    drive(export_run(run, ["csv", "parquet"], tmp_path))
    for table in _tables(tmp_path):
        assert list(table.columns) == COLUMNS
    assert list(pd.read_csv(tmp_path / "clusters.csv").columns)[-1] == "mean_confidence"


def test_composition(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", slides=2, um_per_px=0.5)
    drive(export_run(run, ["csv"], tmp_path))
    table = pd.read_csv(tmp_path / "composition.csv")
    assert len(table) == 2 * len(run.clusters)
    patches = pd.read_csv(tmp_path / "patches.csv")
    counts = patches.groupby(["slide", "cluster"]).size()
    for row in table.itertuples():
        count = counts.get((row.slide, row.cluster), 0)
        assert row.patches == count
        assert row.share == pytest.approx(count / (patches["slide"] == row.slide).sum())
        assert row.area_mm2 == pytest.approx(count * (32 * 0.5e-3) ** 2)
    for _, part in table.groupby("slide"):
        expected = -(part["share"] * np.log(part["share"].where(part["share"] > 0, 1))).sum()
        assert part["slide_entropy"].tolist() == pytest.approx([expected] * len(part))
        assert part["slide_evenness"].tolist() == pytest.approx([expected / np.log(len(part))] * len(part))


def test_composition_of_slides_without_a_scale(tmp_path: Path) -> None:
    drive(export_run(make_run(tmp_path / "run", um_per_px=None), ["csv"], tmp_path))
    table = pd.read_csv(tmp_path / "composition.csv")
    assert table["area_mm2"].isna().all()
    np.testing.assert_array_equal(table["area_px2"], table["patches"] * 32**2)


def test_neighbourhood(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    run = dataclasses.replace(run, labels=np.where(run.labels == 2, 1, run.labels))  # 2 has no patch
    options = ExportOptions(permutations=50)
    drive(export_run(run, ["neighbourhood"], tmp_path, options))
    table = pd.read_csv(tmp_path / "neighbourhood.csv")
    found = drive(neighbourhood(run, 50))
    assert set(table["permutations"]) == {50}
    for name, matrix in (
        ("neighbours", found.counts),
        ("expected", found.expected),
        ("sd", found.spread),
        ("z", found.z),
        ("p", found.p),
    ):
        np.testing.assert_allclose(table.pivot(index="cluster", columns="neighbour", values=name), matrix)
    assert table.loc[table["cluster"] == 2, "z"].isna().all()
    assert table["cluster_name"].tolist() == [f"Cluster {i}" for i in table["cluster"]]
