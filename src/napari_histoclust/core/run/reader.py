"""Reading a run folder: at once what is small, piece by piece the latent space."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.palette import Cluster
from napari_histoclust.core.patches.grid import PatchGrid
from napari_histoclust.core.run.manifest import PATCHES, Manifest, SlideEntry, read_manifest
from napari_histoclust.core.run.run import Run

_PIECE = 16_384  # rows of latent, 8 MB: whole chunks of the store


def open_run(path: str | Path) -> Run:
    """Open a run folder.

    Raises
    ------
    HistoclustError
        If it is no run folder, not finished, or damaged.
    """
    folder = Path(path)
    manifest = read_manifest(folder)
    if not (folder / PATCHES).is_dir():
        raise HistoclustError(
            f"{folder}: this run is not finished: start the command that made it again, "
            "it goes on where it stopped."
        )
    try:
        return _read(folder, manifest)
    except (KeyError, ValueError, OSError) as error:
        raise HistoclustError(
            f"{folder / PATCHES}: is damaged ({error}): delete it and run again."
        ) from error


def _read(folder: Path, manifest: Manifest) -> Run:
    group: Any = zarr.open_group(folder / PATCHES, mode="r")
    obs, clusters = group["obs"], group["uns/clusters"]
    labels = _labels(obs["cluster/codes"][:], obs["cluster/categories"][:])
    ends = np.cumsum([0] + [slide.patches for slide in manifest.slides])
    columns = {name: obs[name][:] for name in ("row", "col", "tissue_fraction")}
    if len(labels) != ends[-1]:
        raise ValueError(f"{len(labels)} patches where run.json states {ends[-1]}")
    return Run(
        path=folder,
        manifest=manifest,
        grids=tuple(
            _grid(slide, {name: column[a:b] for name, column in columns.items()})
            for slide, a, b in zip(manifest.slides, ends, ends[1:], strict=False)
        ),
        clusters=tuple(
            Cluster(int(i), str(name), str(colour))
            for i, name, colour in zip(
                clusters["id"][:], clusters["name"][:], clusters["colour"][:], strict=True
            )
        ),
        labels=labels,
        confidence=obs["confidence"][:],
        entropy=obs["entropy"][:],
        embedding=_column(group, "X_umap"),
        stains=_names(group, "stains"),
        stain_od=_column(group, "stain_od"),
        dyes=_names(group, "dyes"),
        dye_od=_column(group, "dye_od"),
        distance=obs["distance"][:] if "distance" in obs else None,
        outlier=np.asarray(obs["outlier"][:], bool) if "outlier" in obs else None,
    )


def _column(group: Any, name: str) -> NDArray[np.float32] | None:
    return np.asarray(group[f"obsm/{name}"][:]) if f"obsm/{name}" in group else None


def _names(group: Any, name: str) -> tuple[str, ...]:
    path = f"uns/histoclust/{name}"
    return tuple(map(str, group[path][:])) if path in group else ()


def _labels(codes: NDArray[np.integer], categories: NDArray[np.integer]) -> NDArray[np.int16]:
    """Return the cluster of each patch; AnnData's -1, which stands for none, would be the last one."""
    if len(codes) and (codes.min() < 0 or codes.max() >= len(categories)):
        raise ValueError("patches without a cluster")
    labels: NDArray[np.int16] = np.asarray(categories, np.int16)[codes]
    return labels


def _grid(slide: SlideEntry, columns: dict[str, NDArray[np.generic]]) -> PatchGrid:
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


def read_latent(run: Run) -> Job[NDArray[np.float32]]:
    """Read the (n, 128) features, piece by piece, so that nobody has to wait for them to the end.

    They are the softmax over the channels of h, averaged over its pixels (method, section 2).
    """
    source: Any = zarr.open_group(run.path / PATCHES, mode="r")["obsm/latent"]
    latent = np.empty(source.shape, np.float32)
    for start in range(0, len(latent), _PIECE):
        latent[start : start + _PIECE] = source[start : start + _PIECE]
        yield Progress("Reading the latent space", min(start + _PIECE, len(latent)), len(latent))
    return latent if run.store_rows is None else latent[run.store_rows]


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
