"""Outliers are kept, flagged and told, and left out of what is counted unless they are taken in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import anndata
import numpy as np
import pyarrow.parquet as pq
import pytest

from core.runs import make_run
from napari_histoclust.core.export.registry import export_run
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.report.sections import overview
from napari_histoclust.core.run.run import Run, counted_run, subset_of
from napari_histoclust.core.statistics.cluster_stats import summarise_clusters
from napari_histoclust.core.statistics.composition import composition
from napari_histoclust.core.statistics.neighbourhood import neighbourhood
from napari_histoclust.core.validation.report import validate_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return make_run(tmp_path / "run", slides=2, every_outlier=5)


def test_they_are_columns_of_the_store(run: Run) -> None:
    odd = np.arange(len(run)) % 5 == 0
    obs = run.to_anndata().obs
    np.testing.assert_array_equal(run.outlier, odd)
    np.testing.assert_array_equal(obs["outlier"].to_numpy(bool), odd)
    assert obs["distance"].dtype == np.float32
    assert run.outliers == odd.sum()


def test_statistics_are_those_of_the_run_without_them(run: Run) -> None:
    assert run.outlier is not None
    rest, odd = subset_of(run, ~run.outlier), run.outlier
    for summary, literal in zip(summarise_clusters(run), summarise_clusters(rest), strict=True):
        assert summary == literal
    np.testing.assert_array_equal(composition(run).patches, composition(rest).patches)
    found, literal_found = (drive(neighbourhood(r, permutations=20)) for r in (run, rest))
    np.testing.assert_array_equal(found.counts, literal_found.counts)
    np.testing.assert_array_equal(found.expected, literal_found.expected)
    report = drive(validate_run(run))
    assert report.outliers == odd.sum()
    assert report.patches == len(rest)
    assert dict(report.indices.values) == dict(drive(validate_run(rest)).indices.values)
    assert f"{odd.sum()} outliers are left out" in report.sentence


def test_the_user_takes_them_in(run: Run) -> None:
    whole = replace(run, counts_outliers=True)
    assert sum(s.patches for s in summarise_clusters(whole)) == len(run)
    assert composition(whole).patches.sum() == len(run)
    assert counted_run(whole) is whole
    assert drive(validate_run(whole)).outliers == 0


def test_a_cluster_of_outliers_alone_stays_in_the_tables(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", every_outlier=5)
    alone = replace(run, outlier=run.labels == 2)
    counts = {s.cluster.id: s.patches for s in summarise_clusters(alone)}
    assert counts[2] == 0
    assert counts[1] == (run.labels == 1).sum()
    assert len(drive(neighbourhood(alone, permutations=5)).counts) == len(run.clusters)


def test_where_all_are_outliers_all_are_counted(run: Run) -> None:
    foreign = replace(run, outlier=np.ones(len(run), bool))
    assert sum(s.patches for s in summarise_clusters(foreign)) == len(run)


def test_a_run_that_does_not_know_counts_all(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    assert run.outlier is None
    assert run.outliers == 0
    assert sum(s.patches for s in summarise_clusters(run)) == len(run)
    assert "outlier" not in run.to_anndata().obs


def test_exports_carry_them(run: Run, tmp_path: Path) -> None:
    drive(export_run(run, ["parquet", "h5ad", "geojson-patches"], tmp_path / "out"))
    table = pq.read_table(tmp_path / "out" / "patches.parquet")
    np.testing.assert_array_equal(table["outlier"], run.outlier)
    np.testing.assert_array_equal(table["distance"], run.distance)
    obs = anndata.read_h5ad(tmp_path / "out" / "patches.h5ad").obs
    np.testing.assert_array_equal(obs["outlier"].to_numpy(bool), run.outlier)
    texts = [file.read_text() for file in sorted((tmp_path / "out").glob("*patches*.geojson"))]
    assert sum(text.count('"outlier": 1') for text in texts) == run.outliers


def test_the_report_says_how_many(run: Run) -> None:
    facts = dict(pair for block in overview(run).blocks for pair in getattr(block, "pairs", ()))
    assert facts["Outliers"].startswith(f"{run.outliers:,} (")
    assert "left out of the statistics" in facts["Outliers"]
