"""Some patches of a run as a run of its own: what was selected, or is shown, is exported like the whole."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError

if TYPE_CHECKING:
    from napari_histoclust.core.patches.grid import PatchGrid
    from napari_histoclust.core.run.run import Run


def part_of(run: Run, chosen: NDArray[np.bool_]) -> Run:
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
        store_rows=run.ids[chosen],
    )


def _chosen(column: NDArray[np.float32] | None, chosen: NDArray[np.bool_]) -> NDArray[np.float32] | None:
    return None if column is None else column[chosen]


def _thinned(grid: PatchGrid, chosen: NDArray[np.bool_]) -> PatchGrid:
    return replace(
        grid, row=grid.row[chosen], col=grid.col[chosen], tissue_fraction=grid.tissue_fraction[chosen]
    )
