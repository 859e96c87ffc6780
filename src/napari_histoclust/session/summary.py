"""What a choice of patches amounts to, in numbers and as the sentence that the views show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.session.session import Session


@dataclass(frozen=True)
class Area:
    """How much tissue some patches stand for.

    Parameters
    ----------
    px2 : float
        In level-0 px; each patch counts the square of the stride, so that overlapping patches do not count
        the same tissue twice.
    mm2 : float or None
        None where the scale of a slide that holds any of them is unknown.
    """

    px2: float
    mm2: float | None

    def __str__(self) -> str:
        return f"{_rounded(self.px2)} px" if self.mm2 is None else f"{_rounded(self.mm2)} mm²"


@dataclass(frozen=True)
class Summary:
    """Number of patches, their area, and over how many shown clusters they are spread."""

    patches: int
    area: Area
    clusters: int

    def __str__(self) -> str:
        patches = counted(self.patches, "patch", "patches")
        return f"{patches}, {self.area}, {counted(self.clusters, 'cluster', 'clusters')}"


def area_of(run: Run, mask: NDArray[np.bool_]) -> Area:
    """Return the area of the patches in a (n,) bool mask."""
    px2 = um2 = 0.0
    for slide, grid in enumerate(run.grids):
        count = int(np.count_nonzero(mask[run.rows(slide)]))
        um_per_px = run.um_per_px[slide]
        px2 += count * grid.place_px**2
        if count:
            um2 += count * (grid.place_px * (np.nan if um_per_px is None else um_per_px)) ** 2
    return Area(px2, None if np.isnan(um2) else um2 / 1e6)


def summary_of(session: Session, mask: NDArray[np.bool_] | None = None) -> Summary:
    """Return what the patches in a (n,) bool mask, or those selected, amount to.

    Clusters are counted as they are shown, after merges and splits. Without a run all is zero.
    """
    run = session.run
    if run is None:
        return Summary(0, Area(0.0, 0.0), 0)
    mask = session.selection.mask if mask is None else mask
    clusters = np.bincount(session.palette.shown_labels[mask], minlength=1)[1:]
    return Summary(int(np.count_nonzero(mask)), area_of(run, mask), int(np.count_nonzero(clusters)))


def describe_patch(session: Session, patch: int) -> str:
    """Return one line on a patch: name of its cluster, confidence, number, slide.

    Raises
    ------
    IndexError
        If there is no such patch.
    """
    run = session.scored_run
    if run is None or not 0 <= patch < len(run):
        raise IndexError(f"patch {patch}")
    name = session.palette.state.names[session.palette.shown_labels[patch] - 1]
    slide = run.slides[run.slide_index[patch]]
    odd = ", outlier" if run.outlier is not None and run.outlier[patch] else ""
    return f"{name}, confidence {run.confidence[patch]:.2f}{odd}, patch {patch:,}, {slide}"


def counted(count: int, one: str, many: str) -> str:
    """Return "1 patch" or "2 patches"."""
    return f"{count:,} {one if count == 1 else many}"


def _rounded(area: float) -> str:
    """Two digits where they say something, never an exponent: 12,345; 12; 3.1; 0.042; 0.000016."""
    if area >= 9.95 or area == 0:
        return f"{area:,.0f}"
    return np.format_float_positional(area, precision=2, fractional=False, trim="-")
