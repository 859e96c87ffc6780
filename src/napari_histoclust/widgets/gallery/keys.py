"""Where the keys lead along the columns."""

from __future__ import annotations

from qtpy.QtCore import Qt


def column_of_key(key: int, present: int | None, seen: range, columns: int) -> int | None:
    """Return the column that a key leads to.

    Parameters
    ----------
    key : int
        An arrow, Home, End or a page key; of any other, nothing is known.
    present : int or None
        The column that is pointed at; if none is, the first key leads to one in sight.
    seen : range
        Columns in sight.
    columns : int
        How many there are.
    """
    if not columns:
        return None
    if key == Qt.Key.Key_Home:
        return 0
    if key == Qt.Key.Key_End:
        return columns - 1
    page = max(1, len(seen) - 1)
    steps = {
        Qt.Key.Key_Left: -1,
        Qt.Key.Key_Right: 1,
        Qt.Key.Key_PageUp: -page,
        Qt.Key.Key_PageDown: page,
    }
    if key not in steps:
        return None
    start = seen.start - 1 if present is None else present
    return max(0, min(columns - 1, start + steps[Qt.Key(key)]))
