"""The store grows chunk by chunk, survives interruptions, and is an AnnData file at the end."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pytest
import zarr
from anndata.io import write_elem

from napari_histoclust.core.palette import default_clusters
from napari_histoclust.core.patches.grid import PatchGrid
from napari_histoclust.core.run import embedding, store
from napari_histoclust.core.run.store import ChunkResult, GrowingStore, patch_table

STAINS = ("HE", "CD31")


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several chunks from few patches."""
    monkeypatch.setattr(store, "CHUNK", 16)


def lattice(rows: int, cols: int) -> PatchGrid:
    row, col = (a.ravel().astype(np.int32) for a in np.mgrid[:rows, :cols])
    return PatchGrid((rows, cols), 10, 10, 0, 1.0, row, col, np.ones(rows * cols, np.float32))


def result(rows: slice) -> ChunkResult:
    ids = np.arange(rows.start, rows.stop)
    latent = np.repeat(ids[:, None].astype(np.float32), 128, axis=1)
    return ChunkResult(
        latent,
        (ids % 3 + 1).astype(np.int16),
        (ids / 100).astype(np.float32),
        (ids / 50).astype(np.float32),
        np.stack([ids, -ids], axis=1).astype(np.float32),
    )


def test_an_interrupted_store_goes_on_and_equals_an_undisturbed_one(tmp_path: Path) -> None:
    table = patch_table(["a", "b"], [lattice(5, 4), lattice(3, 7)], [0.5, None])
    first = GrowingStore(tmp_path, table, STAINS)
    assert first.missing() == [0, 1, 2]
    first.write(1, result(first.rows(1)))
    again = GrowingStore(tmp_path, table, STAINS)
    assert again.missing() == [0, 2]
    for chunk in again.missing():
        again.write(chunk, result(again.rows(chunk)))
    assert not (tmp_path / "patches.zarr").exists()
    again.finish(default_clusters(4), {"format": 1})

    adata = anndata.read_zarr(tmp_path / "patches.zarr")
    n = len(table)
    assert adata.n_obs == n == 41
    np.testing.assert_array_equal(adata.obsm["latent"][:, 0], np.arange(n))
    np.testing.assert_array_equal(adata.obsm["stain_od"], np.stack([np.arange(n), -np.arange(n)], axis=1))
    assert list(adata.uns["histoclust"]["stains"]) == list(STAINS)
    np.testing.assert_array_equal(adata.obs["cluster"].astype(int), np.arange(n) % 3 + 1)
    # the fourth cluster has no patch: no category, no colour, and still a line in the table of clusters
    assert list(adata.obs["cluster"].cat.categories) == [1, 2, 3]
    assert len(adata.uns["cluster_colors"]) == 3
    assert list(adata.uns["clusters"]["id"]) == [1, 2, 3, 4]
    assert list(adata.obs["slide"].cat.categories) == ["a", "b"]
    assert not adata.layers
    assert set(adata.uns["clusters"]) == {"id", "name", "colour"}
    assert [p.name for p in tmp_path.iterdir()] == ["patches.zarr"]


def test_units_of_place(tmp_path: Path) -> None:
    table = patch_table(["a", "b"], [lattice(2, 2), lattice(1, 1)], [0.5, None])
    assert table["y_px"].tolist() == [5, 5, 15, 15, 5]
    assert table["x_um"].tolist()[:4] == [2.5, 7.5, 2.5, 7.5]
    assert np.isnan(table["x_um"].iloc[4])
    store_ = GrowingStore(tmp_path, table, STAINS)
    for chunk in store_.missing():
        store_.write(chunk, result(store_.rows(chunk)))
    store_.finish(default_clusters(3), {})
    spatial = anndata.read_zarr(tmp_path / "patches.zarr").obsm["spatial"]
    # x, y in um for the slide whose scale is known, in px for the other
    np.testing.assert_array_equal(spatial[[1, 4]], [[7.5, 2.5], [5, 5]])


def test_a_store_whose_creation_was_cut_off_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / ".partial-.mapping" / "store.zarr").mkdir(parents=True)
    assert GrowingStore(tmp_path, patch_table(["a"], [lattice(2, 2)], [None]), STAINS).missing() == [0]


def test_an_embedding_replaces_an_older_one(tmp_path: Path) -> None:
    table = patch_table(["a"], [lattice(2, 2)], [None])
    growing = GrowingStore(tmp_path, table, STAINS)
    growing.write(0, result(growing.rows(0)))
    growing.finish(default_clusters(3), {})
    for value in (1.0, 2.0):
        embedding.write_embedding_array(tmp_path, np.full((4, 2), value, np.float32))
        adata = anndata.read_zarr(tmp_path / "patches.zarr")
        assert set(adata.obsm) == {"latent", "spatial", "stain_od", "X_umap"}
        assert (adata.obsm["X_umap"] == value).all()


def growing(folder: Path, fingerprint: str = "") -> GrowingStore:
    table = patch_table(["a"], [lattice(8, 6)], [None])
    return GrowingStore(folder, table, STAINS, fingerprint=fingerprint)


@pytest.mark.parametrize("name", ["store.zarr/obsm/latent/1.0", "results.zarr/cluster/1"])
@pytest.mark.parametrize("damage", ["lost", "cut", "older"])
def test_a_chunk_that_is_not_as_it_was_written_is_computed_anew(
    tmp_path: Path, name: str, damage: str
) -> None:
    """What a power cut may leave: the checksum on the disk, but not what was written before it."""
    first = growing(tmp_path)
    file = tmp_path / ".mapping" / name
    first.write(1, result(slice(0, 16)))
    older = file.read_bytes()
    for chunk in [*first.missing(), 1]:
        first.write(chunk, result(first.rows(chunk)))
    assert growing(tmp_path).missing() == []
    if damage == "lost":
        file.unlink()
    else:
        file.write_bytes(older if damage == "older" else older[: len(older) // 2])
    assert growing(tmp_path).missing() == [1]


def test_a_checksum_that_a_power_cut_left_empty_is_none(tmp_path: Path) -> None:
    first = growing(tmp_path)
    for chunk in first.missing():
        first.write(chunk, result(first.rows(chunk)))
    (tmp_path / ".mapping" / "results.zarr" / "checksum" / "2").write_bytes(b"")
    assert growing(tmp_path).missing() == [2]


@pytest.mark.parametrize("name", ["store.zarr/obs/.zattrs", "store.zarr/uns/.zgroup", "store.zarr/obs/row/0"])
def test_a_finish_that_a_power_cut_left_half_is_done_again(tmp_path: Path, name: str) -> None:
    first = growing(tmp_path)
    for chunk in first.missing():
        first.write(chunk, result(first.rows(chunk)))
    file = tmp_path / ".mapping" / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"")
    again = growing(tmp_path)
    assert again.missing() == []
    again.finish(default_clusters(3), {})
    assert anndata.read_zarr(tmp_path / "patches.zarr").n_obs == 48


@pytest.mark.parametrize(
    "name", ["store.zarr/.zgroup", "results.zarr/.zattrs", "store.zarr/obsm/latent/.zarray"]
)
def test_what_a_power_cut_left_of_the_layout_is_begun_anew(tmp_path: Path, name: str) -> None:
    first = growing(tmp_path)
    first.write(0, result(first.rows(0)))
    (tmp_path / ".mapping" / name).write_bytes(b"")
    assert growing(tmp_path).missing() == [0, 1, 2]


def test_what_belongs_to_another_mapping_is_begun_anew(tmp_path: Path) -> None:
    first = growing(tmp_path, "one")
    first.write(0, result(first.rows(0)))
    assert growing(tmp_path, "one").missing() == [1, 2]
    assert growing(tmp_path, "another").missing() == [0, 1, 2]


def test_a_store_with_a_patch_of_no_cluster_gets_no_name(tmp_path: Path) -> None:
    store_ = growing(tmp_path)
    for chunk in store_.missing():
        store_.write(chunk, result(store_.rows(chunk)))
    with pytest.raises(ValueError, match="not every patch has a cluster"):
        store_.finish(default_clusters(2), {})  # there are three
    assert not (tmp_path / "patches.zarr").exists()
    store_.finish(default_clusters(3), {})  # nothing was lost by it
    assert [p.name for p in tmp_path.iterdir()] == ["patches.zarr"]


def test_an_embedding_of_an_older_layout_is_replaced(tmp_path: Path) -> None:
    store_ = growing(tmp_path)
    for chunk in store_.missing():
        store_.write(chunk, result(store_.rows(chunk)))
    store_.finish(default_clusters(3), {})
    group = zarr.open_group(tmp_path / "patches.zarr", mode="r+")
    write_elem(group["obsm"], "X_umap", np.zeros((48, 2), np.float32))
    expected = np.zeros((48, 2), np.float32)
    for value in (0.0, 3.0, 0.0):  # Zarr writes no chunk of zeros unless it is told to
        expected[:] = value
        embedding.write_embedding_array(tmp_path, expected)
        np.testing.assert_array_equal(anndata.read_zarr(tmp_path / "patches.zarr").obsm["X_umap"], expected)
        assert (tmp_path / "patches.zarr" / "obsm" / "X_umap" / "0.0").is_file()
    assert [p.name for p in tmp_path.iterdir()] == ["patches.zarr"]
