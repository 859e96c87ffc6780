"""Files and folders appear whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from napari_histoclust.core.atomic import atomic_path, read_json, readable_disk_errors, write_json
from napari_histoclust.core.errors import HistoclustError


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.txt"
    with atomic_path(target) as partial:
        partial.write_text("whole")
        assert not target.exists()
        assert partial.suffix == ".txt"
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_an_error_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "a.txt"
    target.write_text("good")
    with pytest.raises(error), atomic_path(target) as partial:
        partial.write_text("half")
        raise error
    assert target.read_text() == "good"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_replaces_a_folder(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "old").touch()
    with atomic_path(target) as partial:
        partial.mkdir()
        (partial / "new").touch()
    assert [p.name for p in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


def test_what_an_earlier_crash_left_is_swept_away(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    with atomic_path(target) as partial:
        partial.write_text("1")
    stale = tmp_path / f".partial-{target.name}"
    stale.write_text("from a crash")
    with atomic_path(target) as partial:
        assert not partial.exists()
        partial.write_text("2")
    assert target.read_text() == "2"
    assert not stale.exists()


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only"), (errno.EACCES, "may not write")],
)
def test_disk_errors_become_one_sentence(tmp_path: Path, number: int, words: str) -> None:
    with pytest.raises(HistoclustError, match=words) as caught, readable_disk_errors(tmp_path / "x"):
        raise OSError(number, "as the system says it")
    assert "x" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_system_errors_pass_through(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError), readable_disk_errors(tmp_path):
        raise ConnectionResetError(errno.ECONNRESET, "gone")


def test_a_file_where_a_folder_is_needed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HistoclustError, match="file"), atomic_path(tmp_path / "file" / "a.txt"):
        pass


def test_json_round_trip_and_refusals(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    write_json(file, {"name": "Läppchen", "values": [1, 2.5, None]})
    assert read_json(file) == {"name": "Läppchen", "values": [1, 2.5, None]}
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(file, {"x": float("nan")})
    assert read_json(file)["name"] == "Läppchen"
    file.write_text("{")
    with pytest.raises(HistoclustError, match="not readable JSON"):
        read_json(file)
    with pytest.raises(HistoclustError, match="no such file"):
        read_json(tmp_path / "b.json")
