"""patches.h5ad: the run's AnnData in one file, with the names, colours and labels that the run has now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from napari_histoclust.core.atomic import atomic_path
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.manifest import PATCHES
from napari_histoclust.core.run import Run

if TYPE_CHECKING:
    import anndata
    import h5py


def write_h5ad(run: Run, folder: Path) -> Job[tuple[Path, ...]]:
    """Write patches.h5ad; the latent features, nearly all of it, are copied chunk by chunk."""
    import h5py
    from anndata.io import write_elem

    path = folder / "patches.h5ad"
    store: Any = zarr.open_group(run.path / PATCHES, mode="r")
    yield Progress(f"Writing {path.name}", 0, len(run))
    with atomic_path(path) as partial, h5py.File(partial, "w") as file:
        write_elem(file, "/", _without_latent(run, store))
        yield from _copy(store["obsm/latent"], file["obsm"], f"Writing {path.name}")
    return (path,)


def _without_latent(run: Run, store: Any) -> anndata.AnnData:
    import anndata
    import pandas as pd
    from anndata.io import read_elem

    obs = read_elem(store["obs"])
    obs["cluster"] = pd.Categorical(run.labels, categories=[cluster.id for cluster in run.clusters])
    names = [name for name in store["obsm"] if name != "latent" and not name.startswith(".")]
    obsm = {name: read_elem(store["obsm"][name]) for name in names}
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


def _copy(source: Any, target: h5py.Group, text: str) -> Job[None]:
    """Copy obsm/latent with the chunks that it has."""
    step = source.chunks[0]
    copy = target.create_dataset(
        "latent", shape=source.shape, dtype=source.dtype, chunks=(step, source.shape[1])
    )
    copy.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
    for start in range(0, source.shape[0], step):
        yield Progress(text, start, source.shape[0])
        copy[start : start + step] = source[start : start + step]
