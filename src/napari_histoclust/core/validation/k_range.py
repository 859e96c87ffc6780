"""Which numbers of clusters a tissue bears, with the reasons in words; the user decides by looking.

The rule and how its thresholds were found: docs/decisions/0019-a-range-of-k.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from napari_histoclust.core.validation.measures import BITS, FOUND_AGAIN, HALVES, STABILITY

if TYPE_CHECKING:
    from napari_histoclust.core.validation.k_choice import Figure

Curves = Callable[[str, str], "Sequence[Figure]"]
"""Returns the figures of a series and a measure over K."""


class Usual(NamedTuple):
    """What is compared where the user does not say it.

    Attributes
    ----------
    ks : range
    seeds : int
    """

    ks: range
    seeds: int


USUAL = {"autoencoder": Usual(range(8, 19), 5), "neighbours": Usual(range(2, 21), 3)}
"""By the method of `FitSettings`: a model for each number costs hours, a number in one space seconds."""

LEAST_BITS = 0.25
"""Below it neighbours share too little to speak of tissues."""

MOST = 0.5
"""Share of the clusters that must be found again in the other half of the tissue."""

MODERATE = 0.65
"""Adjusted Rand index below which two clusterings agree poorly (Steinley, Psychological Methods 9, 2004)."""

COARSE = 0.5
"""Share of the best number's bits below which a number of clusters is too coarse."""


@dataclass(frozen=True)
class At:
    """What is known at one number of clusters.

    Parameters
    ----------
    k : int
    bits : float
        What a patch's cluster tells of the patch beside it.
    bits_by_chance : float
        The same at shuffled places, its spread added.
    halves, halves_by_chance : float
        Agreement of two halves: of the tissue, and of structureless points with its spread added.
    found : float
        Clusters found in both halves.
    seeds : float or None
        Agreement of encoders trained anew; None for one seed.
    """

    k: int
    bits: float
    bits_by_chance: float
    halves: float
    halves_by_chance: float
    found: float
    seeds: float | None

    @property
    def has_structure(self) -> bool:
        """Whether the clusters lie in patches that touch, in tissue that taught nothing."""
        return self.bits >= LEAST_BITS and self.bits > self.bits_by_chance

    @property
    def comes_back(self) -> bool:
        """Whether most clusters are found again, and halves and seeds agree at least moderately."""
        return self.found > MOST * self.k and self.agree >= MODERATE and self.halves > self.halves_by_chance

    @property
    def agree(self) -> float:
        """Agreement of halves, or of encoders trained anew where that is less."""
        return self.halves if self.seeds is None else min(self.halves, self.seeds)

    @property
    def repeated_bits(self) -> float:
        """Bits, times the share of the clusters that are found again: what a start is suggested by."""
        return self.bits * self.found / self.k


@dataclass(frozen=True)
class KRange:
    """The numbers of clusters that a tissue bears.

    Parameters
    ----------
    first, last : int or None
        None where no number does.
    suggested : int or None
        Where to begin looking: the number whose repeated clusters tell most.
    weak : tuple of int
        Numbers between that do not stand by themselves.
    sentence : str
        The range and its reasons.
    """

    first: int | None
    last: int | None
    suggested: int | None
    weak: tuple[int, ...]
    sentence: str

    def document(self) -> dict[str, Any]:
        """What choose_k.json holds of it."""
        return asdict(self)


def find_range(curves: Curves) -> KRange | None:
    """Return the numbers of clusters that stand; None where nothing was measured that could tell.

    A number stands where (1) a patch's cluster tells of the patch beside it, in tissue that taught nothing
    and more than at shuffled places, and (2) most clusters of one half of the tissue are found in the other,
    and the halves, and encoders trained anew, agree at least moderately, the halves also better than those
    of structureless points. The longest run of such numbers is the range; one number that fails amid others
    is bridged and named. Numbers that tell less than half as much as the best of the run are cut off below.
    """
    table = _table(curves)
    if not table:
        return None
    structured = [at for at in table if at.has_structure]
    if not structured:
        return KRange(None, None, None, (), _no_structure(table))
    run = _longest_run(table)
    if not run:
        return KRange(None, None, None, (), _nothing_comes_back(table))
    enough = COARSE * max(at.bits for at in run)
    kept = [at for at in run if at.bits >= enough]
    kept = kept[next(i for i, at in enumerate(kept) if at.comes_back) :]
    weak = tuple(at.k for at in kept if not at.comes_back)
    suggested = max((at for at in kept if at.comes_back), key=lambda at: at.repeated_bits).k
    return KRange(kept[0].k, kept[-1].k, suggested, weak, _reasons(table, kept, weak, suggested))


def _table(curves: Curves) -> list[At]:
    def means(series: str, measure: str, spreads: int = 0) -> dict[int, float]:
        known = (f for f in curves(series, measure) if f.mean is not None)
        return {f.k: (f.mean or 0.0) + spreads * (f.spread or 0.0) for f in known}

    bits, halves, found = (means("common", measure.name) for measure in (BITS, HALVES, FOUND_AGAIN))
    shuffled, structureless = means("shuffled", BITS.name, spreads=1), means("null", HALVES.name, spreads=1)
    anew = means("common", STABILITY.name)
    ks = sorted(set(bits) & set(halves) & set(found) & set(shuffled) & set(structureless))
    return [At(k, bits[k], shuffled[k], halves[k], structureless[k], found[k], anew.get(k)) for k in ks]


def _longest_run(table: Sequence[At]) -> list[At]:
    """Return the longest run of numbers that stand, the first of equals; a single failure is bridged."""
    stands = [at.has_structure and at.comes_back for at in table]
    for i in range(1, len(table) - 1):
        if not stands[i] and table[i].has_structure:
            stands[i] = table[i - 1].comes_back and table[i + 1].comes_back
    runs: list[list[At]] = [[]]
    for at, stand in zip(table, stands, strict=True):
        runs[-1].append(at) if stand else runs.append([])
    return max(runs, key=len)


def _no_structure(table: Sequence[At]) -> str:
    best = max(table, key=lambda at: at.bits)
    return (
        f"No structure: a patch's cluster tells next to nothing of the patch beside it ({best.bits:.2f} bits "
        f"at most, at K = {best.k}; tissue gives more than {LEAST_BITS:g}), so that no number of clusters "
        "can be right."
    )


def _nothing_comes_back(table: Sequence[At]) -> str:
    best = max(table, key=lambda at: at.found / at.k)
    return (
        "No number of clusters comes back: neighbouring patches are alike "
        f"({max(at.bits for at in table):.1f} bits), but of the clusters of one half of the tissue at best "
        f"{best.found:.1f} of {best.k} are found in the other one. More patches or more tissue may help."
    )


def _reasons(table: Sequence[At], kept: Sequence[At], weak: Sequence[int], suggested: int) -> str:
    first, last = kept[0], kept[-1]
    parts = [
        f"{named(first.k, last.k)}: two halves of the tissue agree on the patches "
        f"(adjusted Rand index {_span(at.halves for at in kept)}; of points without structure at most "
        f"{_span(at.halves_by_chance for at in kept)}), most clusters of one half are found in the other "
        f"({_found(kept)}), and a patch's cluster tells {_span((at.bits for at in kept), 1)} bits of the "
        f"patch beside it (at shuffled places at most {max(at.bits_by_chance for at in kept):.2f})."
    ]
    anew = [at.seeds for at in kept if at.seeds is not None]
    if anew:
        parts.append(f"Encoders trained anew agree {_span(anew)}.")
    if weak:
        parts.append(f"Less so {_listed(weak)}.")
    parts += [_below(table, first), _above(table, last)]
    parts.append(
        f"Begin with {suggested}, look at its neighbours in the range too, and decide by what you see."
    )
    return " ".join(part for part in parts if part)


def named(first: int, last: int) -> str:
    """Return a range in words."""
    return f"{first} clusters" if first == last else f"{first} to {last} clusters"


def _below(table: Sequence[At], first: At) -> str:
    below = [at for at in table if at.k < first.k]
    if not below:
        return ""
    nearest = below[-1]
    if nearest.has_structure and nearest.comes_back:
        return f"Fewer are steady but coarse: {nearest.k} clusters tell {nearest.bits:.1f} bits."
    return f"With {nearest.k}, {_why_not(nearest)}."


def _above(table: Sequence[At], last: At) -> str:
    above = [at for at in table if at.k > last.k]
    if not above:
        return f"{last.k} is the largest number that was asked for: the range may go on."
    return f"From {above[0].k} on {_why_not(above[0])}."


def _why_not(at: At) -> str:
    if not at.has_structure:
        return f"neighbours share only {at.bits:.2f} bits"
    if at.found <= MOST * at.k:
        return f"most clusters of one half are not found in the other ({at.found:.1f} of {at.k} are)"
    if at.halves < MODERATE:
        return f"the halves agree poorly ({at.halves:.2f})"
    if at.seeds is not None and at.seeds < MODERATE:
        return f"encoders trained anew agree poorly ({at.seeds:.2f})"
    agree = f"{at.halves:.2f}, {at.halves_by_chance:.2f}"
    return f"the halves agree no better than points without structure ({agree})"


def _span(values: Iterable[float], digits: int = 2) -> str:
    known = list(values)
    low, high = (f"{round(value, digits) + 0.0:.{digits}f}" for value in (min(known), max(known)))
    return low if low == high else f"{low} to {high}"


def _found(kept: Sequence[At]) -> str:
    texts = list(dict.fromkeys(f"{at.found:.1f} of {at.k}" for at in (kept[0], kept[-1])))
    return " to ".join(texts)


def _listed(ks: Sequence[int]) -> str:
    texts = [str(k) for k in ks]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
