"""A store that is not as it was written is refused, naming the array; an older one is held to ranges."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pytest
import zarr

from core.runs import make_run
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.run import columns, store
from napari_histoclust.core.run.columns import COLUMNS, CRC, check_store, read_column, seal, seal_array
from napari_histoclust.core.run.embedding import write_embedding_array
from napari_histoclust.core.run.reader import open_run, read_latent
from napari_histoclust.core.run.recluster import recluster

CHUNK = 32


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run whose matrices have several chunks; its last chunk of rows is not full."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "CHUNK", CHUNK)
        yield make_run(tmp_path_factory.mktemp("made") / "run", embedding=True).path


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "run"))


@pytest.fixture
def older(run: Path) -> Path:
    """The same run without checksums."""
    for file in (run / "patches.zarr").rglob(".zattrs"):
        document = json.loads(file.read_text())
        document.pop(CRC, None)
        file.write_text(json.dumps(document))
    return run


def read_all(run: Path) -> None:
    """Everything that a run is read for."""
    opened = open_run(run)
    drive(read_latent(opened))
    check_store(run / "patches.zarr")


def chunks_of(run: Path) -> list[Path]:
    parts = (run / "patches.zarr" / part for part in ("obs", "obsm", "uns"))
    return sorted(f for part in parts for f in part.rglob("*") if f.is_file() and not f.name.startswith("."))


def chunk_names(made: Path) -> set[str]:
    return {file.relative_to(made / "patches.zarr").as_posix() for file in chunks_of(made)}


def flip(file: Path) -> None:
    """Other numbers, decodable: what an older copy of a chunk would be."""
    data = file.read_bytes()
    path = file.parent
    array = zarr.open_array(path, mode="r+")
    values = np.asarray(array[...])
    assert file.exists()
    if values.dtype.kind in "OTU":
        array[...] = np.array([f"{value}'" for value in values.ravel()], dtype=object).reshape(values.shape)
    else:
        array[...] = values[::-1] if values.ndim and len(np.unique(values)) > 1 else values + 1
    assert file.read_bytes() != data


def lose(file: Path) -> None:
    file.unlink()


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def test_damage_to_any_chunk_is_told_by_the_name_of_its_array(made: Path, tmp_path: Path) -> None:
    names = sorted(chunk_names(made))
    assert len(names) > 30
    kept = tmp_path / "kept"
    run = Path(shutil.copytree(made, tmp_path / "run"))
    for name, damage in zip(names, cycle([lose, cut, flip, empty, flip])):
        file = run / "patches.zarr" / name
        shutil.copytree(file.parent, kept)
        try:
            damage(file)
            with pytest.raises(HistoclustError, match=f"{file.parent}: is damaged"):
                read_all(run)
        finally:
            shutil.rmtree(file.parent)
            kept.rename(file.parent)
    read_all(run)


@pytest.mark.parametrize("damage", [lose, cut])
def test_labels_and_places_are_never_made_up(
    made: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """What `open_run` itself reads is checked when it opens, everything else for being there."""
    for name in ("obs/cluster/codes/0", "obs/row/0", "obsm/latent/1.0", "obsm/stain_od/2.0"):
        run = Path(shutil.copytree(made, tmp_path / name.replace("/", "-")))
        damage(run / "patches.zarr" / name)
        if name.startswith("obsm/latent") and damage is cut:
            opened = open_run(run)
            with pytest.raises(HistoclustError, match="obsm/latent: is damaged"):
                drive(read_latent(opened))
            with pytest.raises(HistoclustError, match="obsm/latent: is damaged"):
                drive(recluster(opened, np.arange(len(opened)), 2))
        else:
            with pytest.raises(HistoclustError, match=f"{name.rsplit('/', 1)[0]}: is damaged"):
                open_run(run)


@pytest.mark.parametrize("name", ["obsm/X_umap", "uns/histoclust/stains", "obs/x_um", "obs/cluster"])
def test_what_describes_an_array_is_missed(run: Path, name: str) -> None:
    """Zarr takes a folder without it for nothing at all, and a column would silently not be there."""
    for file in (".zarray", ".zgroup"):
        (run / "patches.zarr" / name / file).unlink(missing_ok=True)
    with pytest.raises(HistoclustError, match=f"{name}"):
        open_run(run)


def test_an_undisturbed_run_is_read_and_anndata_reads_it_too(run: Path) -> None:
    read_all(run)
    assert open_run(run).to_anndata().n_obs == len(open_run(run))
    assert anndata.read_zarr(run / "patches.zarr").n_obs == len(open_run(run))


def test_a_run_of_an_older_version_opens(older: Path) -> None:
    read_all(older)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("obs/cluster/codes", -1),
        ("obs/cluster/codes", 9),
        ("obs/row", 12),
        ("obs/row", -1),
        ("obs/col", 0),  # two patches in one place
        ("obs/confidence", np.nan),
        ("obs/confidence", 1.5),
        ("obs/entropy", np.inf),
        ("obs/tissue_fraction", -0.1),
        ("obsm/X_umap", np.nan),
        ("obsm/stain_od", np.inf),
        ("uns/clusters/id", 0),
        ("uns/clusters/name", ""),
        ("uns/clusters/colour", "red"),
        ("uns/histoclust/stains", "CD31"),
    ],
)
def test_what_cannot_be_is_refused_in_any_version(older: Path, name: str, value: Any) -> None:
    array = zarr.open_array(older / "patches.zarr" / name, mode="r+")
    array[0 if name != "obs/col" else slice(None)] = value
    with pytest.raises(HistoclustError, match="patches"):
        open_run(older)


@pytest.mark.parametrize("name", ["obs/cluster/codes/0", "obs/confidence/0", "obsm/latent/0.0", "obs/row/0"])
def test_a_chunk_lost_from_an_older_run_is_told(older: Path, name: str) -> None:
    (older / "patches.zarr" / name).unlink()
    with pytest.raises(HistoclustError, match="patches"):
        open_run(older)


def test_latent_features_that_are_no_numbers_are_refused(older: Path) -> None:
    zarr.open_array(older / "patches.zarr" / "obsm/latent", mode="r+")[5, 3] = np.nan
    with pytest.raises(HistoclustError, match=r"obsm/latent: is damaged .holds NaN"):
        drive(read_latent(open_run(older)))


@pytest.mark.parametrize("name", ["obs/row", "obs/confidence", "obsm/X_umap"])
def test_another_length_is_refused(older: Path, name: str) -> None:
    zarr.open_array(older / "patches.zarr" / name, mode="r+").resize((7, 2) if "umap" in name else (7,))
    with pytest.raises(HistoclustError, match=f"{name}: is damaged"):
        open_run(older)


def test_an_array_that_declares_terabytes_takes_no_memory(older: Path) -> None:
    for name in ("obs/row", "obs/x_um", "obsm/latent"):
        file = older / "patches.zarr" / name / ".zarray"
        before = file.read_text()
        document = json.loads(before)
        sides = [2**40, *document["shape"][1:]]
        file.write_text(json.dumps({**document, "shape": sides, "chunks": sides}))
        with pytest.raises(HistoclustError, match=f"{name}: is damaged"):
            read_all(older)
        file.write_text(before)


def test_a_column_is_added_with_its_range_and_checksum(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here knows which columns there are."""
    group = zarr.open_group(run / "patches.zarr", mode="r+")
    n = len(open_run(run))
    group["obs"].create_array("another", shape=(n,), chunks=(n,), dtype="float32")
    array = group["obs/another"]
    array[:] = 0.5
    seal_array(array)
    assert (read_column(group, "obs/another", n) == 0.5).all()
    array[3] = 7.0
    with pytest.raises(HistoclustError, match=r"obs/another: is damaged .chunk 0 is not as it was written"):
        read_column(group, "obs/another", n)
    seal_array(array)
    assert read_column(group, "obs/another", n)[3] == 7
    monkeypatch.setitem(COLUMNS, "obs/another", columns.Column(0, 1))
    with pytest.raises(HistoclustError, match="holds 7, outside 0 to 1"):
        read_column(group, "obs/another", n)


def test_an_embedding_that_a_kill_left_half_replaced_is_whole(run: Path) -> None:
    """Between the two renames the attributes name both, the chunk is one of them."""
    target = run / "patches.zarr" / "obsm" / "X_umap"
    before = open_run(run).embedding
    assert before is not None
    old_chunk = (target / "0.0").read_bytes()
    write_embedding_array(run, before + 1)
    after_attributes = (target / ".zattrs").read_text()
    assert json.loads(after_attributes)[CRC] != []
    array = zarr.open_array(target, mode="r+")
    seal_array(array, *former_of(before))
    np.testing.assert_array_equal(open_run(run).embedding, before + 1)  # type: ignore[arg-type]
    (target / "0.0").write_bytes(old_chunk)
    np.testing.assert_array_equal(open_run(run).embedding, before)  # type: ignore[arg-type]


def former_of(values: np.ndarray) -> list[int]:
    return [columns._crc(values)]


@pytest.mark.slow
def test_a_million_patches_open_about_as_fast_as_without_checks(tmp_path: Path) -> None:
    n = 1_000_000
    group = zarr.open_group(tmp_path / "patches.zarr", mode="w", zarr_format=2)
    rng = np.random.default_rng(0)
    names = [f"c{i}" for i in range(10)]
    obs = group.create_group("obs")
    for name in names:
        obs.create_array(name, shape=(n,), chunks=(n // 4,), dtype="float32")[:] = rng.random(n, np.float32)
    seal(tmp_path / "patches.zarr")
    start = time.perf_counter()
    plain = [np.asarray(group[f"obs/{name}"][:]) for name in names]
    without = time.perf_counter() - start
    start = time.perf_counter()
    checked = [read_column(group, f"obs/{name}", n) for name in names]
    assert time.perf_counter() - start < 2 * without + 1
    np.testing.assert_array_equal(plain, checked)
