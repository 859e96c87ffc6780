"""Stains by name: what a file calls them, and what the program calls them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from napari_histoclust.core.errors import HistoclustError

# Order of the published channels; other stains follow by alphabet.
PUBLISHED = ("HE", "CD31", "CK19", "Ki67", "MT")

_SPELLINGS: dict[str, tuple[str, ...]] = {
    "HE": ("he", "hande", "hae", "haematoxylineosin", "hematoxylineosin", "haematoxylinandeosin"),
    "MT": ("mt", "mtc", "masson", "massons", "massontrichrome", "massonstrichrome", "trichrome"),
    "PAS": ("pas", "periodicacidschiff"),
    "PSR": ("psr", "siriusred", "picrosiriusred"),
    "AlcianBlue": ("alcianblue", "alcian"),
    "EVG": ("evg", "elastica", "vangieson"),
    "Ki67": ("ki67", "mib1"),
    "CK19": ("ck19", "krt19", "cytokeratin19"),
    "CK7": ("ck7", "krt7", "cytokeratin7"),
    "panCK": ("panck", "pancytokeratin"),
    "CD31": ("cd31", "pecam1", "pecam"),
    "proSPC": ("prospc", "spc", "sftpc"),
    "CC10": ("cc10", "ccsp", "scgb1a1"),
    "aSMA": ("asma", "sma", "alphasma", "acta2"),
    "PDL1": ("pdl1", "cd274"),
    "PD1": ("pd1", "pdcd1"),
    "FoxP3": ("foxp3",),
    "Her2": ("her2", "erbb2"),
    "ER": ("er", "esr1"),
    "PR": ("pr", "pgr"),
    "p53": ("p53", "tp53"),
    "Caspase3": ("caspase3", "casp3", "cleavedcaspase3"),
    "DAPI": ("dapi",),
    **{
        f"CD{n}": (f"cd{n}",)
        for n in (3, 4, 8, 10, 11, 14, 15, 19, 20, 21, 23, 34, 38, 44, 45, 56, 68, 105, 138, 163)
    },
}
_STAIN_OF = {spelling: stain for stain, spellings in _SPELLINGS.items() for spelling in spellings}
_LONGEST_RUN = 4
# Pictures that lie beside the stains and are none.
_NO_STAIN = frozenset(
    (
        *("mask", "masks", "truth", "groundtruth", "label", "labels", "annotation", "annotations"),
        *(
            "thumbnail",
            "thumb",
            "overview",
            "preview",
            "macro",
            "montage",
            "contact",
            "screenshot",
            "landmarks",
        ),
    )
)

# Channels that make up one RGB picture, and names that say nothing.
_COLOUR = re.compile(r"(?:^|[\s_\-.:(\[]+)(?:red|green|blue|r|g|b)[)\]]*$", re.IGNORECASE)
_PLAIN = re.compile(r"^(channel|ch|c)?[\s_:\-]*\d*(:\d+)*$", re.IGNORECASE)


def _words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z0-9]+", text)


def recognise_stain(text: str) -> str | None:
    """Return the stain that a file or channel name speaks of, None where it speaks of none we know.

    Case and punctuation are ignored: "H&E", "H-E" and "he" are HE. The longest spelling wins, then the last.
    """
    words = [word.lower() for word in _words(text)]
    for length in range(_LONGEST_RUN, 0, -1):
        for start in range(len(words) - length, -1, -1):
            stain = _STAIN_OF.get("".join(words[start : start + length]))
            if stain is not None:
                return stain
    return None


def canonical_stain(name: str) -> str:
    """Return our spelling of a stain that is given by itself; an unknown name stays as it is."""
    return _STAIN_OF.get("".join(_words(name)).lower(), name.strip())


def is_no_stain(stem: str) -> bool:
    """Whether a file name says that the picture is a mask, a label image, an overview or the like."""
    return any(word.lower() in _NO_STAIN for word in _words(stem))


def differing_parts(stems: Sequence[str]) -> list[str]:
    """Return what is left of each name when the words that all share at both ends are taken off.

    >>> differing_parts(["a_lung_X1_10x", "a_lung_Y_10x"])
    ['X1', 'Y']
    """
    words = [_words(stem) for stem in stems]
    start = _shared(words)
    rest = [part[start:] for part in words]
    end = _shared([part[::-1] for part in rest])
    return ["_".join(part[: len(part) - end]) or stem for part, stem in zip(rest, stems, strict=True)]


def _shared(words: Sequence[Sequence[str]]) -> int:
    """Number of leading words that all lists have in common."""
    if len(words) < 2:
        return 0
    return next(
        (k for k, column in enumerate(zip(*words, strict=False)) if len(set(column)) > 1),
        min(len(part) for part in words),
    )


def in_order(stains: Iterable[str]) -> tuple[str, ...]:
    """Sort stains: the published ones in their order, then the others by alphabet."""
    rank = {stain: place for place, stain in enumerate(PUBLISHED)}
    return tuple(sorted(stains, key=lambda stain: (rank.get(stain, len(rank)), stain.lower(), stain)))


def group_channels(
    path: Path, count: int, names: Sequence[str], *, grey: bool
) -> list[tuple[str, tuple[int, ...]]]:
    """Group channels into pictures.

    Parameters
    ----------
    path : Path
        The file, for the error.
    count : int
        Number of channels.
    names : sequence of str
        Their names as far as the file states them.
    grey : bool
        Whether a channel is one grey plane; otherwise each is an RGB picture already.

    Returns
    -------
    list of (name, channel numbers)
        One entry a picture; the name is empty where there is one picture alone.

    Raises
    ------
    HistoclustError
        If there are several channels and no names to tell them apart.
    """
    stated = [name.strip() for name in names]
    named = len(stated) == count and not any(_PLAIN.match(name) for name in stated)
    if count == 1:
        return [("" if not named else stated[0], (0,))]
    if grey and count % 3 == 0 and (triples := _triples(stated if named else [], count)):
        return triples
    if not named:
        raise HistoclustError(
            f"{path}: has {count} channels but no channel names, so the stains are unknown: name the "
            "channels or save one file a stain."
        )
    return [(name, (channel,)) for channel, name in enumerate(stated)]


def _triples(names: Sequence[str], count: int) -> list[tuple[str, tuple[int, ...]]]:
    """Pictures of three channels each: names that differ in red, green, blue alone, or not at all."""
    if not names:
        return [("", (0, 1, 2))] if count == 3 else []
    stems = [_COLOUR.sub("", name) for name in names]
    groups = [stems[start : start + 3] for start in range(0, count, 3)]
    if any(len(set(group)) > 1 for group in groups) or len({group[0] for group in groups}) < len(groups):
        return []
    return [(group[0], (3 * k, 3 * k + 1, 3 * k + 2)) for k, group in enumerate(groups)]


def stem(path: Path) -> str:
    """Return the file's name without .tif, .ome.tif and their like."""
    return path.name.split(".ome.")[0] if ".ome." in path.name.lower() else path.stem
