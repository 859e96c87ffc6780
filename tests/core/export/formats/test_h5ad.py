"""patches.h5ad, read back by anndata."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import zarr

from core.runs import make_run
from napari_histoclust.core.export.registry import export_run
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.palette import Cluster
from napari_histoclust.core.run.run import Run, subset_of
from napari_histoclust.core.run.store import CHUNK


def _read(run: Run, folder: Path) -> anndata.AnnData:
    (path,) = drive(export_run(run, ["h5ad"], folder))
    return anndata.read_h5ad(path)


@pytest.mark.parametrize("embedding", [False, True])
def test_holds_what_the_run_s_own_store_holds(tmp_path: Path, embedding: bool) -> None:
    run = make_run(tmp_path / "run", rows=80, cols=80, embedding=embedding)
    assert len(run) > CHUNK
    adata, stored = _read(run, tmp_path), run.to_anndata()
    pd.testing.assert_frame_equal(adata.obs, stored.obs)
    expected = {"latent", "spatial", "stain_od", "dye_od"} | ({"X_umap"} if embedding else set())
    assert set(adata.obsm) == set(stored.obsm) == expected
    for name in stored.obsm:
        np.testing.assert_array_equal(adata.obsm[name], stored.obsm[name])
    assert adata.uns["histoclust"]["format"] == stored.uns["histoclust"]["format"]
    assert list(adata.uns["cluster_colors"]) == [c.colour for c in run.clusters]


def test_names_and_labels_of_the_run_in_memory(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    named = (Cluster(1, "duct", "#010203"), *run.clusters[1:])
    merged = dataclasses.replace(run, clusters=named, labels=np.where(run.labels == 3, 1, run.labels))
    adata = _read(merged, tmp_path)
    np.testing.assert_array_equal(adata.obs["cluster"].astype(int), merged.labels)
    # the third has no patch left: no category, no colour, and still a line in the table of clusters
    assert list(adata.obs["cluster"].cat.categories) == [1, 2, 4]
    assert list(adata.uns["clusters"]["name"]) == [c.name for c in named]
    colours = [c.colour for c in named]
    assert list(adata.uns["cluster_colors"]) == [colours[0], colours[1], colours[3]]


def test_a_part_of_a_run_keeps_its_rows_alone(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", rows=80, cols=80, embedding=True)
    chosen = np.random.default_rng(0).random(len(run)) < 0.1
    chosen[:CHUNK] = False  # a whole chunk without a patch
    adata, stored = _read(subset_of(run, chosen), tmp_path), run.to_anndata()
    assert adata.obs_names.tolist() == stored.obs_names[chosen].tolist()
    for name in stored.obsm:
        np.testing.assert_array_equal(adata.obsm[name], stored.obsm[name][chosen])


def test_nothing_that_older_versions_of_anndata_stop_at(tmp_path: Path) -> None:
    """AnnData 0.10 and 0.11 know no `null`, and nothing else that came with 0.12."""
    run = make_run(tmp_path / "run", embedding=True)
    (path,) = drive(export_run(run, ["h5ad"], tmp_path))
    known = {
        *("anndata", "dataframe", "dict", "array", "string", "string-array", "categorical", "numeric-scalar"),
        *("csr_matrix", "csc_matrix", ""),
    }
    found: dict[str, str] = {}

    def look(name: str, part: Any) -> None:
        found[name] = str(part.attrs.get("encoding-type", ""))

    with h5py.File(path) as file:
        file.visititems(look)
    store: Any = zarr.open_group(run.path / "patches.zarr", mode="r")
    for name, part in store.members(max_depth=None):
        look(f"zarr/{name}", part)
    assert {name: kind for name, kind in found.items() if kind not in known} == {}
    assert len(found) > 40
