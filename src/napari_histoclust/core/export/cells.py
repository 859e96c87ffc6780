"""Cells of CSV that a spreadsheet shows and never runs.

Excel, LibreOffice and Google Sheets take a cell that begins with = + - @ for a formula, whatever quotes
stand around it, and skip a tab or a line break before it (OWASP, "CSV Injection"). A cluster may be called
anything, by anybody who sent a run. Such a text gets an apostrophe before it, which spreadsheets take for
"this is text"; a text that is a number stays as it is, and columns of numbers are not touched.
"""

from __future__ import annotations

import csv
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

_FORMULA = r"^[\s]*[=+\-@＝＋－＠]|^[\t\r\n]"
_NUMBER = r"^[+\-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+\-]?\d+)?$"


def neutralised(table: pa.Table) -> pa.Table:
    """Return a table whose texts, and names of columns, no spreadsheet takes for a formula."""
    import pyarrow as pa

    texts = (pa.string(), pa.large_string())
    columns = [_harmless(column) if column.type in texts else column for column in table.columns]
    return pa.table(columns, names=harmless_names(table.column_names))


def harmless_names(names: list[str]) -> list[str]:
    """Return the names of columns as no spreadsheet takes them for a formula."""
    import pyarrow as pa

    return [str(name) for name in _harmless(pa.chunked_array([pa.array(names, pa.string())])).to_pylist()]


def _harmless(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    from pyarrow import compute as pc

    runs = pc.and_not(pc.match_substring_regex(texts, _FORMULA), pc.match_substring_regex(texts, _NUMBER))
    return pc.if_else(runs, pc.binary_join_element_wise("'", texts, ""), texts)


def write_header(file: IO[bytes], names: list[str]) -> None:
    """Write the names of the columns as the first line of a CSV in UTF-8, quoted where they need it."""
    csv.writer(_Encoded(file), lineterminator="\n").writerow(harmless_names(names))


class _Encoded:
    """A text stream over a binary one that leaves it open."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.encode())
