from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.validation.table import read_table, validate_table


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return tmp_path / "features.csv"


@pytest.mark.parametrize("header", ["", "a,b,label,confidence\n", "\ufeffa,b,label,confidence\n", "\n\n"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_header_separator_and_byte_order_mark(csv: Path, header: str, separator: str) -> None:
    csv.write_text((header + "1.5,2,3,0.5\n-1e3,4,5,1\n").replace(",", separator), encoding="utf-8")
    table = read_table(csv)
    assert table.features.tolist() == [[1.5, 2], [-1000, 4]]
    assert table.labels.tolist() == [3, 5]
    assert table.labels.dtype == np.int64
    assert table.confidence.tolist() == [0.5, 1]


def test_the_numbered_rows_and_columns_of_pandas_are_no_features(csv: Path) -> None:
    csv.write_text(",0,1,label,confidence\n0,1.5,2,3,0.5\n1,2.5,2,4,0.25\n")
    assert read_table(csv).features.tolist() == [[1.5, 2], [2.5, 2]]
    csv.write_text("0,1,label,confidence\n1.5,2,3,0.5\n")
    assert read_table(csv).features.tolist() == [[1.5, 2]]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**53), 2**53), st.floats(0, 1)
        ),
        min_size=1,
        max_size=6,
    )
)
def test_every_digit_is_kept(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, int, float]]
) -> None:
    path = tmp_path_factory.mktemp("table") / "t.csv"
    path.write_text("".join(f"{x!r},{label},{confidence!r}\n" for x, label, confidence in rows))
    table = read_table(path)
    assert [
        (x, k, c) for (x,), k, c in zip(table.features, table.labels, table.confidence, strict=True)
    ] == rows


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("a,b,c\n", "header and no rows"),
        ("1\n2\n", "has 1 column, and needs"),
        ("1,2\n3,4\n", "has 2 columns, and needs"),
        ("1,2,3,0.5\n1,x,3,0.5\n", "row 2, column 2: 'x' is no finite number"),
        ("a,b,label,confidence\n1,2,3,0.5\n1,,3,0.5\n", "row 2, column b: is empty"),
        ("1,2,3,0.5\n1,2,3\n", "row 2, column 4: is empty"),
        ("1,nan,3,0.5\n", "row 1, column 2: is empty"),
        ("1,inf,3,0.5\n", "row 1, column 2: 'inf' is no finite number"),
        ("1,2,3,0.5\n1,2,2.5,0.5\n", "row 2, column 3: 2.5 is no whole number"),
        ("1,2,1e300,0.5\n", "row 1, column 3: 1e[+]300 is no whole number"),
        ("1,2,3,0.5\n1,2,3,0.5,9,9\n", "is not a table .*line 2"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(csv: Path, text: str, said: str) -> None:
    csv.write_text(text)
    with pytest.raises(HistoclustError, match=said) as caught:
        read_table(csv)
    assert str(caught.value).startswith(str(csv))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"II*\0\1\2\3" * 9, b"\x89PNG\r\n\x1a\n", "1,2,3".encode("utf-16")])
def test_a_binary_file_is_no_table(csv: Path, content: bytes) -> None:
    csv.write_bytes(content)
    with pytest.raises(HistoclustError, match="is no text"):
        read_table(csv)


def test_binary_far_into_the_file(csv: Path) -> None:
    csv.write_bytes(b"1,2,3,4\n" * 200_000 + b"\xff\xfe\n")
    with pytest.raises(HistoclustError, match="is not a table"):
        read_table(csv)


def test_no_such_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(HistoclustError, match="no such file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(HistoclustError, match="is a folder"):
        read_table(tmp_path)


def test_one_label_cannot_be_validated(csv: Path) -> None:
    csv.write_text("1,2,7,0.5\n3,4,7,0.5\n")
    with pytest.raises(HistoclustError, match=r"features\.csv: all rows have label 7"):
        drive(validate_table(csv))


def test_the_published_values_to_every_printed_digit(shared_data: Path) -> None:
    folder = shared_data / "index_oracle"
    oracle = json.loads((folder / "published.json").read_text())
    found = drive(validate_table(folder / oracle["file"]))
    assert (found.n, found.k) == (oracle["rows"], 14)
    for printed in ("published", "float64_reference"):
        for name, value in oracle[printed].items():
            digits = len(repr(value).partition(".")[2])
            assert round(found.values[name] or 0.0, digits) == value, name
