"""What each slide is made of, and over how many slides a cluster is spread."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.palette import Cluster

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run

    Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Composition:
    """Patches by slide and cluster.

    Parameters
    ----------
    slides : tuple of str
    clusters : tuple of Cluster
        All k clusters of the run, also those without a patch.
    patches : (slides, k) int64
    place_px2 : (slides,) float64
        Level-0 px of tissue that a patch stands for: the square of the stride.
    um_per_px : tuple of float or None
        Size of a level-0 px of each slide, None where it is unknown.
    """

    slides: tuple[str, ...]
    clusters: tuple[Cluster, ...]
    patches: NDArray[np.int64]
    place_px2: Float
    um_per_px: tuple[float | None, ...]

    @property
    def area_px2(self) -> Float:
        """(slides, k) area in level-0 px of the slide."""
        return np.asarray(self.patches * self.place_px2[:, None], np.float64)

    @property
    def area_mm2(self) -> Float:
        """(slides, k) area in mm2; NaN in the rows of slides of unknown scale."""
        mm_per_px = np.array([np.nan if um is None else um / 1000 for um in self.um_per_px])
        return np.asarray(self.area_px2 * mm_per_px[:, None] ** 2, np.float64)

    @cached_property
    def share(self) -> Float:
        """(slides, k) share of the slide's patches; each row adds up to 1 (to 0 for a slide without any)."""
        return _shares(self.patches)

    @property
    def entropy(self) -> Float:
        """(slides,) Shannon entropy of a slide's composition, natural logarithm: 0 if it is one cluster."""
        return _entropy(self.share)

    @property
    def evenness(self) -> Float:
        """(slides,) entropy over the largest it could be, ln k: 0 one cluster, 1 all alike; 0 if k is 1."""
        return np.asarray(self.entropy / max(np.log(len(self.clusters)), np.finfo(float).tiny))

    @property
    def entropy_over_slides(self) -> Float:
        """(k,) Shannon entropy of where a cluster's patches come from, natural logarithm.

        Each slide counts by its share, not by its size: 0 says that one slide alone has the cluster (or none
        does), ln(slides) that all have as much of it.
        """
        return _entropy(_shares(self.share.T))


def composition(run: Run) -> Composition:
    """Count the patches of each cluster on each slide."""
    ids = [cluster.id for cluster in run.clusters]
    labels = np.where(run.counted, run.labels, 0)
    counts = [np.bincount(labels[run.rows(slide)], minlength=max(ids) + 1)[ids] for slide in _slides(run)]
    return Composition(
        slides=run.slides,
        clusters=run.clusters,
        patches=np.stack(counts).astype(np.int64),
        place_px2=np.array([grid.place_px**2 for grid in run.grids]),
        um_per_px=run.um_per_px,
    )


def _slides(run: Run) -> range:
    return range(len(run.slides))


def _shares(amounts: NDArray[np.int64] | Float) -> Float:
    """Divide each row by its sum."""
    sums = amounts.sum(1, keepdims=True)
    return np.asarray(np.divide(amounts, sums, where=sums > 0, out=np.zeros(amounts.shape)), np.float64)


def _entropy(shares: Float) -> Float:
    """Entropy of each row; an empty share adds nothing."""
    logarithms = np.log(shares, where=shares > 0, out=np.zeros(shares.shape))
    return np.asarray(-(shares * logarithms).sum(1) + 0.0)
