"""Sums of the clusters against sums written out."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.runs import make_run
from napari_histoclust.core.palette import Cluster
from napari_histoclust.core.run.run import Run
from napari_histoclust.core.statistics.cluster_stats import ClusterSummary, count_clusters, summarise_clusters


def by_hand(run: Run, cluster: Cluster, slides: list[int]) -> ClusterSummary:
    """Patch after patch."""
    chosen = [i for i in range(len(run)) if run.slide_index[i] in slides]
    rows = [i for i in chosen if run.labels[i] == cluster.id]
    grids = [run.grids[run.slide_index[i]] for i in rows]
    scales = [run.um_per_px[run.slide_index[i]] for i in rows]
    assert run.stain_od is not None
    assert run.dye_od is not None
    stain_od, dye_od = run.stain_od[rows].astype(float), run.dye_od[rows].astype(float)
    return ClusterSummary(
        cluster=cluster,
        patches=len(rows),
        share=len(rows) / len(chosen),
        area_px2=sum((grid.stride_px * grid.downsample) ** 2 for grid in grids),
        area_mm2=sum(
            (grid.stride_px * grid.downsample * scale / 1000) ** 2
            for grid, scale in zip(grids, scales, strict=True)
            if scale is not None
        )
        if None not in run.um_per_px
        else None,
        mean_confidence=sum(float(run.confidence[i]) for i in rows) / len(rows) if rows else None,
        mean_stain_od=tuple(stain_od.mean(0)) if rows else None,
        stain_od_sd=tuple(stain_od.std(0)) if rows else None,
        mean_dye_od=tuple(dye_od.mean(0)) if rows else None,
        dye_od_sd=tuple(dye_od.std(0)) if rows else None,
    )


def check(summary: ClusterSummary, expected: ClusterSummary) -> None:
    for field in dataclasses.fields(ClusterSummary):
        mine, other = getattr(summary, field.name), getattr(expected, field.name)
        assert mine == (other if other is None or field.name == "cluster" else pytest.approx(other)), (
            field.name
        )


@pytest.mark.parametrize("um_per_px", [0.25, None])
@pytest.mark.parametrize("slides", [[0], [1], [0, 1]])
def test_against_sums_by_hand(tmp_path: Path, um_per_px: float | None, slides: list[int]) -> None:
    run = make_run(tmp_path / "run", slides=2, stride_px=20, downsample=4.0, um_per_px=um_per_px)
    run = dataclasses.replace(run, labels=np.where(run.labels == 2, 4, run.labels))  # 2 has no patch
    summaries = summarise_clusters(run, slides)
    assert [summary.cluster for summary in summaries] == list(run.clusters)
    for summary in summaries:
        check(summary, by_hand(run, summary.cluster, slides))


def test_areas_are_in_mm2_only_where_every_slide_has_a_scale(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", slides=2)
    first = run.manifest.slides[0].model_copy(update={"um_per_px": None})
    manifest = run.manifest.model_copy(update={"slides": (first, run.manifest.slides[1])})
    mixed = dataclasses.replace(run, manifest=manifest)
    assert all(summary.area_mm2 is None for summary in summarise_clusters(mixed))
    assert all(summary.area_mm2 for summary in summarise_clusters(mixed, [1]))


def test_sums_of_merged_clusters_are_sums_over_the_table(tmp_path: Path) -> None:
    """Without a look at the patches, and equal to counting the merged labels anew."""
    run = make_run(tmp_path / "run", clusters=6, slides=2)
    lookup = np.array([0, 1, 5, 3, 3, 5, 3], np.int16)
    kept = tuple(cluster for cluster in run.clusters if cluster.id in (1, 3, 5))
    merged = dataclasses.replace(run, labels=lookup[run.labels], clusters=kept)
    quick = count_clusters(run, run.labels, 6).shown(lookup).summaries(kept)
    assert [summary.cluster for summary in quick] == list(kept)
    for summary, expected in zip(quick, summarise_clusters(merged), strict=True):
        check(summary, expected)
        check(summary, by_hand(merged, summary.cluster, [0, 1]))


def test_a_run_that_did_not_measure_the_stains(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    run = replace(run, stain_od=None, dye_od=None)
    for summary in summarise_clusters(run):
        assert summary.mean_stain_od is summary.stain_od_sd is None
        assert summary.mean_dye_od is summary.dye_od_sd is None
