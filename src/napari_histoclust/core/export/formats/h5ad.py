"""patches.h5ad: the run's AnnData in one file, with the names, colours and labels that the run has now."""

from __future__ import annotations

import errno
import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.atomic import atomic_file
from napari_histoclust.core.export.format import Format
from napari_histoclust.core.jobs import Job, Progress

if TYPE_CHECKING:
    import anndata
    import h5py

    from napari_histoclust.core.run.run import Run

_IN_MEMORY = 2**28


def write_h5ad(run: Run, folder: Path) -> Job[tuple[Path, ...]]:
    """Write patches.h5ad; the latent features, nearly all of it, are copied chunk by chunk."""
    from anndata.io import write_elem

    from napari_histoclust.core.run.reader import open_latent
    from napari_histoclust.core.run.store import without_nulls

    path = folder / "patches.h5ad"
    store = open_store(run)
    latent = open_latent(run)
    yield Progress(f"Writing {path.name}", 0, len(run))
    table = without_latent(run, store)
    size = _bytes_of(table) + len(run) * latent.shape[1] * latent.dtype.itemsize
    with atomic_file(path) as partial, _hdf5(partial, size) as file:
        write_elem(file, "/", table)
        without_nulls(file)
        yield from _copy(latent, run.ids, file["obsm"], f"Writing {path.name}")
    return (path,)


@contextmanager
def _hdf5(path: Path, size: int) -> Iterator[h5py.File]:
    """Yield an HDF5 file to be filled with about `size` bytes.

    HDF5 brings the process down where the disk fills up while it writes. What is not too large is therefore
    made in memory and written by Python; for more, all of its room is taken on the disk beforehand.
    """
    import h5py

    if size <= _IN_MEMORY:
        memory = io.BytesIO()
        with h5py.File(memory, "w") as file:
            yield file
        path.write_bytes(memory.getbuffer())
        return
    _take_room(path, int(1.1 * size) + 2**24)
    with h5py.File(path, "w") as file:
        yield file


def _take_room(path: Path, size: int) -> None:
    """Raise OSError where the disk has no room for a file; what stands there is given back at once."""
    with path.open("wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        elif shutil.disk_usage(path.parent).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    path.unlink()


def _bytes_of(table: anndata.AnnData) -> int:
    return int(table.obs.memory_usage(deep=True).sum()) + sum(int(a.nbytes) for a in table.obsm.values())


def open_store(run: Run) -> Any:
    """Return the group patches.zarr of a run, all of which is as it was written, but for the latent features.

    Raises
    ------
    HistoclustError
        If something in it is damaged.
    """
    from napari_histoclust.core.run import reader
    from napari_histoclust.core.run.columns import check_store
    from napari_histoclust.core.run.manifest import PATCHES

    check_store(run.path / PATCHES)
    return reader.open_store(run.path)


def without_latent(run: Run, store: Any) -> anndata.AnnData:
    """Return the run's AnnData in memory as it is named and merged now, obsm/latent left out."""
    import anndata
    import pandas as pd
    from anndata.io import read_elem

    obs = read_elem(store["obs"]).iloc[run.ids].copy()
    # a category without a row stops scanpy's dendrogram, matrixplot and tests for marker genes
    used = [cluster.id for cluster in run.clusters if (run.labels == cluster.id).any()]
    obs["cluster"] = pd.Categorical(run.labels, categories=used)
    names = [name for name in store["obsm"] if name != "latent" and not name.startswith(".")]
    obsm = {name: read_elem(store["obsm"][name])[run.ids] for name in names}
    return anndata.AnnData(obs=obs, obsm=obsm, uns=_uns(run, read_elem(store["uns"])))


def _uns(run: Run, uns: dict[str, Any]) -> dict[str, Any]:
    colours = np.array([cluster.colour for cluster in run.clusters], dtype=object)
    clusters = {
        "id": np.array([cluster.id for cluster in run.clusters]),
        "name": np.array([cluster.name for cluster in run.clusters], dtype=object),
        "colour": colours,
        "artefact": np.array([cluster.artefact for cluster in run.clusters]),
    }
    used = [(run.labels == cluster.id).any() for cluster in run.clusters]
    return {**uns, "clusters": clusters, "cluster_colors": colours[used]}


def _copy(source: Any, rows: NDArray[np.int64], target: h5py.Group, text: str) -> Job[None]:
    """Copy the rows of obsm/latent, in rising order, with the chunks that it has."""
    from napari_histoclust.core.run.columns import read_rows

    step = source.chunks[0]
    shape = (len(rows), source.shape[1])
    copy = target.create_dataset(
        "latent", shape=shape, dtype=source.dtype, chunks=(min(step, len(rows)), source.shape[1])
    )
    copy.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
    for start in range(0, source.shape[0], step):
        first, last = np.searchsorted(rows, (start, start + step))
        yield Progress(text, int(first), len(rows))
        if last > first:
            copy[first:last] = read_rows(source, start, min(start + step, source.shape[0]))[
                rows[first:last] - start
            ]


FORMATS = (
    Format(
        "h5ad",
        write_h5ad,
        ("patches.h5ad",),
        "AnnData (h5ad)",
        "All features and results, for scanpy and squidpy.",
        rank=80,
    ),
)
