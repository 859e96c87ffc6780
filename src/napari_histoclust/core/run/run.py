"""A run folder, read back: which patch belongs to which cluster, and where it lies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.palette import Cluster
from napari_histoclust.core.patches.grid import PatchGrid
from napari_histoclust.core.run.manifest import PATCHES, Manifest, SlideEntry, read_manifest

if TYPE_CHECKING:
    import anndata

    from napari_histoclust.core.model.bundle import Model
    from napari_histoclust.core.slides.stack import Stack

_PIECE = 16_384  # rows of latent, 8 MB: whole chunks of the store


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run. Row i is patch i in every array; slide after slide.

    Parameters
    ----------
    path : Path
        The run folder.
    manifest : Manifest
        The document in run.json.
    grids : tuple of PatchGrid
        The lattice of each slide.
    clusters : tuple of Cluster
        Id, name and colour, id 1 first.
    labels : (n,) int16
        Cluster of each patch, 1..K.
    confidence, entropy : (n,) float32
        Largest probability, and entropy (natural log) of the probabilities.
    store_rows : (n,) int64 or None
        Rows of patches.zarr that these patches are; None for all, one after the other.
    """

    path: Path
    manifest: Manifest
    grids: tuple[PatchGrid, ...]
    clusters: tuple[Cluster, ...]
    labels: NDArray[np.int16]
    confidence: NDArray[np.float32]
    entropy: NDArray[np.float32]
    store_rows: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def slides(self) -> tuple[str, ...]:
        """Name of each slide."""
        return tuple(slide.name for slide in self.manifest.slides)

    @property
    def um_per_px(self) -> tuple[float | None, ...]:
        """Physical size of a level-0 px of each slide, None where the files do not say."""
        return tuple(slide.um_per_px for slide in self.manifest.slides)

    @property
    def ids(self) -> NDArray[np.int64]:
        """(n,) id of each patch, its row in the run folder."""
        return np.arange(len(self)) if self.store_rows is None else self.store_rows

    @cached_property
    def clusters_used(self) -> int:
        """How many clusters hold a patch; the model may leave some empty."""
        return len(np.unique(self.labels))

    @cached_property
    def slide_index(self) -> NDArray[np.int16]:
        """(n,) which slide each patch lies on."""
        return np.repeat(np.arange(len(self.grids), dtype=np.int16), [len(grid) for grid in self.grids])

    @cached_property
    def latent(self) -> NDArray[np.float32]:
        """(n, 128) features: softmax over the channels of h, averaged over its places (method, section 2)."""
        return self._column("latent")

    @property
    def has_latent(self) -> bool:
        """Whether `latent` is in memory already."""
        return "latent" in self.__dict__

    def load_latent(self) -> Job[NDArray[np.float32]]:
        """Read `latent` piece by piece, so that nobody has to wait for it to the end, and keep it."""
        if not self.has_latent:
            source = self._open()["obsm/latent"]
            latent = np.empty(source.shape, np.float32)
            for start in range(0, len(latent), _PIECE):
                latent[start : start + _PIECE] = source[start : start + _PIECE]
                yield Progress("Reading the latent space", min(start + _PIECE, len(latent)), len(latent))
            self.__dict__["latent"] = self._here(latent)  # where cached_property keeps it
        return self.latent

    @cached_property
    def embedding(self) -> NDArray[np.float32] | None:
        """(n, 2) UMAP, or None where `embed` has not run."""
        return self._column("X_umap") if "obsm/X_umap" in self._open() else None

    @cached_property
    def stain_od(self) -> NDArray[np.float32] | None:
        """(n, s) mean optical density of each of `stains`; None in a run of an older version."""
        return self._column("stain_od") if "obsm/stain_od" in self._open() else None

    @cached_property
    def stains(self) -> tuple[str, ...]:
        """Stains that the model looked at, in its order; none in a run of a version that did not say."""
        group = self._open()
        return tuple(map(str, group["uns/histoclust/stains"][:])) if "uns/histoclust/stains" in group else ()

    @cached_property
    def dye_od(self) -> NDArray[np.float32] | None:
        """(n, d) how much of each of `dyes` there is; None in a run of an older version or without such."""
        return self._column("dye_od") if "obsm/dye_od" in self._open() else None

    @cached_property
    def dyes(self) -> tuple[str, ...]:
        """Stain and dye of each column of `dye_od`, such as "HE eosin"."""
        group = self._open()
        return tuple(map(str, group["uns/histoclust/dyes"][:])) if "uns/histoclust/dyes" in group else ()

    @cached_property
    def has_embedding(self) -> bool:
        """Whether `embed` has run; the coordinates themselves are not read."""
        return "obsm/X_umap" in self._open()

    def rows(self, slide: int) -> slice:
        """Return the rows of one slide."""
        ends = np.cumsum([0] + [len(grid) for grid in self.grids])
        return slice(int(ends[slide]), int(ends[slide + 1]))

    def label_picture(self, slide: int = 0) -> NDArray[np.generic]:
        """Return the (rows, cols) picture of cluster ids of one slide, 0 where there is no patch."""
        dtype = np.uint8 if max(cluster.id for cluster in self.clusters) < 256 else np.uint16
        return self.grids[slide].picture(self.labels[self.rows(slide)].astype(dtype))

    def open_stack(self, slide: int = 0) -> Stack:
        """Open the images of one slide where they lay when the run was made.

        Raises
        ------
        HistoclustError
            If they have moved or can no longer be read.
        """
        from napari_histoclust.core.slides.stack import open_stack

        path = Path(self.manifest.slides[slide].path)
        if not path.exists():
            raise HistoclustError(
                f"{path}: the images of this run are no longer there: put them back, or map them anew."
            )
        return open_stack(path)

    def model(self) -> Model:
        """Load the model that made the labels."""
        from napari_histoclust.core.model.bundle import load_model

        return load_model(self.path / "model")

    def to_anndata(self) -> anndata.AnnData:
        """Return patches.zarr in memory, as the run was mapped, without edits."""
        import anndata

        return self._here(anndata.read_zarr(self.path / PATCHES))

    def _column(self, name: str) -> NDArray[np.float32]:
        return np.asarray(self._here(self._open()[f"obsm/{name}"][:]))

    def _here(self, whole: Any) -> Any:
        """Keep of something with a row a patch of the store what belongs to the patches that are here."""
        return whole if self.store_rows is None else whole[self.store_rows]

    def _open(self) -> Any:
        return zarr.open_group(self.path / PATCHES, mode="r")


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
    )


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


def write_embedding(run: Run, embedding: NDArray[np.float32]) -> Run:
    """Put the (n, 2) UMAP into the run's store and return the run with it."""
    if embedding.shape != (len(run), 2):
        raise ValueError(f"embedding has shape {embedding.shape}, the run {len(run)} patches")
    from napari_histoclust.core.run.store import write_embedding_array

    write_embedding_array(run.path, embedding)
    return open_run(run.path)
