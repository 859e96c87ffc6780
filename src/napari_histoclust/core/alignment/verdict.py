"""What is wrong with an alignment: which stain, how far, where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.alignment.regions import Regions

PLACES = (
    ("in the upper left", "at the top", "in the upper right"),
    ("at the left", "in the centre", "at the right"),
    ("in the lower left", "at the bottom", "in the lower right"),
)
# A place needs this many regions that tell a shift, and this share of them must agree with their median.
_LEAST_REGIONS, _AGREEING = 2, 0.6
_EVERYWHERE = 0.7
_MOST_PLACES = 3
_LOW_DICE = 0.6


@dataclass(frozen=True)
class PlaceShift:
    """The shift that the regions of one of nine places agree on, (y, x) in level-0 px."""

    place: str
    shift_px: tuple[float, float]

    @property
    def length_px(self) -> float:
        """Length of the shift in level-0 px."""
        return float(np.hypot(*self.shift_px))


def place_of(row: int, col: int, shape: tuple[int, int]) -> str:
    """Return in which ninth of the slide the middle of a region lies."""
    third = [min(2, int(3 * (place + 0.5) / count)) for place, count in zip((row, col), shape, strict=True)]
    return PLACES[third[0]][third[1]]


def place_shifts(regions: Regions, tolerance_px: float) -> tuple[PlaceShift, ...]:
    """Return the shift of each place whose regions agree on one, the largest first.

    Parameters
    ----------
    regions : Regions
    tolerance_px : float
        Regions agree that are this near to their median, in level-0 px, or to within a third of its length.
    """
    by_place: dict[str, list[NDArray[np.float64]]] = {}
    for row, col in np.argwhere(np.isfinite(regions.length_px)):
        by_place.setdefault(place_of(row, col, regions.shape), []).append(regions.shift_px[row, col])
    found = [
        PlaceShift(place, shift)
        for place, shifts in by_place.items()
        if (shift := _agreed(np.array(shifts), tolerance_px)) is not None
    ]
    return tuple(sorted(found, key=lambda one: -one.length_px))


def _agreed(shifts: NDArray[np.float64], tolerance_px: float) -> tuple[float, float] | None:
    if len(shifts) < _LEAST_REGIONS:
        return None
    y, x = (float(v) for v in np.median(shifts, axis=0))
    near = np.hypot(*(shifts - (y, x)).T) <= max(tolerance_px, np.hypot(y, x) / 3)
    return (y, x) if near.mean() >= _AGREEING else None


def warnings_for(
    stain: str,
    outline_dice: float,
    shift_px: tuple[float, float] | None,
    places: tuple[PlaceShift, ...],
    tolerated_px: float,
    um_per_px: float | None,
) -> tuple[str, ...]:
    """Return one sentence for each thing that seems wrong with a stain.

    Parameters
    ----------
    stain : str
    outline_dice : float
        Overlap of the tissue, 0..1.
    shift_px : (float, float) or None
        Shift (y, x) of the whole stain, level-0 px.
    places : tuple of PlaceShift
        The largest first.
    tolerated_px : float
        Shifts up to this are no matter.
    um_per_px : float or None
    """
    off = [place for place in places if place.length_px > tolerated_px]
    sentences = []
    if _is_off_as_a_whole(shift_px, places, off, tolerated_px):
        shift = shift_px if shift_px is not None else _mean(off)
        sentences.append(
            f"{stain} is off by about {length_in_words(float(np.hypot(*shift)), um_per_px)} everywhere, and "
            f"would lie best {direction(shift)}: register the stains first."
        )
    elif shift_px is None and not places:
        sentences.append(
            f"{stain} is too unlike the reference to tell whether it lies on it (other tissue, mirrored, or "
            "too little structure): undecided, look at both."
        )
    elif off:
        named = [f"{length_in_words(p.length_px, um_per_px)} {p.place}" for p in off[:_MOST_PLACES]]
        sentences.append(f"{stain} is off by about {_joined(named)}.")
    if outline_dice < _LOW_DICE:
        sentences.append(
            f"{stain} covers the reference's tissue badly (overlap {outline_dice:.2f}): look at both."
        )
    return tuple(sentences)


def _is_off_as_a_whole(
    shift_px: tuple[float, float] | None,
    places: tuple[PlaceShift, ...],
    off: list[PlaceShift],
    tolerated_px: float,
) -> bool:
    """Whether most places are off, or where no place says anything, the whole is."""
    if len(places) < 2:
        return shift_px is not None and float(np.hypot(*shift_px)) > tolerated_px
    whole = _mean(list(places))
    alike = [
        p for p in off if np.hypot(*np.subtract(p.shift_px, whole)) <= max(tolerated_px, p.length_px / 3)
    ]
    return len(alike) >= _EVERYWHERE * len(places) and float(np.hypot(*whole)) > tolerated_px


def _mean(places: list[PlaceShift]) -> tuple[float, float]:
    y, x = np.median([place.shift_px for place in places], axis=0)
    return float(y), float(x)


def direction(shift_px: tuple[float, float]) -> str:
    """Say which way a stain would have to be moved: "14 px down and 3 px left"."""
    y, x = shift_px
    parts = [
        f"{abs(value):.0f} px {after if value > 0 else before}"
        for value, before, after in ((y, "up", "down"), (x, "left", "right"))
        if abs(value) >= 0.5
    ]
    return " and ".join(parts) or "where it is"


def length_in_words(length_px: float, um_per_px: float | None) -> str:
    """Write a length in px, and in um where the scale is known: "14 px (7 µm)"."""
    text = f"{length_px:.0f} px"
    if um_per_px is None:
        return text
    length = length_px * um_per_px
    return f"{text} ({length:.0f} µm)" if length >= 2 else f"{text} ({length:.1f} µm)"


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
