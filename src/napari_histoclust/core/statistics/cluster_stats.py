"""What each cluster amounts to: patches, share, area, confidence, how densely stains and dyes colour it.

The patches are counted once, id by id (`count_clusters`). A merge only changes under which id another one is
shown, so that from then on the small table of sums is enough, however many patches there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.palette import Cluster

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run

    Float = NDArray[np.float64]


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
    mean_stain_od : tuple of float, optional
        Mean optical density of each stain of the run; None for a cluster without a patch, and in a run of a
        version that did not measure it.
    stain_od_sd : tuple of float, optional
        Standard deviation of the same over the cluster's patches.
    mean_dye_od, dye_od_sd : tuple of float, optional
        The same of each dye of the run (`Run.dyes`).
    """

    cluster: Cluster
    patches: int
    share: float
    area_px2: float
    area_mm2: float | None
    mean_confidence: float | None
    mean_stain_od: tuple[float, ...] | None = None
    stain_od_sd: tuple[float, ...] | None = None
    mean_dye_od: tuple[float, ...] | None = None
    dye_od_sd: tuple[float, ...] | None = None


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums of several densities, and of their squares, over the patches of each id.

    Parameters
    ----------
    sums, squares : (d, ids + 1) float64
    """

    sums: Float
    squares: Float

    def shown(self, lookup: NDArray[np.integer[Any]]) -> Moments:
        """Return the sums by the id shown."""
        sums, squares = (
            np.stack([_gathered(lookup, row) for row in part]) for part in (self.sums, self.squares)
        )
        return Moments(sums, squares)

    def mean(self, i: int, count: int) -> tuple[float, ...]:
        """Mean of each density over the `count` patches of id `i`."""
        return tuple((self.sums[:, i] / count).tolist())

    def sd(self, i: int, count: int) -> tuple[float, ...]:
        """Standard deviation of each density over the `count` patches of id `i`."""
        variance = self.squares[:, i] / count - (self.sums[:, i] / count) ** 2
        return tuple(np.sqrt(np.maximum(variance, 0)).tolist())


@dataclass(frozen=True, eq=False)
class ClusterSums:
    """Sums over the patches of each id.

    Parameters
    ----------
    patches : (ids + 1,) int64
    confidence : (ids + 1,) float64
    area_px2 : (ids + 1,) float64
        Level-0 px.
    area_um2 : (ids + 1,) float64 or None
        None where the scale of a slide is unknown.
    stain_od, dye_od : Moments or None
        None where the run does not hold them.
    """

    patches: NDArray[np.int64]
    confidence: Float
    area_px2: Float
    area_um2: Float | None
    stain_od: Moments | None
    dye_od: Moments | None

    def shown(self, lookup: NDArray[np.integer[Any]]) -> ClusterSums:
        """Return the sums by the id shown; `lookup` is (ids + 1,): id -> id shown."""
        return ClusterSums(
            patches=_gathered(lookup, self.patches).astype(np.int64),
            confidence=_gathered(lookup, self.confidence),
            area_px2=_gathered(lookup, self.area_px2),
            area_um2=None if self.area_um2 is None else _gathered(lookup, self.area_um2),
            stain_od=None if self.stain_od is None else self.stain_od.shown(lookup),
            dye_od=None if self.dye_od is None else self.dye_od.shown(lookup),
        )

    def summaries(self, clusters: Sequence[Cluster]) -> tuple[ClusterSummary, ...]:
        """Return one line for each of `clusters`, also for those without a patch."""
        total = max(1, int(self.patches.sum()))
        return tuple(self._summary(cluster, total) for cluster in clusters)

    def _summary(self, cluster: Cluster, total: int) -> ClusterSummary:
        i, count = cluster.id, int(self.patches[cluster.id])
        stains, dyes = (self.stain_od, self.dye_od) if count else (None, None)
        return ClusterSummary(
            cluster=cluster,
            patches=count,
            share=count / total,
            area_px2=float(self.area_px2[i]),
            area_mm2=None if self.area_um2 is None else float(self.area_um2[i] / 1e6),
            mean_confidence=float(self.confidence[i] / count) if count else None,
            mean_stain_od=None if stains is None else stains.mean(i, count),
            stain_od_sd=None if stains is None else stains.sd(i, count),
            mean_dye_od=None if dyes is None else dyes.mean(i, count),
            dye_od_sd=None if dyes is None else dyes.sd(i, count),
        )


def summarise_clusters(run: Run, slides: Sequence[int] | None = None) -> tuple[ClusterSummary, ...]:
    """Sum up every cluster of the run, also those without a patch, over `slides` (default all)."""
    ids = max(cluster.id for cluster in run.clusters)
    return count_clusters(run, run.labels, ids, slides).summaries(run.clusters)


def count_clusters(
    run: Run, labels: NDArray[np.integer[Any]], ids: int, slides: Sequence[int] | None = None
) -> ClusterSums:
    """Go through the patches once; 1,000,000 of them with five stains take 30 ms.

    Parameters
    ----------
    run : Run
    labels : (n,) integers, 1..ids
        Id of each patch of the run, in place of the run's own.
    ids : int
        The largest id there may be.
    slides : sequence of int, optional
        Which slides; all if not given.
    """
    chosen = range(len(run.slides)) if slides is None else slides
    scales = [run.um_per_px[slide] for slide in chosen]
    parts = [_Slide(run, labels, ids + 1, slide) for slide in chosen]
    areas = [run.grids[slide].place_px ** 2 for slide in chosen]
    counts = [part.count() for part in parts]
    return ClusterSums(
        patches=np.sum(counts, axis=0, dtype=np.int64),
        confidence=np.sum([part.sums(run.confidence) for part in parts], axis=0),
        area_px2=np.sum([count * area for count, area in zip(counts, areas, strict=True)], axis=0),
        area_um2=_area_um2(counts, areas, scales),
        stain_od=_moments(parts, run.stain_od),
        dye_od=_moments(parts, run.dye_od),
    )


class _Slide:
    """Sums over the patches of one slide by their id."""

    def __init__(self, run: Run, labels: NDArray[np.integer[Any]], size: int, slide: int) -> None:
        self._rows: slice | NDArray[np.intp] = run.rows(slide)
        if not run.counted[self._rows].all():
            self._rows = np.flatnonzero(run.counted[self._rows]) + self._rows.start
        self._size = size
        self._labels = labels[self._rows].astype(np.intp)  # else each bincount casts them again

    def count(self) -> NDArray[np.intp]:
        return np.bincount(self._labels, minlength=self._size)

    def sums(self, values: NDArray[np.floating[Any]]) -> Float:
        return np.asarray(np.bincount(self._labels, values[self._rows], self._size), np.float64)


def _moments(parts: Sequence[_Slide], densities: NDArray[np.float32] | None) -> Moments | None:
    if densities is None:
        return None
    columns = np.ascontiguousarray(densities.T)
    sums, squares = (
        np.stack([np.sum([part.sums(column) for part in parts], axis=0) for column in values])
        for values in (columns, columns.astype(np.float64) ** 2)
    )
    return Moments(sums, squares)


def _area_um2(
    counts: Sequence[NDArray[np.intp]], areas: Sequence[float], scales: Sequence[float | None]
) -> Float | None:
    known = [scale for scale in scales if scale is not None]
    if len(known) < len(scales):
        return None
    parts = zip(counts, areas, known, strict=True)
    return np.asarray(np.sum([count * area * scale**2 for count, area, scale in parts], axis=0), np.float64)


def _gathered(lookup: NDArray[np.integer[Any]], values: NDArray[Any]) -> Float:
    return np.asarray(np.bincount(lookup, values, len(lookup)), np.float64)
