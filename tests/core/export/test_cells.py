"""Texts in CSV that no spreadsheet runs."""

from __future__ import annotations

import csv
import dataclasses
import io
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from core.runs import make_run
from napari_histoclust.core.export.cells import neutralised, write_header
from napari_histoclust.core.export.registry import export_run
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.palette import Cluster

FORMULAS = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "＝1",
    "=",
    "\tx",
]
HARMLESS = ["", "duct", "a=b", "1-2", "-5", "+5", "-0.5", "1e-3", "-1,5", "'=1", "β-catenin", 'said "so"']


@pytest.mark.parametrize("text", FORMULAS)
def test_what_would_run_is_made_a_text(text: str) -> None:
    assert neutralised(pa.table({text: [text, None]})).to_pydict() == {f"'{text}": [f"'{text}", None]}


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_harmless_stays(text: str) -> None:
    assert neutralised(pa.table({"name": [text]})).to_pydict() == {"name": [text]}


def test_numbers_stay_numbers() -> None:
    table = pa.table({"y": [-1.5, 2.0], "n": [-1, 1]})
    assert neutralised(table).equals(table)


def test_the_first_line_is_quoted_as_csv_is() -> None:
    names = ["plain", 'a "b"', "c,d", "e\nf", "=g"]
    file = io.BytesIO()
    write_header(file, names)
    assert next(csv.reader(io.StringIO(file.getvalue().decode(), newline=""))) == [*names[:4], "'=g"]


def test_names_of_clusters_and_slides_in_every_table(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    clusters = tuple(Cluster(c.id, text, c.colour) for c, text in zip(run.clusters, FORMULAS, strict=False))
    drive(export_run(dataclasses.replace(run, clusters=clusters), ["csv", "neighbourhood"], tmp_path))
    for name in ("patches.csv", "clusters.csv", "composition.csv", "neighbourhood.csv"):
        table = pd.read_csv(tmp_path / name, keep_default_na=False)
        texts = [column for column in table if "name" in str(column)]
        assert texts
        for column in texts:
            assert table[column].str.startswith("'").all()
        assert pd.api.types.is_numeric_dtype(table[table.columns[0]]) or name == "composition.csv"
