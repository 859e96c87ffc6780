"""What plot and tissue are coloured by: a record each, which gives a code a patch and a table of colours.

The table is what changes when a cluster is renamed, merged, hidden or recoloured; the codes stay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.palette import palette, rgb
from napari_histoclust.session.session import CLUSTER

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.session.palette import Palette
    from napari_histoclust.session.session import Session

STEPS = 64
"""Colours of a continuous scale: more than an eye tells apart, few enough for a table of labels."""

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
    names : tuple of str
        What each colour stands for, in a legend; empty where a scale or the clusters' table says it.
    """

    codes: NDArray[np.uint16]
    table: NDArray[np.float32]
    limits: tuple[float, float] | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class ColourBy:
    """Something that patches can be coloured by.

    Attributes
    ----------
    name : str
        What a saved view calls it.
    caption : str
        What the window calls it.
    colours : callable
        Returns the colours of a run and its palette.
    is_offered : callable
        Whether a run has it.
    follows_palette : bool
        Whether an edit of the clusters changes it; what none does is computed once a run.
    """

    name: str
    caption: str
    colours: Callable[[Run, Palette], Colouring]
    is_offered: Callable[[Run], bool] = lambda run: True
    follows_palette: bool = False


def scale(values: NDArray[np.floating]) -> Colouring:
    """Spread the (n,) values over the steps of a scale; what is beyond its ends has their colours."""
    low, high = (float(v) for v in np.percentile(values, _RANGE)) if len(values) else (0.0, 1.0)
    width = max(high - low, 1e-30)
    codes = np.clip((values - low) / width * STEPS, 0, STEPS - 1).astype(np.uint16) + np.uint16(1)
    return Colouring(codes, _table(_viridis()), (low, high))


def _by_cluster(run: Run, clusters: Palette) -> Colouring:
    return Colouring(clusters.labels.astype(np.uint16), clusters.rgba())


def _by_slide(run: Run, _: Palette) -> Colouring:
    table = _table(palette(len(run.slides)))
    return Colouring((run.slide_index + 1).astype(np.uint16), table, names=run.slides)


def _by_stain(stain: str) -> ColourBy:
    def colours(run: Run, _: Palette) -> Colouring:
        assert run.stain_od is not None  # or it would not be offered
        return scale(run.stain_od[:, run.stains.index(stain)])

    return ColourBy(stain, f"{stain} density", colours)


def _by_distance(run: Run, _: Palette) -> Colouring:
    assert run.distance is not None  # or it would not be offered
    return scale(run.distance)


def _by_outlier(run: Run, _: Palette) -> Colouring:
    assert run.outlier is not None  # or it would not be offered
    return Colouring(run.outlier.astype(np.uint16) + np.uint16(1), _table(_OUTLIER), names=_OUTLIER_NAMES)


_OUTLIER, _OUTLIER_NAMES = ("#8a8f99", "#e8590c"), ("Familiar", "Outlier")

_COLOUR_BYS = (
    ColourBy(CLUSTER, "Cluster", _by_cluster, follows_palette=True),
    ColourBy("confidence", "Confidence", lambda run, _: scale(run.confidence)),
    ColourBy("distance", "Distance", _by_distance, lambda run: run.distance is not None),
    ColourBy("outlier", "Outlier", _by_outlier, lambda run: run.outlier is not None),
    ColourBy("slide", "Slide", _by_slide, lambda run: len(run.slides) > 1),
)
COLOUR_BYS: dict[str, ColourBy] = {by.name: by for by in _COLOUR_BYS}
"""What the patches of any run can be coloured by; the stains of a run come after."""

# Percentiles over a million patches take 40 ms, and every view asks.
_COMPUTED: WeakKeyDictionary[Run, dict[str, Colouring]] = WeakKeyDictionary()


def colour_bys(run: Run | None) -> dict[str, ColourBy]:
    """Return what this run can be coloured by, by name; nothing without a run."""
    if run is None:
        return {}
    offered = {name: by for name, by in COLOUR_BYS.items() if by.is_offered(run)}
    return offered | {stain: _by_stain(stain) for stain in (() if run.stain_od is None else run.stains)}


def captions(run: Run | None) -> dict[str, str]:
    """Return the caption of everything that this run can be coloured by, by name."""
    return {name: by.caption for name, by in colour_bys(run).items()}


def colour(session: Session) -> Colouring:
    """Return the colours that the session asks for; those of an empty session are empty.

    Where the run has not what is asked for, they are those of the clusters.
    """
    run = session.scored_run
    if run is None:
        return Colouring(np.zeros(0, np.uint16), np.zeros((1, 4), np.float32))
    by = COLOUR_BYS.get(session.colour_by) or colour_bys(run).get(session.colour_by)  # stains are on the disk
    by = by if by is not None and by.is_offered(run) else COLOUR_BYS[CLUSTER]
    if by.follows_palette:
        return by.colours(run, session.palette)
    computed = _COMPUTED.setdefault(run, {})
    if by.name not in computed:
        computed[by.name] = by.colours(run, session.palette)
    return computed[by.name]


def _table(colours: tuple[str, ...]) -> NDArray[np.float32]:
    table = np.zeros((len(colours) + 1, 4), np.float32)
    for code, text in enumerate(colours, start=1):
        table[code] = (*rgb(text), 255)
    return table / np.float32(255)


def _viridis() -> tuple[str, ...]:
    """STEPS colours of matplotlib's viridis, whose lightness rises evenly."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return tuple(to_hex(c) for c in colormaps["viridis"](np.linspace(0, 1, STEPS)))
