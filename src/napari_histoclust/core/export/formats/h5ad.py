"""patches.h5ad: the run's AnnData in one file, with the names, colours and labels that the run has now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.atomic import atomic_file
from napari_histoclust.core.export.format import Format
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.run.columns import read_rows
from napari_histoclust.core.run.reader import open_latent

if TYPE_CHECKING:
    import anndata
    import h5py

    from napari_histoclust.core.run.run import Run


def write_h5ad(run: Run, folder: Path) -> Job[tuple[Path, ...]]:
    """Write patches.h5ad; the latent features, nearly all of it, are copied chunk by chunk."""
    import h5py
    from anndata.io import write_elem

    path = folder / "patches.h5ad"
    store = open_store(run)
    latent = open_latent(run)
    yield Progress(f"Writing {path.name}", 0, len(run))
    with atomic_file(path) as partial, h5py.File(partial, "w") as file:
        write_elem(file, "/", without_latent(run, store))
        yield from _copy(latent, run.ids, file["obsm"], f"Writing {path.name}")
    return (path,)


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
    obs["cluster"] = pd.Categorical(run.labels, categories=[cluster.id for cluster in run.clusters])
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
    return {**uns, "clusters": clusters, "cluster_colors": colours}


def _copy(source: Any, rows: NDArray[np.int64], target: h5py.Group, text: str) -> Job[None]:
    """Copy the rows of obsm/latent, in rising order, with the chunks that it has."""
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
