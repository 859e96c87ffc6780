"""A run: which patch belongs to which cluster, and where it lies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.palette import Cluster
from napari_histoclust.core.patches.grid import PatchGrid
from napari_histoclust.core.run.manifest import PATCHES, Manifest

if TYPE_CHECKING:
    import anndata

    from napari_histoclust.core.model.bundle import Model
    from napari_histoclust.core.slides.stack import Stack


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
    embedding : (n, 2) float32 or None
        UMAP; None where `embed` has not run.
    stains : tuple of str
        Those that the model looked at, in its order; none in a run of a version that did not say.
    stain_od : (n, s) float32 or None
        Mean optical density of each of `stains`; None in a run of an older version.
    dyes : tuple of str
        Stain and dye of each column of `dye_od`, such as "HE eosin".
    dye_od : (n, d) float32 or None
        How much of each of `dyes` there is; None in a run of an older version or without such.
    distance : (n,) float32 or None
        From what the model has seen, in units of the spread of its training patches; None in a run of an
        older version or of a model that cannot tell.
    outlier : (n,) bool or None
        Which patches lie farther than the model's training patches do.
    counts_outliers : bool
        Whether statistics count the outliers too.
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
    embedding: NDArray[np.float32] | None = None
    stains: tuple[str, ...] = ()
    stain_od: NDArray[np.float32] | None = None
    dyes: tuple[str, ...] = ()
    dye_od: NDArray[np.float32] | None = None
    distance: NDArray[np.float32] | None = None
    outlier: NDArray[np.bool_] | None = None
    counts_outliers: bool = False
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

    @property
    def outliers(self) -> int:
        """How many patches are outliers; 0 where it is not known."""
        return 0 if self.outlier is None else int(np.count_nonzero(self.outlier))

    @cached_property
    def counted(self) -> NDArray[np.bool_]:
        """(n,) which patches the statistics count: all but the outliers; all where nothing else is left."""
        if self.outlier is None or self.counts_outliers or self.outlier.all():
            return np.ones(len(self), bool)
        return ~self.outlier

    @cached_property
    def clusters_used(self) -> int:
        """How many clusters hold a patch; the model may leave some empty."""
        return len(np.unique(self.labels))

    @cached_property
    def slide_index(self) -> NDArray[np.int16]:
        """(n,) which slide each patch lies on."""
        return np.repeat(np.arange(len(self.grids), dtype=np.int16), [len(grid) for grid in self.grids])

    def rows(self, slide: int) -> slice:
        """Return the rows of one slide."""
        ends = np.cumsum([0] + [len(grid) for grid in self.grids])
        return slice(int(ends[slide]), int(ends[slide + 1]))

    def label_picture(self, slide: int = 0) -> NDArray[np.generic]:
        """Return the (rows, cols) picture of cluster ids of one slide, 0 where there is no patch."""
        dtype = np.uint8 if max(cluster.id for cluster in self.clusters) < 256 else np.uint16
        return self.grids[slide].picture(self.labels[self.rows(slide)].astype(dtype))

    def open_stack(self, slide: int = 0) -> Stack:
        """Open the images of one slide, the same ones that the run was made from.

        Raises
        ------
        HistoclustError
            If they have moved without the run, can no longer be read, or are others than they were.
        """
        from napari_histoclust.core.run.originals import open_original

        return open_original(self.path, self.manifest.slides[slide])

    def model(self) -> Model:
        """Load the model that made the labels."""
        from napari_histoclust.core.model.bundle import load_model

        return load_model(self.path / "model")

    def to_anndata(self) -> anndata.AnnData:
        """Return patches.zarr in memory, as the run was mapped, without edits.

        Raises
        ------
        HistoclustError
            If something in it is damaged.
        """
        import anndata

        from napari_histoclust.core.run.columns import check_store

        check_store(self.path / PATCHES)
        whole = anndata.read_zarr(self.path / PATCHES)
        return whole if self.store_rows is None else whole[self.store_rows]


def subset_of(run: Run, chosen: NDArray[np.bool_]) -> Run:
    """Return the run with some of its patches, in their order and with their ids; nothing is copied on disk.

    Parameters
    ----------
    run : Run
    chosen : (n,) bool
        Which patches stay. Clusters without a patch among them are left out, slides stay.

    Raises
    ------
    HistoclustError
        If none is chosen.
    """
    if not chosen.any():
        raise HistoclustError("No patch is selected: select some, or take all patches.")
    labels = run.labels[chosen]
    used = set(np.flatnonzero(np.bincount(labels)).tolist())
    grids = tuple(_thinned(grid, chosen[run.rows(slide)]) for slide, grid in enumerate(run.grids))
    slides = tuple(
        entry.model_copy(update={"patches": len(grid)})
        for entry, grid in zip(run.manifest.slides, grids, strict=True)
    )
    return replace(
        run,
        manifest=run.manifest.model_copy(update={"slides": slides}),
        grids=grids,
        clusters=tuple(cluster for cluster in run.clusters if cluster.id in used),
        labels=labels,
        confidence=run.confidence[chosen],
        entropy=run.entropy[chosen],
        embedding=_chosen(run.embedding, chosen),
        stain_od=_chosen(run.stain_od, chosen),
        dye_od=_chosen(run.dye_od, chosen),
        distance=_chosen(run.distance, chosen),
        outlier=None if run.outlier is None else run.outlier[chosen],
        store_rows=run.ids[chosen],
    )


def counted_run(run: Run) -> Run:
    """Return the run with the patches that statistics count and with all its clusters."""
    return run if run.counted.all() else replace(subset_of(run, run.counted), clusters=run.clusters)


def _chosen(column: NDArray[np.float32] | None, chosen: NDArray[np.bool_]) -> NDArray[np.float32] | None:
    return None if column is None else column[chosen]


def _thinned(grid: PatchGrid, chosen: NDArray[np.bool_]) -> PatchGrid:
    return replace(
        grid, row=grid.row[chosen], col=grid.col[chosen], tissue_fraction=grid.tissue_fraction[chosen]
    )
