"""Numbers, lengths and times as people write and read them: a text means the same on every machine."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

Number = int | float
Typed = Number | str | None
"""What stands in a box: a number, a text that is none, or nothing (automatic)."""

FIGURES = frozenset("0123456789+-.,'’− eE\u00a0\u2007\u2009\u202f\t\r\n")
"""What a number is written with, its unit left out."""

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_ALIKE = str.maketrans(
    {"\u00a0": " ", "\u2007": " ", "\u2009": " ", "\u202f": " ", "\u2019": "'", "\u2212": "-"}
)
_LONGEST = 100  # characters; Python refuses to read some thousand digits
_EXACT = 2**53  # up to which a float tells whole numbers apart

_SIGN = "(?P<sign>[+-]?)"
_GROUPS = r"[1-9][0-9]{0,2}(?P<gap>[,. '])[0-9]{3}(?:(?P=gap)[0-9]{3})*"
_EXPONENT = "(?P<exponent>(?:[eE][+-]?[0-9]+)?)"
_WHOLE = re.compile(f"{_SIGN}(?P<whole>[0-9]+|{_GROUPS})")
_PLAIN = re.compile(rf"{_SIGN}(?=[.,]?[0-9])(?P<whole>[0-9]*)(?:[.,](?P<part>[0-9]*))?{_EXPONENT}")
_GROUPED = re.compile(f"{_SIGN}(?P<whole>{_GROUPS})(?:(?!(?P=gap))[.,](?P<part>[0-9]*))?{_EXPONENT}")


def whole_number(text: str, units: Sequence[str] = ()) -> int | None:
    """Return the whole number that is written, None where there is none.

    Parameters
    ----------
    text : str
        "2000", "2,000", "2.000", "2 000", "2'000", "2000 px", "2e3", "2000.0".
    units : sequence of str
        One of them may stand behind the number.
    """
    found = _WHOLE.fullmatch(_bare(text, units))
    if found is not None:
        return int(found["sign"] + _digits(found["whole"]))
    number = decimal_number(text, units)
    is_whole = number is not None and number.is_integer() and abs(number) <= _EXACT
    return int(number) if number is not None and is_whole else None


def decimal_number(text: str, units: Sequence[str] = ()) -> float | None:
    """Return the finite number that is written, None where there is none.

    Parameters
    ----------
    text : str
        "0.5", "0,5", ",5", "1e-5", "1,234.5", "1.234,5", "1 234,5". A single comma or point is the decimal
        mark; one that comes again parts thousands.
    units : sequence of str
        One of them may stand behind the number.
    """
    bare = _bare(text, units)
    found = _PLAIN.fullmatch(bare) or _GROUPED.fullmatch(bare)
    if found is None:
        return None
    number = float(f"{found['sign']}{_digits(found['whole'])}.{found['part'] or 0}{found['exponent']}")
    return number + 0.0 if math.isfinite(number) else None  # no minus before a zero


def written(number: Number) -> str:
    """Return the shortest text that reads as this number."""
    if isinstance(number, int):
        return str(number)
    return f"{number:.15g}" if float(f"{number:.15g}") == number else repr(number)


def _bare(text: str, units: Sequence[str]) -> str:
    bare = text.strip().translate(_ALIKE)
    for unit in units:
        if bare.casefold().endswith(unit.casefold()):
            bare = bare[: -len(unit)].rstrip()
            break
    return bare if len(bare) <= _LONGEST else ""


def _digits(whole: str) -> str:
    return re.sub("[^0-9]", "", whole) or "0"


def format_remaining(seconds: float) -> str:
    """Return "12 s left", "about 3 min left", "about 5 h left"."""
    if seconds < _MINUTE:
        return f"{max(1, round(seconds))} s left"
    for unit, name, up_to in ((_MINUTE, "min", _HOUR), (_HOUR, "h", 2 * _DAY)):
        if seconds < up_to - unit / 2:
            return f"about {round(seconds / unit)} {name} left"
    return f"about {round(seconds / _DAY)} days left"


def format_side(px: float, um_per_px: float | None) -> str:
    """Return "128 px" or "128 px = 64 µm"."""
    return f"{px:,.0f} px" if um_per_px is None else f"{px:,.0f} px = {px * um_per_px:,.4g} µm"


def format_scale(um_per_px: float | None) -> str:
    """Return "0.5 µm per px" or "scale unknown"."""
    return "scale unknown" if um_per_px is None else f"{um_per_px:.4g} µm per px"


def format_size(shape_px: tuple[int, int], um_per_px: float | None) -> str:
    """Return width x height in px, and in mm where the scale is known."""
    height, width = shape_px
    px = f"{width:,} × {height:,} px"
    if um_per_px is None:
        return px
    return f"{px} ({width * um_per_px / 1000:.3g} × {height * um_per_px / 1000:.3g} mm)"
