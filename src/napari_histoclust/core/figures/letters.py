"""Letters that the usual font has not: Chinese, Japanese, Korean and others, from the fonts of the computer.

DejaVu Sans, which comes with matplotlib, has Latin, Greek and Cyrillic. For anything else the fonts that are
installed are looked through, the ones made for many scripts first; none is shipped, as they are 5 to 20 MB.
`doctor` says whether one was found.
"""

from __future__ import annotations

import logging
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

USUAL = "DejaVu Sans"
# Parts of names of families that have many letters; asked first, in this order.
_FIRST = (
    *("Noto Sans CJK", "Source Han Sans", "Droid Sans Fallback", "WenQuanYi", "Microsoft YaHei", "SimHei"),
    *(
        "PingFang",
        "Hiragino Sans",
        "Heiti",
        "Yu Gothic",
        "Meiryo",
        "MS Gothic",
        "Malgun",
        "Nanum",
        "Apple SD",
    ),
    *("Arial Unicode", "Noto Sans", "FreeSans", "Unifont"),
)
_MOST_FONTS = 400  # looked into, at about a millisecond each


@cache
def _letters_of(file: str) -> frozenset[int]:
    """Code points that a font file draws; none of a file that cannot be read."""
    from matplotlib.ft2font import FT2Font

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return frozenset(FT2Font(file).get_charmap())
    except (OSError, RuntimeError, ValueError):
        return frozenset()


@cache
def _usual() -> frozenset[int]:
    from matplotlib import get_data_path

    return _letters_of(str(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"))


@cache
def _installed() -> tuple[tuple[str, str], ...]:
    """Family and file of upright fonts, those of many scripts first."""
    from matplotlib import font_manager

    found = {
        (entry.name, entry.fname): _rank(entry.name)
        for entry in font_manager.fontManager.ttflist
        # a font of last resort has a sign for every letter, and it is a box
        if entry.style == "normal" and entry.name != USUAL and "last resort" not in entry.name.lower()
    }
    return tuple(sorted(found, key=lambda font: (found[font], font))[:_MOST_FONTS])


def _rank(family: str) -> int:
    return next((place for place, part in enumerate(_FIRST) if part in family), len(_FIRST))


def missing(text: str) -> frozenset[int]:
    """Return the code points of a text that the usual font does not draw."""
    return frozenset(ord(letter) for letter in text if letter.isprintable()) - _usual()


@cache
def fonts_for(wanted: frozenset[int]) -> tuple[tuple[str, str], ...]:
    """Return family and file of installed fonts that together draw as many of the code points as can be."""
    chosen: list[tuple[str, str]] = []
    left = wanted
    for font in _installed() if wanted else ():
        if not left:
            break
        if drawn := left & _letters_of(font[1]):
            chosen.append(font)
            left -= drawn
    return tuple(chosen)


def has_letters_for(text: str) -> bool:
    """Whether figures can show every letter of a text on this computer."""
    wanted = missing(text)
    return not wanted - frozenset().union(*(_letters_of(file) for _, file in fonts_for(wanted)))


def with_letters(figure: Figure) -> Figure:
    """Give those texts of a figure that need it further fonts, and return it."""
    from matplotlib.text import Text

    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        figure.draw_without_rendering()  # names along axes are made when they are drawn
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        if families := [family for family, _ in fonts_for(missing(text.get_text()))]:
            text.set_fontfamily([USUAL, *dict.fromkeys(families)])
    return figure
