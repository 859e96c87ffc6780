"""How far a slide lies from what a model has seen: how unlike its patches are, light, and strength of stains.

An encoder is taught to look past what differs from slide to slide, so that distances in its space say little:
the distance is that of `core/model/outliers.py`, which asks the calibrated pixels. A common patch of the
training slides has 1. n patches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

Float = NDArray[np.float64]
Band = tuple[float, float]

PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
"""Of the distances that a bundle keeps; the last is where "outside" begins."""

OUTSIDE = 0.05
"""Share of patches outside from which a slide is said to be: of the slides seen it is 0.01."""

FARTHER = 1.25
"""Median distance, in units of that seen, from which a slide is said to lie outside."""

_EASED = 0.1  # fall of the median distance, by which the stain that is left out is blamed
_LIGHT = 12.0  # grey levels of glass beyond those seen
_STRENGTH = 1.25  # ratio of a stain's strength to those seen


class Seen(BaseModel):
    """What a model's training slides were like.

    Attributes
    ----------
    distances : tuple of float
        The `PERCENTILES` of the distance of patches that did not train.
    without : dict of str to float
        Their median where a stain is not looked at, by stain.
    glass, strength : dict of str to (float, float)
        Smallest and largest of the slides, by stain: mean grey level of the glass, 0..255, and 90th
        percentile of the tissue's optical density above it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    distances: tuple[float, ...]
    without: dict[str, float] = {}
    glass: dict[str, Band] = {}
    strength: dict[str, Band] = {}

    @property
    def median(self) -> float:
        """The median distance."""
        return self.distances[PERCENTILES.index(50)]

    @property
    def border(self) -> float:
        """The distance from which on a patch lies outside."""
        return self.distances[-1]


@dataclass(frozen=True)
class Drift:
    """Where a slide lies.

    Parameters
    ----------
    slide : str
    patches : int
        That were looked at.
    outside : float
        Share of them that is farther than 99 % of those seen.
    farther : float
        Median distance, in units of the median seen.
    stains : tuple of str
        Those that differ, most first.
    notes : tuple of str
        One sentence each on light and stains.
    """

    slide: str
    patches: int
    outside: float
    farther: float
    stains: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_outside(self) -> bool:
        """Whether the slide lies outside what the model has seen."""
        return self.outside > OUTSIDE or self.farther > FARTHER

    @property
    def sentence(self) -> str:
        """What to tell of it."""
        if not self.is_outside:
            return f"{self.slide} lies within what the model has seen."
        because = f" Most in {' and '.join(self.stains)}." if self.stains else ""
        return (
            f"{self.slide} lies outside what the model has seen: {self.outside:.0%} of its patches look "
            "less like the training slides than 99 % of their own patches do (typically "
            f"{self.farther:.2g} times as unlike).{because} Look at its labels before using them, or train "
            "on such a slide too."
        )

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {**asdict(self), "is_outside": self.is_outside, "sentence": self.sentence}


def percentiles_of(distances: Float) -> tuple[float, ...]:
    """Return the `PERCENTILES` of (n,) distances."""
    return tuple(round(float(value), 4) for value in np.percentile(distances, PERCENTILES))


def drift_of(
    slide: str,
    distances: Float,
    seen: Seen,
    *,
    without: Mapping[str, float] | None = None,
    glass: Mapping[str, float] | None = None,
    strength: Mapping[str, float] | None = None,
) -> Drift:
    """Compare a slide with what was seen.

    Parameters
    ----------
    slide : str
        Its name.
    distances : (n,) float64
        Of its patches.
    seen : Seen
    without : Mapping of str to float, optional
        Median distance where a stain is not looked at, by stain.
    glass, strength : Mapping of str to float, optional
        The slide's calibration, by stain.
    """
    farther = float(np.median(distances)) / seen.median
    outside = float((distances > seen.border).mean())
    strengths = {s: _beyond(value, seen.strength[s]) for s, value in (strength or {}).items()}
    notes = [*_light_notes(glass or {}, seen), *_strength_notes(strengths)]
    blamed = _blamed(without or {}, seen, farther) if outside > OUTSIDE or farther > FARTHER else []
    return Drift(slide, len(distances), round(outside, 4), round(farther, 3), tuple(blamed), tuple(notes))


def _blamed(without: Mapping[str, float], seen: Seen, farther: float) -> list[str]:
    """Return the stains without which the slide lies nearer, compared with the slides seen, most first."""
    eased = {stain: farther - median / seen.without[stain] for stain, median in without.items()}
    return sorted((stain for stain, by in eased.items() if by > _EASED), key=lambda stain: -eased[stain])


def _beyond(value: float, band: Band) -> float:
    """Return the ratio of a value to the nearest of those seen; 1 inside."""
    return value / min(max(value, band[0]), band[1])


def _light_notes(glass: Mapping[str, float], seen: Seen) -> list[str]:
    off = {s: value - min(max(value, seen.glass[s][0]), seen.glass[s][1]) for s, value in glass.items()}
    others = [stain for stain, by in off.items() if abs(by) > _LIGHT]
    if not others:
        return []
    kinds = {"darker" if off[stain] < 0 else "brighter" for stain in others}
    return [
        f"The glass of {_listed(others)} is {' or '.join(sorted(kinds))} than on the training slides: the "
        "calibration takes it out."
    ]


def _strength_notes(ratios: Mapping[str, float]) -> list[str]:
    off = {s: ratio for s, ratio in ratios.items() if not 1 / _STRENGTH <= ratio <= _STRENGTH}
    return [
        f"{stain} is stained {ratio:.2g} times as strongly as on the training slides, which the calibration "
        "takes out as far as it is the stain."
        for stain, ratio in off.items()
    ]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
