"""Lengths and times as people read them."""

from __future__ import annotations

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


def remaining_in_words(seconds: float) -> str:
    """Return "12 s left", "about 3 min left", "about 5 h left"."""
    if seconds < _MINUTE:
        return f"{max(1, round(seconds))} s left"
    for unit, name, up_to in ((_MINUTE, "min", _HOUR), (_HOUR, "h", 2 * _DAY)):
        if seconds < up_to - unit / 2:
            return f"about {round(seconds / unit)} {name} left"
    return f"about {round(seconds / _DAY)} days left"


def side_in_words(px: float, um_per_px: float | None) -> str:
    """Return "128 px" or "128 px = 64 µm"."""
    return f"{px:,.0f} px" if um_per_px is None else f"{px:,.0f} px = {px * um_per_px:,.4g} µm"


def scale_in_words(um_per_px: float | None) -> str:
    """Return "0.5 µm per px" or "scale unknown"."""
    return "scale unknown" if um_per_px is None else f"{um_per_px:.4g} µm per px"


def size_in_words(shape_px: tuple[int, int], um_per_px: float | None) -> str:
    """Return width x height in px, and in mm where the scale is known."""
    height, width = shape_px
    px = f"{width:,} × {height:,} px"
    if um_per_px is None:
        return px
    return f"{px} ({width * um_per_px / 1000:.3g} × {height * um_per_px / 1000:.3g} mm)"
