"""The runs that tests are given are real runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pytest
import zarr

from core.runs import make_run
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.run.columns import seal_array
from napari_histoclust.core.run.manifest import PATCHES
from napari_histoclust.core.run.reader import open_run, read_latent
from napari_histoclust.core.run.run import subset_of


@pytest.mark.parametrize("slides", [1, 3])
def test_run_reads_back(tmp_path: Path, slides: int) -> None:
    run = make_run(tmp_path / "run", slides=slides, embedding=True)
    again = open_run(tmp_path / "run")
    np.testing.assert_array_equal(again.labels, run.labels)
    assert set(run.labels.tolist()) == {1, 2, 3, 4}
    assert len(run.grids) == slides
    assert 0 < len(run) < slides * 12 * 15
    assert again.embedding is not None
    assert again.embedding.shape == (len(run), 2)
    np.testing.assert_allclose(drive(read_latent(again)).sum(1), 1, rtol=1e-5)
    for i in range(slides):
        picture = again.label_picture(i)
        grid = again.grids[i]
        np.testing.assert_array_equal(picture[grid.row, grid.col], run.labels[run.rows(i)])
        assert (picture > 0).sum() == len(grid)


def test_other_tools_open_it(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", slides=2, um_per_px=None)
    adata = anndata.read_zarr(tmp_path / "run" / PATCHES)
    np.testing.assert_array_equal(adata.obs["cluster"].to_numpy().astype(int), run.labels)
    np.testing.assert_array_equal(adata.obsm["spatial"], adata.obs[["x_px", "y_px"]].to_numpy())


def test_only_clusters_with_patches_are_counted(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    kept = run.labels != run.labels[0]
    part = subset_of(run, kept)
    assert run.clusters_used == len(set(run.labels.tolist()))
    assert part.clusters_used == run.clusters_used - 1


@pytest.mark.parametrize("code", [-1, 4])
def test_a_code_that_is_no_cluster_is_damage_and_not_the_last_cluster(tmp_path: Path, code: int) -> None:
    make_run(tmp_path / "run")
    store: Any = zarr.open_group(tmp_path / "run" / PATCHES, mode="r+")
    store["obs/cluster/codes"][5] = code
    seal_array(store["obs/cluster/codes"])  # as if it had been written so
    with pytest.raises(HistoclustError, match=r"is damaged \((patches without a cluster|holds -1, outside)"):
        open_run(tmp_path / "run")
