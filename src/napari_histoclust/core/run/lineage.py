"""What a person has said of clusters, carried along K: one that splits keeps name and hue in its parts.

Cluster numbers go on from K to K (`core/model/solutions.py`). What was said of a number at one K holds for it
at every K, and for the parts that split off from it at larger ones: "Liver" at K = 9 is "Liver" and
"Liver b" at K = 12. All follows from what was said and from K alone, whichever way the slider went.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from napari_histoclust.core.palette import Cluster, shade

What = Literal["name", "colour", "hidden", "artefact"]


@dataclass(frozen=True)
class Said:
    """One thing that was said of a cluster.

    Parameters
    ----------
    number : int
        The cluster's.
    k : int
        Number of clusters at which it was said.
    what : str
        "name", "colour", "hidden" or "artefact".
    value : str or bool
        A text for the first two, else whether it is so.
    """

    number: int
    k: int
    what: What
    value: str | bool


@dataclass(frozen=True)
class Looks:
    """How clusters 1..K look; position i belongs to number i + 1."""

    names: tuple[str, ...]
    colours: tuple[str, ...]
    hidden: frozenset[int]
    artefacts: frozenset[int]


class Lineage:
    """The clusters of a run for every K, and how they look.

    Parameters
    ----------
    clusters : sequence of Cluster
        Those of the run's own K, in order; they are told apart by their colours. The further ones that only
        larger K have are shades of those they come from.
    parents : mapping of int to int
        The number from which each number took most of its patches when it first appeared.
    """

    def __init__(self, clusters: Sequence[Cluster], parents: Mapping[int, int]) -> None:
        self._own, self._parents = tuple(clusters), parents

    def looks(self, k: int, said: Sequence[Said]) -> Looks:
        """Return how the clusters look for K = `k` after all that was said."""
        spoken = _Spoken(said, self._parents)
        numbers = range(1, k + 1)
        return Looks(
            self._names(k, spoken),
            tuple(self._colour(number, spoken) for number in numbers),
            frozenset(number for number in numbers if spoken.is_so(number, "hidden")),
            frozenset(number for number in numbers if spoken.is_so(number, "artefact")),
        )

    def heard(self, k: int, said: Sequence[Said], now: Looks) -> tuple[Said, ...]:
        """Return what was said once that is added by which the clusters look `now`, at K = `k`.

        Whoever names a cluster means its colour too, so that its parts will keep both.
        """
        known = {(one.number, one.what): one for one in said}
        for is_first in (True, False):  # what is said of one may take from another what it had from that one
            before = self.looks(k, tuple(known.values()))
            for number in range(1, k + 1):
                for what, look in _LOOKS.items():
                    if look(now, number) != look(before, number):
                        known[number, what] = Said(number, k, what, look(now, number))
                        if what == "name" and is_first:
                            known.setdefault(
                                (number, "colour"), Said(number, k, "colour", now.colours[number - 1])
                            )
        return tuple(known[key] for key in sorted(known))

    def _names(self, k: int, spoken: _Spoken) -> tuple[str, ...]:
        """Names, no two alike: those that were typed stay as they are."""
        names = {number: spoken.value(number, "name") for number in range(1, k + 1)}
        taken = {str(name) for name in names.values() if name is not None}
        for number, name in names.items():
            if name is None:
                names[number] = _free(self._default_name(number, spoken), taken)
                taken.add(str(names[number]))
        return tuple(map(str, names.values()))

    def _default_name(self, number: int, spoken: _Spoken) -> str:
        """Return "Liver b" for a part of what is called Liver."""
        origin = spoken.origin(number, "name")
        if origin is not None:
            return f"{origin.value} {part_letter(1 + self._place(number, origin.number, origin.k))}"
        return self._own[number - 1].name if number <= len(self._own) else f"Cluster {number}"

    def _colour(self, number: int, spoken: _Spoken) -> str:
        """Return the colour that was given, a shade of what it is a part of, or that of the run."""
        origin = spoken.origin(number, "colour")
        if origin is not None and origin.number == number:
            return str(origin.value)
        if origin is not None:
            return shade(str(origin.value), self._place(number, origin.number, origin.k))
        if number <= len(self._own):
            return self._own[number - 1].colour
        root = next(n for n in self._line(number) if n <= len(self._own))
        return shade(self._colour(root, spoken), self._place(number, root, len(self._own)))

    def _line(self, number: int) -> Iterator[int]:
        """Yield a number, the one that it comes from, and so on."""
        at: int | None = number
        while at is not None:
            yield at
            at = self._parents.get(at)

    def _place(self, number: int, origin: int, k: int) -> int:
        """Return 1 for the first part that splits off from a cluster above K = `k`, 2 for the next."""
        return 1 + sum(n < number and self._is_part(n, origin, k) for n in self._parents)

    def _is_part(self, number: int, origin: int, k: int) -> bool:
        return any(before == origin and after > k for after, before in pairwise(self._line(number)))


class _Spoken:
    """All that was said, by number."""

    def __init__(self, said: Sequence[Said], parents: Mapping[int, int]) -> None:
        self._said = {(one.number, one.what): one for one in said}
        self._parents = parents

    def value(self, number: int, what: What) -> str | bool | None:
        """What was said of this very number."""
        one = self._said.get((number, what))
        return None if one is None else one.value

    def origin(self, number: int, what: What) -> Said | None:
        """Return what was said of a number, or of one it comes from and that holds for it.

        What was said at a K holds for the parts that appear at larger ones only: at that K the others were
        clusters of their own, in sight.
        """
        if (number, what) in self._said:
            return self._said[number, what]
        while number in self._parents:
            part, number = number, self._parents[number]
            one = self._said.get((number, what))
            if one is not None and one.k < part:
                return one
        return None

    def is_so(self, number: int, what: What) -> bool:
        """Whether it was said, and not taken back."""
        origin = self.origin(number, what)
        return origin is not None and bool(origin.value)


_LOOKS: dict[What, Callable[[Looks, int], str | bool]] = {
    "name": lambda looks, number: looks.names[number - 1],
    "colour": lambda looks, number: looks.colours[number - 1],
    "hidden": lambda looks, number: number in looks.hidden,
    "artefact": lambda looks, number: number in looks.artefacts,
}


def _free(name: str, taken: set[str]) -> str:
    wanted, further = name, 2
    while wanted in taken:
        wanted, further = f"{name} {further}", further + 1
    return wanted


def part_letter(place: int) -> str:
    """Return "a" for 1 to "z", then numbers."""
    return chr(ord("a") + place - 1) if place <= 26 else str(place)
