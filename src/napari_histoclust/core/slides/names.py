"""Stains by name: what a file calls them, and what the program calls them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

_WORD = re.compile(r"[^\W_]+")

# Order of the published channels; other stains follow by alphabet.
PUBLISHED = ("HE", "CD31", "CK19", "Ki67", "MT")

_SPELLINGS: dict[str, tuple[str, ...]] = {
    "HE": ("he", "hande", "hae", "haematoxylineosin", "hematoxylineosin", "haematoxylinandeosin"),
    "MT": ("mt", "mtc", "masson", "massons", "massontrichrome", "massonstrichrome", "trichrome"),
    "PAS": ("pas", "periodicacidschiff"),
    "PAS-D": ("pasd", "dpas", "pasdiastase"),
    "AB-PAS": ("abpas", "pasab", "alcianbluepas", "pasalcianblue"),
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
    "aSMA": ("asma", "sma", "alphasma", "smaalpha", "αsma", "acta2"),
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
        f"CD{n}": (f"cd{n}".lower(),)
        for n in (
            "45RA",
            "45RO",
            3,
            4,
            8,
            10,
            11,
            14,
            15,
            19,
            20,
            21,
            23,
            34,
            38,
            44,
            45,
            56,
            68,
            105,
            138,
            163,
        )
    },
}
_STAIN_OF = {spelling: stain for stain, spellings in _SPELLINGS.items() for spelling in spellings}
_LONGEST_RUN = 4
# An antibody with one of these behind it is another one: the receptors ER-alpha and ER-beta.
_GREEK = frozenset(("alpha", "beta", "gamma", "delta", "epsilon", "zeta"))
_NO_ANTIBODY = frozenset(("HE", "MT", "PAS", "PAS-D", "AB-PAS", "PSR", "AlcianBlue", "EVG", "DAPI"))
# Pictures that lie beside the stains and are none.
_NO_STAIN = frozenset(
    (
        *("mask", "masks", "maske", "masken", "truth", "groundtruth", "label", "labels"),
        *("annotation", "annotations", "annot", "roi", "rois", "outlines", "contours"),
        *("seg", "segm", "segmentation", "segmentations", "segmented", "binary", "probabilities", "heatmap"),
        *("thumbnail", "thumb", "overview", "preview", "macro", "montage", "contact", "screenshot"),
        *("landmarks", "overlay"),
    )
)


def _words(text: str) -> list[str]:
    """Runs of letters and digits of any script; a letter and its accent are one sign."""
    return [match.group() for match in _WORD.finditer(unicodedata.normalize("NFC", text))]


def recognise_stain(text: str) -> str | None:
    """Return the stain that a file or channel name speaks of, None where it speaks of none we know.

    Case and punctuation are ignored: "H&E", "H-E" and "he" are HE. The longest spelling wins, then the last.
    """
    words = [word.lower() for word in _words(text)]
    for length in range(_LONGEST_RUN, 0, -1):
        for start in range(len(words) - length, -1, -1):
            stain = _known("".join(words[start : start + length]))
            if stain is not None:
                return stain + _variant(stain, words[start + length :])
    return None


def _known(run: str) -> str | None:
    """Return the stain of a run of words; an antibody with a Greek letter at its end keeps it."""
    stain = _STAIN_OF.get(run)
    if stain is not None or not _is_greek(run[-1:]):
        return stain
    stain = _STAIN_OF.get(run[:-1])
    return None if stain in _NO_ANTIBODY or stain is None else stain + run[-1]


def _variant(stain: str, rest: Sequence[str]) -> str:
    """What the word behind an antibody adds to its name: "-alpha", or nothing."""
    is_variant = stain not in _NO_ANTIBODY and rest and (rest[0] in _GREEK or _is_greek(rest[0]))
    return f"-{rest[0]}" if is_variant else ""


def _is_greek(word: str) -> bool:
    return len(word) == 1 and unicodedata.name(word, "").startswith("GREEK")


def canonical_stain(name: str) -> str:
    """Return our spelling of a stain that is given by itself; an unknown name stays as it is."""
    return _STAIN_OF.get("".join(_words(name)).lower(), unicodedata.normalize("NFC", name.strip()))


def is_no_stain(stem: str) -> bool:
    """Whether a file name says that the picture is a mask, a label image, an overview or the like."""
    return any(word.lower() in _NO_STAIN for word in _words(stem))


def differing_parts(stems: Sequence[str]) -> list[str]:
    """Return what is left of each name when the words that all share at both ends are taken off.

    >>> differing_parts(["a_lung_X1_10x", "a_lung_Y_10x"])
    ['X1', 'Y']
    """
    texts = [unicodedata.normalize("NFC", stem) for stem in stems]
    matches = [list(_WORD.finditer(text)) for text in texts]
    words = [[match.group() for match in found] for found in matches]
    start = _shared(words)
    # "catenin" is a name too beside "β-catenin": no name is taken off whole
    end = min(_shared([part[start:][::-1] for part in words]), max(0, min(map(len, words)) - start - 1))
    parts = [found[start : len(found) - end] for found in matches]
    return [
        text[own[0].start() : own[-1].end()] if own else text for own, text in zip(parts, texts, strict=True)
    ]


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


def stem(path: Path) -> str:
    """Return the file's name without .tif, .ome.tif and their like."""
    return path.name.split(".ome.")[0] if ".ome." in path.name.lower() else path.stem
