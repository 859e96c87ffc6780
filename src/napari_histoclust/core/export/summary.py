"""What each cluster amounts to: patches, share, area, confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_histoclust.core.palette import Cluster
from napari_histoclust.core.run import Run


@dataclass(frozen=True, slots=True)
class ClusterSummary:
    """One cluster over one or several slides.

    Parameters
    ----------
    cluster : Cluster
    patches : int
    share : float
        Of the patches of these slides, 0..1; equals the share of the area where the slides' scale is one.
    area_px2 : float
        Level-0 px; each patch counts the square of the stride, so that overlapping patches do not count
        the same tissue twice.
    area_mm2 : float or None
        None where the scale of a slide is unknown.
    mean_confidence : float or None
        None for a cluster without a patch.
    """

    cluster: Cluster
    patches: int
    share: float
    area_px2: float
    area_mm2: float | None
    mean_confidence: float | None


def summarise_clusters(run: Run, slides: Sequence[int] | None = None) -> tuple[ClusterSummary, ...]:
    """Sum up every cluster of the run, also those without a patch, over `slides` (default all)."""
    chosen = range(len(run.slides)) if slides is None else slides
    size = max(cluster.id for cluster in run.clusters) + 1
    patches, confidence = np.zeros(size, np.int64), np.zeros(size)
    area_px2, area_um2 = np.zeros(size), np.zeros(size)
    for slide in chosen:
        rows = run.rows(slide)
        counts = np.bincount(run.labels[rows], minlength=size)
        um_per_px = run.um_per_px[slide]
        place_px = run.grids[slide].place_px
        patches += counts
        confidence += np.bincount(run.labels[rows], weights=run.confidence[rows], minlength=size)
        area_px2 += counts * place_px**2
        area_um2 += counts * (place_px * (np.nan if um_per_px is None else um_per_px)) ** 2
    scaled = all(run.um_per_px[slide] is not None for slide in chosen)
    total = max(1, int(patches.sum()))
    return tuple(
        ClusterSummary(
            cluster=cluster,
            patches=int(patches[cluster.id]),
            share=patches[cluster.id] / total,
            area_px2=float(area_px2[cluster.id]),
            area_mm2=float(area_um2[cluster.id] / 1e6) if scaled else None,
            mean_confidence=_ratio(confidence[cluster.id], patches[cluster.id]),
        )
        for cluster in run.clusters
    )


def _ratio(total: float, count: int) -> float | None:
    return float(total / count) if count else None
