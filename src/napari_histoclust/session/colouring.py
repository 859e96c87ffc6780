"""What colours the patches have in the plot and on the tissue: a code a patch and a table of colours.

The table is what changes when a cluster is renamed, merged, hidden or recoloured; the codes stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.palette import palette
from napari_histoclust.session.session import CLUSTER, CONFIDENCE, SLIDE

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.session.session import Session

STEPS = 64
"""Colours of a continuous scale: more than an eye tells apart, few enough for a table of labels."""

# Percentiles over a million patches take 40 ms, and every view asks.
_KEPT: WeakKeyDictionary[Run, dict[str, Colouring]] = WeakKeyDictionary()

_RANGE = (1.0, 99.0)  # percentiles: a few odd patches must not flatten the rest


@dataclass(frozen=True, eq=False)
class Colouring:
    """Colours of the patches of a run.

    Attributes
    ----------
    codes : (n,) uint16
        Row of `table` of each patch, 1 and up.
    table : (codes + 1, 4) float32
        RGBA in 0..1; row 0 is "no tissue", transparent, as is what is hidden.
    limits : (float, float), optional
        Values of the first and last colour of a continuous scale.
    """

    codes: NDArray[np.uint16]
    table: NDArray[np.float32]
    limits: tuple[float, float] | None = None


def colourings(run: Run) -> tuple[str, ...]:
    """Return what this run can be coloured by."""
    several = (SLIDE,) if len(run.slides) > 1 else ()
    return (CLUSTER, CONFIDENCE, *several, *(() if run.stain_od is None else run.stains))


def colour(session: Session) -> Colouring:
    """Return the colours that the session asks for; those of an empty session are empty."""
    run, by = session.run, session.colour_by
    if run is None:
        return Colouring(np.zeros(0, np.uint16), np.zeros((1, 4), np.float32))
    if by != CLUSTER and by in colourings(run):
        kept = _KEPT.setdefault(run, {})
        if by not in kept:
            kept[by] = _of_run(run, by)
        return kept[by]
    return Colouring(session.palette.labels.astype(np.uint16), session.palette.rgba())


def _of_run(run: Run, by: str) -> Colouring:
    """Colours that no edit of the clusters changes."""
    if by == CONFIDENCE:
        return _scale(run.confidence)
    if by == SLIDE or run.stain_od is None:
        return Colouring((run.slide_index + 1).astype(np.uint16), _listed(palette(len(run.slides))))
    return _scale(run.stain_od[:, run.stains.index(by)])


def _scale(values: NDArray[np.float32]) -> Colouring:
    """Spread values over the steps of the scale; what is beyond its ends has their colours."""
    low, high = (float(v) for v in np.percentile(values, _RANGE)) if len(values) else (0.0, 1.0)
    width = max(high - low, 1e-30)
    codes = np.clip((values - low) / width * STEPS, 0, STEPS - 1).astype(np.uint16) + np.uint16(1)
    return Colouring(codes, _listed(_viridis()), (low, high))


def _listed(colours: tuple[str, ...]) -> NDArray[np.float32]:
    table = np.zeros((len(colours) + 1, 4), np.float32)
    for code, text in enumerate(colours, start=1):
        table[code] = (*bytes.fromhex(text[1:]), 255)
    return table / np.float32(255)


def _viridis() -> tuple[str, ...]:
    """STEPS colours of matplotlib's viridis, whose lightness rises evenly."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return tuple(to_hex(c) for c in colormaps["viridis"](np.linspace(0, 1, STEPS)))
