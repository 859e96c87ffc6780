"""Reading a run folder: at once what is small, piece by piece the latent space."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.palette import Cluster
from napari_histoclust.core.patches.grid import PatchGrid
from napari_histoclust.core.run.columns import (
    DAMAGED,
    check_files,
    damaged,
    holds,
    open_column,
    read_column,
    read_rows,
)
from napari_histoclust.core.run.manifest import PATCHES, Manifest, SlideEntry, read_manifest
from napari_histoclust.core.run.run import Run

_PIECE = 16_384  # rows of latent, 8 MB: whole chunks of the store
_MARKED_AT_MOST = 2**27  # places: a byte each; sorting takes ten times as long
_COLOUR = re.compile("#[0-9a-fA-F]{6}")


def open_run(path: str | Path, slides: str | Path | None = None) -> Run:
    """Open a run folder.

    Parameters
    ----------
    path : path
        The run folder.
    slides : path, optional
        Where its images lie, if they are no longer where they were: their folder, or the one around it.

    Raises
    ------
    HistoclustError
        If it is no run folder, not finished, or damaged; or if its images are not in `slides`.
    """
    run = _open(Path(path))
    if slides is None:
        return run
    from napari_histoclust.core.run.originals import relinked

    return relinked(run, slides)


def _open(folder: Path) -> Run:
    manifest = read_manifest(folder)
    if not (folder / PATCHES).is_dir():
        raise HistoclustError(
            f"{folder}: this run is not finished: start the command that made it again, "
            "it goes on where it stopped."
        )
    try:
        return _read(folder, manifest)
    except DAMAGED as error:
        raise damaged(folder / PATCHES, error) from error


def _read(folder: Path, manifest: Manifest) -> Run:
    group: Any = zarr.open_group(folder / PATCHES, mode="r")
    ends = np.cumsum([0] + [slide.patches for slide in manifest.slides])
    read = partial(read_column, group, rows=int(ends[-1]))
    columns = {name: read(f"obs/{name}") for name in ("row", "col", "tissue_fraction")}
    clusters = _clusters(group)
    categories = read_column(group, "obs/cluster/categories")
    if not set(categories.tolist()) <= {cluster.id for cluster in clusters}:
        raise ValueError("obs/cluster has other clusters than uns/clusters")
    check_files(group)
    run = Run(
        path=folder,
        manifest=manifest,
        grids=tuple(
            _grid(slide, {name: column[a:b] for name, column in columns.items()})
            for slide, a, b in zip(manifest.slides, ends, ends[1:], strict=False)
        ),
        clusters=clusters,
        labels=_labels(read("obs/cluster/codes"), categories),
        confidence=read("obs/confidence"),
        entropy=read("obs/entropy"),
        embedding=read("obsm/X_umap") if holds(group, "obsm/X_umap") else None,
        stains=_names(group, "stains"),
        stain_od=read("obsm/stain_od") if holds(group, "obsm/stain_od") else None,
        dyes=_names(group, "dyes"),
        dye_od=read("obsm/dye_od") if holds(group, "obsm/dye_od") else None,
        distance=read("obs/distance") if holds(group, "obs/distance") else None,
        outlier=np.asarray(read("obs/outlier"), bool) if holds(group, "obs/outlier") else None,
    )
    _check_widths(run)
    return run


def _clusters(group: Any) -> tuple[Cluster, ...]:
    columns = (read_column(group, f"uns/clusters/{name}") for name in ("id", "name", "colour"))
    clusters = tuple(
        Cluster(int(i), str(name), str(colour)) for i, name, colour in zip(*columns, strict=True)
    )
    if len({cluster.id for cluster in clusters}) < len(clusters) or not clusters:
        raise ValueError("uns/clusters names none, or one twice")
    if not all(cluster.name and _COLOUR.fullmatch(cluster.colour) for cluster in clusters):
        raise ValueError("uns/clusters lacks a name or a colour")
    return clusters


def _check_widths(run: Run) -> None:
    """Raise ValueError where a matrix has not a column for each of its names, or the plane has not two."""
    if run.embedding is not None and run.embedding.shape[1:] != (2,):
        raise ValueError("obsm/X_umap is no plane")
    for name, names, matrix in (("stain_od", run.stains, run.stain_od), ("dye_od", run.dyes, run.dye_od)):
        if matrix is not None and names and matrix.shape[1:] != (len(names),):
            raise ValueError(f"obsm/{name} has not one column for each of {', '.join(names)}")


def _names(group: Any, name: str) -> tuple[str, ...]:
    path = f"uns/histoclust/{name}"
    names = tuple(map(str, read_column(group, path))) if holds(group, path) else ()
    if len(set(names)) < len(names) or "" in names:
        raise ValueError(f"{path} has an empty name, or one twice")
    return names


def _labels(codes: NDArray[np.integer], categories: NDArray[np.integer]) -> NDArray[np.int16]:
    """Return the cluster of each patch; AnnData's -1, which stands for none, would be the last one."""
    if len(codes) and (codes.min() < 0 or codes.max() >= len(categories)):
        raise ValueError("patches without a cluster")
    labels: NDArray[np.int16] = np.asarray(categories, np.int16)[codes]
    return labels


def _grid(slide: SlideEntry, columns: dict[str, NDArray[Any]]) -> PatchGrid:
    row, col = (columns[name].astype(np.int64) for name in ("row", "col"))
    if len(row) and (row.max() >= slide.rows or col.max() >= slide.cols):
        raise ValueError(f"patches outside the {slide.rows} x {slide.cols} places of {slide.name}")
    if _are_there_doubles(row * slide.cols + col, slide.rows * slide.cols):
        raise ValueError(f"two patches in one place of {slide.name}")
    return PatchGrid(
        shape=(slide.rows, slide.cols),
        patch_px=slide.patch_px,
        stride_px=slide.stride_px,
        level=slide.level,
        downsample=slide.downsample,
        row=columns["row"].astype(np.int32),
        col=columns["col"].astype(np.int32),
        tissue_fraction=columns["tissue_fraction"].astype(np.float32),
    )


def _are_there_doubles(places: NDArray[np.int64], count: int) -> bool:
    if count > _MARKED_AT_MOST:
        return len(np.unique(places)) < len(places)
    mark = np.zeros(count, np.bool_)
    mark[places] = True
    return int(np.count_nonzero(mark)) < len(places)


def read_latent(run: Run) -> Job[NDArray[np.float32]]:
    """Read the (n, 128) features, piece by piece, so that nobody has to wait for them to the end.

    They are the softmax over the channels of h, averaged over its pixels (method, section 2).
    """
    source = open_latent(run)
    latent, step = np.empty(source.shape, np.float32), -(-_PIECE // source.chunks[0]) * source.chunks[0]
    for start in range(0, len(latent), step):
        stop = min(start + step, len(latent))
        latent[start:stop] = read_rows(source, start, stop)
        yield Progress("Reading the latent space", stop, len(latent))
    return latent if run.store_rows is None else latent[run.store_rows]


def open_latent(run: Run) -> Any:
    """Return the array of all features in the folder of a run, to be read by `read_rows`.

    Raises
    ------
    HistoclustError
        If it is missing or not whole.
    """
    rows = sum(slide.patches for slide in read_manifest(run.path).slides)
    return open_column(open_store(run.path), "obsm/latent", rows)


def open_store(folder: Path) -> Any:
    """Return the group patches.zarr of a run folder.

    Raises
    ------
    HistoclustError
        If it is missing or damaged.
    """
    try:
        return zarr.open_group(folder / PATCHES, mode="r")
    except DAMAGED as error:
        raise damaged(folder / PATCHES, error) from error


class LatentSpace:
    """The features of a run, read when they are first asked for, and kept."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._features: NDArray[np.float32] | None = None

    @property
    def is_loaded(self) -> bool:
        """Whether the features are in memory."""
        return self._features is not None

    def load(self) -> Job[NDArray[np.float32]]:
        """Return the (n, 128) features, after reading them at the first time."""
        if self._features is None:
            self._features = yield from read_latent(self.run)
        return self._features
