"""A table of features with labels, as other programs write it: the clustering of anybody, validated here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.reading import check_ordinary, unreadable
from napari_histoclust.core.validation.indices import Indices, compute_indices

_SEPARATORS = ",;\t"
_LONGEST_NAME = 60  # of a column or a cell in a sentence
_LARGEST_LABEL = 2**53
"""Above this float64, in which the table is read, skips integers."""


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """One row a patch.

    Parameters
    ----------
    features : (n, f) float64
    labels : (n,) int64
        Cluster of each row, as the file numbers them.
    confidence : (n,) float64
    """

    features: NDArray[np.float64]
    labels: NDArray[np.int64]
    confidence: NDArray[np.float64]


def validate_table(path: Path, seed: int = 765) -> Job[Indices]:
    """Compute the indices of the clustering in a table (`napari-histoclust validate --features`).

    Raises
    ------
    HistoclustError
        If the file cannot be read as such a table, or names fewer than two clusters.
    """
    yield Progress(f"Reading {path.name}")
    table = read_table(path)
    if len(np.unique(table.labels)) < 2:
        raise HistoclustError(
            f"{path}: all rows have label {table.labels[0]}, and indices compare at least two clusters."
        )
    return (yield from compute_indices(table.features, table.labels, seed=seed))


def read_table(path: Path) -> FeatureTable:
    """Read a CSV of feature columns, then label, then confidence.

    A first line whose last two cells are no numbers, or that counts 0, 1, 2, ..., is a header; a first
    column without a name under a header numbers the rows (pandas writes one) and is left out. Commas,
    semicolons or tabs separate.

    Raises
    ------
    HistoclustError
        Naming the file, and the row and column where there is one to mend.
    """
    path = Path(path)
    first_line = _first_line(path)
    separator = max(_SEPARATORS, key=first_line.count)
    names = [cell.strip().strip('"')[:_LONGEST_NAME] for cell in first_line.split(separator)]
    # pandas and R number columns that have no names: 0, 1, 2, ...; no patch is 100 % and more sure of itself
    counted = len(names) > 3 and names in ([str(k + first) for k in range(len(names))] for first in (0, 1))
    header = counted or not any(_is_number(name) for name in names[-2:])
    numbered = int(header and names[0] == "")
    if len(names) - numbered < 3:
        raise HistoclustError(
            f"{path}: has {len(names)} column{'s' * (len(names) > 1)}, and needs feature columns, then "
            "label, then confidence, with commas between."
        )
    columns = names if header else [str(number) for number in range(1, len(names) + 1)]
    values = _read_numbers(path, separator, header, columns)[:, numbered:]
    labels = values[:, -2]
    wrong = np.flatnonzero((labels != np.round(labels)) | (np.abs(labels) > _LARGEST_LABEL))
    if len(wrong):
        raise HistoclustError(
            f"{path}: row {wrong[0] + 1}, column {columns[-2]}: {labels[wrong[0]]:g} is no whole number, "
            "and the last column but one must be the label."
        )
    return FeatureTable(values[:, :-2], labels.astype(np.int64), values[:, -1])


def _first_line(path: Path) -> str:
    """First line that is not blank, after a look whether this is text at all."""
    check_ordinary(path)
    try:
        with path.open("rb") as file:
            head = file.read(1 << 20)
    except OSError as error:
        raise unreadable(path, error) from error
    try:
        text = head.decode("utf-8-sig") if len(head) < 1 << 20 else head.decode("utf-8-sig", "ignore")
    except UnicodeDecodeError as error:
        raise HistoclustError(f"{path}: is no text; give a table as CSV.") from error
    if "\0" in text:
        raise HistoclustError(f"{path}: is no text; give a table as CSV.")
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise HistoclustError(f"{path}: is empty.")
    return lines[0]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _read_numbers(path: Path, separator: str, header: bool, columns: list[str]) -> NDArray[np.float64]:
    """All cells as finite float64 (n, columns)."""
    try:
        cells = pd.read_csv(
            path,
            sep=separator,
            header=None,
            names=range(len(columns)),
            skiprows=int(header),
            skip_blank_lines=True,
            index_col=False,
            encoding="utf-8-sig",
            compression=None,
            low_memory=False,
            float_precision="round_trip",  # pandas' faster default errs in the last digit
            on_bad_lines="error",
        )
    except (ValueError, UnicodeDecodeError) as error:
        raise HistoclustError(f"{path}: is not a table ({str(error).strip()[:160]}).") from error
    if cells.empty:
        raise HistoclustError(f"{path}: holds a header and no rows.")
    numbers = cells.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    wrong = np.argwhere(~np.isfinite(numbers))
    if len(wrong):
        row, column = wrong[0]
        empty = cells.isna().iat[row, column]
        shown = (
            "is empty" if empty else f"{str(cells.iat[row, column])[:_LONGEST_NAME]!r} is no finite number"
        )
        raise HistoclustError(
            f"{path}: row {row + 1}, column {columns[column]}: {shown}: mend or remove that row."
        )
    return np.ascontiguousarray(numbers)
