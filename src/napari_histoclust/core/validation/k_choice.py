"""The figures of a comparison of numbers of clusters, as a table and in words."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import combinations
from types import MappingProxyType
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.validation.baseline import agreement
from napari_histoclust.core.validation.k_range import KRange, find_range
from napari_histoclust.core.validation.measures import (
    CLUSTERS_USED,
    INDICES,
    REPEATS,
    STABILITY,
    measures,
)

Series = Literal["own", "common", "kmeans", "null", "shuffled"]
SERIES: Mapping[Series, str] = MappingProxyType(
    {
        "own": "our models, each in its own latent (as the paper; not comparable between K)",
        "common": "our models, in one space common to all",
        "kmeans": "k-means in the common space",
        "null": "k-means on structureless points of the same spread",
        "shuffled": "the same patches at shuffled places, all else as in our models",
    }
)
FORMAT = 1
_REPEATED = frozenset(measure.name for measure in REPEATS)


@dataclass(frozen=True, eq=False)
class Clustering:
    """One clustering of the compared patches.

    Parameters
    ----------
    k, seed : int
        Clusters asked for, and the seed.
    labels : (n,) integers
    values : mapping of Series to (mapping of index name to float or None)
        Indices, for each series that this clustering belongs to.
    repeats : mapping of Series to (mapping of measure name to list of float)
        What was measured several times on this clustering: on halves and bootstraps of the tissue.
    """

    k: int
    seed: int
    labels: NDArray[np.integer]
    values: Mapping[Series, Mapping[str, float | None]]
    repeats: Mapping[Series, Mapping[str, Sequence[float]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """One line of the table: a measure at one K, over the seeds.

    Parameters
    ----------
    k : int
    series : Series
    measure : str
        An index, "clusters_used" (clusters that hold a patch) or "stability" (adjusted Rand index between two
        seeds, over all pairs of seeds).
    mean, spread : float or None
        Over the seeds, and over the divisions of the tissue, where it is defined; the spread is the standard
        deviation (n-1), None for one value.
    count : int
        Values that it is the mean of.
    """

    k: int
    series: Series
    measure: str
    mean: float | None
    spread: float | None
    count: int


@dataclass(frozen=True)
class KChoice:
    """A comparison of numbers of clusters.

    Parameters
    ----------
    ks, seeds : tuple of int
    patches : int
    figures : tuple of Figure
        By series, measure and K.
    details : mapping
        Settings and descriptions that go into the document.
    """

    ks: tuple[int, ...]
    seeds: tuple[int, ...]
    patches: int
    figures: tuple[Figure, ...]
    details: Mapping[str, Any] = field(default_factory=dict)

    def curve(self, series: Series, measure: str) -> tuple[Figure, ...]:
        """Figures of one measure over K."""
        return tuple(f for f in self.figures if (f.series, f.measure) == (series, measure))

    def best(self, measure: str, series: Series = "common") -> tuple[int, tuple[int, ...]] | None:
        """K with the best mean, and the Ks whose mean is within one spread of it (as the seeds scatter)."""
        known = [f for f in self.curve(series, measure) if f.mean is not None]
        if not known:
            return None
        sign = 1 if measures()[measure].better == "high" else -1
        means = {f.k: sign * (f.mean or 0.0) for f in known}
        top = max(known, key=lambda f: means[f.k])
        near = tuple(k for k, mean in means.items() if mean >= means[top.k] - (top.spread or 0.0))
        return top.k, near

    @cached_property
    def range(self) -> KRange | None:
        """The numbers of clusters that the tissue bears; None where each K has a space of its own."""
        return find_range(lambda series, measure: self.curve(cast("Series", series), measure))

    @property
    def sentence(self) -> str:
        """What the figures say, in words, and what they do not."""
        borne = "" if self.range is None else self.range.sentence
        parts = (borne, self._favoured(), self._spread(), self._stable(), self._unused(), CAUTION)
        return " ".join(part for part in parts if part)

    def _favoured(self) -> str:
        best = {name: found for name in INDICES if (found := self.best(name))}
        named = ", ".join(f"{name} {found[0]}" for name, found in best.items())
        return f"In the common space the best K is, by index: {named or 'undefined for all'}."

    def _stable(self) -> str:
        found = self.best(STABILITY.name)
        if found is None:
            return "With one seed nothing is known of how stable the clusters are: give more seeds."
        at = {f.k: f.mean for f in self.curve("common", STABILITY.name)}
        null = {f.k: f.mean for f in self.curve("null", STABILITY.name)}
        k = found[0]
        return (
            f"Models of different seeds agree most at K = {k} (mean adjusted Rand index {at[k]:.2f}; k-means "
            f"on structureless points reaches {round(null.get(k) or 0.0, 2) + 0.0:.2f} there)."
        )

    def _spread(self) -> str:
        if len(self.seeds) < 2 or len(self.ks) < 2:
            return ""
        blurred = [name for name in INDICES if (found := self.best(name)) and len(found[1]) > 1]
        if not blurred:
            return ""
        return f"Other Ks lie within the spread of the seeds for {', '.join(blurred)}, which decide nothing."

    def _unused(self) -> str:
        used = self.curve("common", CLUSTERS_USED.name)
        few = [f"{f.mean:.3g} of {f.k}" for f in used if f.mean is not None and f.mean < f.k]
        return f"Not all clusters hold a patch: {', '.join(few)} do in the mean of the seeds." if few else ""

    def document(self) -> dict[str, Any]:
        """What choose_k.json holds and `choose-k --json` prints."""
        return {
            "format": FORMAT,
            "ks": list(self.ks),
            "seeds": list(self.seeds),
            "patches": self.patches,
            "sentence": self.sentence,
            **({} if self.range is None else {"range": self.range.document()}),
            "series": dict(SERIES),
            **self.details,
            "figures": [asdict(f) for f in self.figures],
        }

    def table(self) -> str:
        """What choose_k.csv holds: one line a K, series and measure; undefined cells are empty."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["series", "measure", "k", "mean", "spread", "count"])
        writer.writerows([f.series, f.measure, f.k, f.mean, f.spread, f.count] for f in self.figures)
        return text.getvalue()


CAUTION = (
    "These figures tell how compact, how separate and how repeatable the clusters are in colour, contrast "
    "and texture; they do not tell how many kinds of tissue there are: several indices lean to few or many "
    "clusters by their construction, so compare each curve with k-means and with the structureless points "
    "at the same K, and look at the clusters before choosing."
)


def summarise(clusterings: Sequence[Clustering]) -> tuple[Figure, ...]:
    """Mean and spread over the seeds of all measures, by series, measure and K."""
    figures = []
    ks = sorted({c.k for c in clusterings})
    for series in SERIES:
        inside = [c for c in clusterings if series in c.values or series in c.repeats]
        by_k = {k: [c for c in inside if c.k == k] for k in ks}
        for measure in measures():
            if (series, measure) == ("own", STABILITY.name):
                continue  # labels are the same as in the common space
            if not _is_measured(inside, series, measure):
                continue
            figures += [_figure(k, series, measure, _values(by_k[k], series, measure)) for k in ks if by_k[k]]
    return tuple(figures)


def _is_measured(clusterings: Sequence[Clustering], series: Series, measure: str) -> bool:
    """Whether the series has this measure at all, be it undefined."""
    if measure in _REPEATED:
        return any(measure in c.repeats.get(series, ()) for c in clusterings)
    return measure not in INDICES or any(series in c.values for c in clusterings)


def _values(clusterings: Sequence[Clustering], series: Series, measure: str) -> list[float]:
    if measure in _REPEATED:
        return [value for c in clusterings for value in c.repeats.get(series, {}).get(measure, ())]
    if measure == STABILITY.name:
        pairs = combinations([c.labels for c in clusterings], 2)
        return [agreement(first, second).adjusted_rand for first, second in pairs]
    if measure == CLUSTERS_USED.name:
        return [float(len(np.unique(c.labels))) for c in clusterings]
    return [value for c in clusterings if (value := c.values.get(series, {}).get(measure)) is not None]


def _figure(k: int, series: Series, measure: str, values: Iterable[float]) -> Figure:
    array = np.array(list(values), np.float64)
    mean = float(array.mean()) if len(array) else None
    spread = float(array.std(ddof=1)) if len(array) > 1 else None
    return Figure(k, series, measure, mean, spread, len(array))
