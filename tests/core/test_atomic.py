"""Files and folders appear whole or not at all, and never in place of somebody else's."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from napari_histoclust.core.atomic import (
    atomic_file,
    atomic_folder,
    check_file,
    check_folder,
    read_json,
    readable_disk_errors,
    write_json,
)
from napari_histoclust.core.errors import HistoclustError


def write_file(path: Path, text: str) -> None:
    with atomic_file(path) as partial:
        partial.write_text(text)


def write_folder(path: Path, *names: str) -> None:
    with atomic_folder(path) as partial:
        for name in names:
            (partial / name).parent.mkdir(parents=True, exist_ok=True)
            (partial / name).write_text(name)


def content(folder: Path) -> dict[str, str]:
    """Everything below a folder, links by where they lead."""
    return {
        str(path.relative_to(folder)): str(path.readlink())
        if path.is_symlink()
        else path.read_text()
        if path.is_file()
        else "folder"
        for path in folder.rglob("*")
    }


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.txt"
    with atomic_file(target) as partial:
        partial.write_text("whole")
        assert not target.exists()
        assert partial.suffix == ".txt"
    assert content(target.parent) == {"a.txt": "whole"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_an_error_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    write_file(tmp_path / "a.txt", "good")
    write_folder(tmp_path / "folder", "good")
    before = content(tmp_path)
    with pytest.raises(error), atomic_file(tmp_path / "a.txt") as partial:
        partial.write_text("half")
        raise error
    with pytest.raises(error), atomic_folder(tmp_path / "folder") as partial:
        partial.mkdir()
        raise error
    assert content(tmp_path) == before


def test_what_was_written_here_is_replaced(tmp_path: Path) -> None:
    for text in ("one", "two", "three"):
        write_file(tmp_path / "a.txt", text)
        write_folder(tmp_path / "store.zarr", text, f"below/{text}")
    assert content(tmp_path) == {
        "a.txt": "three",
        "store.zarr": "folder",
        "store.zarr/below": "folder",
        "store.zarr/below/three": "below/three",
        "store.zarr/three": "three",
    }


def foreign_file(path: Path) -> None:
    path.write_text("years of work")


def foreign_folder(path: Path) -> None:
    path.mkdir()
    (path / "thesis.txt").write_text("years of work")


def edited_file(path: Path) -> None:
    write_file(path, "as written")
    path.write_text("as a person made it")


def edited_folder(path: Path) -> None:
    write_folder(path, "as written")
    (path / "note.txt").write_text("of a person")


def moved_here(path: Path) -> None:
    """A file that this program wrote, but in another place: that place's, not this one's."""
    write_file(path.with_name("elsewhere"), "x")
    path.with_name("elsewhere").replace(path)


def link_to_a_foreign_file(path: Path) -> None:
    path.with_name("thesis.txt").write_text("years of work")
    path.symlink_to("thesis.txt")


def link_to_a_foreign_folder(path: Path) -> None:
    foreign_folder(path.with_name("real"))
    path.symlink_to("real")


def circle_of_links(path: Path) -> None:
    path.symlink_to(path.with_name("other"))
    path.with_name("other").symlink_to(path)


FOREIGN = [
    foreign_file,
    foreign_folder,
    edited_file,
    edited_folder,
    moved_here,
    link_to_a_foreign_file,
    link_to_a_foreign_folder,
    circle_of_links,
]


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_is_not_ours_is_refused_before_and_while_writing(
    tmp_path: Path, kind: Callable[[Path], None]
) -> None:
    target = tmp_path / "result"
    kind(target)
    before = content(tmp_path)
    for writer, check in ((atomic_file, check_file), (atomic_folder, check_folder)):
        with pytest.raises(HistoclustError, match=r"result|thesis|real") as caught:
            check(target)
        assert "\n" not in str(caught.value)
        with pytest.raises(HistoclustError), writer(target):
            pytest.fail("nothing may be begun")
    assert content(tmp_path) == before


def test_what_came_while_it_was_written_is_kept(tmp_path: Path) -> None:
    """Between the check and the end lies the whole job."""
    target = tmp_path / "a.csv"
    with (
        pytest.raises(HistoclustError, match="known to be as this program left it"),
        atomic_file(target) as partial,
    ):
        partial.write_text("ours")
        target.write_text("a person's")
    assert content(tmp_path) == {"a.csv": "a person's"}


@pytest.mark.parametrize("own", [False, True])
def test_a_folder_never_gives_way_to_a_file_nor_a_file_to_a_folder(tmp_path: Path, own: bool) -> None:
    write_folder(tmp_path / "folder", "x")
    write_file(tmp_path / "file", "x")
    before = content(tmp_path)
    with pytest.raises(HistoclustError, match="folder: is a folder where a file is to be written"):
        check_file(tmp_path / "folder", own=own)
    with pytest.raises(HistoclustError, match="file: is a file where a folder is to be written"):
        check_folder(tmp_path / "file", own=own)
    assert content(tmp_path) == before


def test_an_empty_folder_is_no_file_but_may_become_a_full_one(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(HistoclustError, match="is a folder"), atomic_file(tmp_path / "empty"):
        pass
    write_folder(tmp_path / "empty", "x")
    assert content(tmp_path) == {"empty": "folder", "empty/x": "x"}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_pipes_and_devices_are_no_outputs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(HistoclustError, match="is no ordinary file"), atomic_file(path):
            pass
    assert Path("/dev/null").is_char_device()


def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "large disk").mkdir()
    for name in ("a.txt", "model"):
        (tmp_path / name).symlink_to(tmp_path / "large disk" / name)
    for text in ("one", "two"):
        write_file(tmp_path / "a.txt", text)
        write_folder(tmp_path / "model", text)
    assert (tmp_path / "a.txt").is_symlink()
    assert (tmp_path / "model").is_symlink()
    assert content(tmp_path / "large disk") == {"a.txt": "two", "model": "folder", "model/two": "two"}


def test_in_a_folder_of_our_own_what_stands_there_is_ours(tmp_path: Path) -> None:
    for text in ("of an older version", "new"):
        with atomic_file(tmp_path / "run.json", own=True) as partial:
            partial.write_text(text)
    foreign_folder(tmp_path / "cache")
    with atomic_folder(tmp_path / "cache", own=True) as partial:
        partial.mkdir()
    assert content(tmp_path) == {"run.json": "new", "cache": "folder"}


def test_a_link_in_a_folder_of_our_own_is_not_followed(tmp_path: Path) -> None:
    """Nobody asked for what lies behind it to be written."""
    foreign_file(tmp_path / "thesis.txt")
    foreign_folder(tmp_path / "documents")
    (tmp_path / "run.json").symlink_to("thesis.txt")
    (tmp_path / ".mapping").symlink_to("documents")
    before = content(tmp_path)
    with pytest.raises(HistoclustError, match=r"run.json: is a link"):
        write_json(tmp_path / "run.json", {})
    with (
        pytest.raises(HistoclustError, match="mapping: is a link"),
        atomic_folder(tmp_path / ".mapping", own=True),
    ):
        pytest.fail("nothing may be begun")
    assert content(tmp_path) == before


def test_a_neighbour_called_old_is_nobodys_leftover(tmp_path: Path) -> None:
    foreign_folder(tmp_path / ".old-store")
    for text in ("one", "two"):
        write_folder(tmp_path / "store", text)
    assert content(tmp_path)[".old-store/thesis.txt"] == "years of work"


def test_an_empty_folder_that_somebody_made_inside_is_theirs(tmp_path: Path) -> None:
    write_folder(tmp_path / "store", "x")
    (tmp_path / "store" / "mine").mkdir()
    with pytest.raises(HistoclustError, match="store: is there already"):
        write_folder(tmp_path / "store", "y")


def test_the_folder_one_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    write_folder(Path(), "x")
    assert content(tmp_path) == {"here": "folder", "here/x": "x"}


def test_however_a_folder_is_reached_its_outputs_are_known(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    write_file(tmp_path / "link" / "a.txt", "one")
    write_file(tmp_path / "real" / ".." / "real" / "a.txt", "two")
    write_file(tmp_path / "link" / "a.txt", "three")
    assert content(tmp_path / "real") == {"a.txt": "three"}


@pytest.mark.parametrize("check", [check_file, check_folder])
def test_a_place_where_nothing_can_be_is_told_at_once(tmp_path: Path, check: Callable[[Path], None]) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HistoclustError, match="a file stands where a folder is needed"):
        check(tmp_path / "file" / "below" / "a")
    for length in (250, 300):  # the hidden name is longer than the name
        with pytest.raises(HistoclustError, match="the name is too long"):
            check(tmp_path / ("x" * length))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may become nobody")
def test_folders_that_may_not_be_entered_or_written(tmp_path: Path) -> None:
    for name, mode in (("shut", 0o600), ("read-only", 0o555)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(mode)
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents[:2]:
        folder.chmod(0o755)
    os.seteuid(65534)
    try:
        for name in ("shut", "read-only"):
            with pytest.raises(HistoclustError, match="you may not write there"):
                check_file(tmp_path / name / "a.txt")
    finally:
        os.seteuid(0)


def test_without_a_home_outputs_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: object) -> str:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("HISTOCLUST_STATE")
    monkeypatch.setattr("platformdirs.user_state_path", nobody)
    write_file(tmp_path / "a.txt", "one")
    with pytest.raises(HistoclustError, match="is there already"):
        write_file(tmp_path / "a.txt", "two")


def test_without_a_state_folder_outputs_are_written_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    monkeypatch.setenv("HISTOCLUST_STATE", str(tmp_path / "state"))
    write_file(tmp_path / "a.txt", "one")
    with pytest.raises(HistoclustError, match="known to be as this program left it"):
        write_file(tmp_path / "a.txt", "two")
    assert (tmp_path / "a.txt").read_text() == "one"


@pytest.mark.parametrize("record", ["", "{", "[1]", "3", '{"a": 1}'])
def test_a_damaged_record_is_no_leave(tmp_path: Path, record: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HISTOCLUST_STATE", str(tmp_path / "state"))
    write_file(tmp_path / "a.txt", "one")
    (note,) = (tmp_path / "state").iterdir()
    note.write_text(record)
    with pytest.raises(HistoclustError, match="known to be as this program left it"):
        write_file(tmp_path / "a.txt", "two")


def test_what_an_earlier_kill_left_is_swept_away(tmp_path: Path) -> None:
    stale = tmp_path / ".partial-a.txt"
    stale.write_text("from a kill")
    with atomic_file(tmp_path / "a.txt") as partial:
        assert not partial.exists()
        partial.write_text("2")
    assert content(tmp_path) == {"a.txt": "2"}


@pytest.mark.parametrize("is_new_there", [True, False])
def test_a_folder_put_aside_by_a_kill_is_taken_back(tmp_path: Path, is_new_there: bool) -> None:
    target = tmp_path / "store"
    write_folder(target, "old")
    target.rename(tmp_path / ".histoclust-old-store")
    if is_new_there:
        shutil.copytree(tmp_path / ".histoclust-old-store", target)
        (target / "new").write_text("new")
    with pytest.raises(ValueError, match="stopped"), atomic_folder(target, own=True):
        raise ValueError("stopped")
    expected = {"store": "folder", "store/old": "old"} | ({"store/new": "new"} if is_new_there else {})
    assert content(tmp_path) == expected


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "may not write"),
        (errno.ENAMETOOLONG, "too long"),
    ],
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
    for writer in (atomic_file, atomic_folder):
        with pytest.raises(HistoclustError, match="file"), writer(tmp_path / "file" / "a.txt"):
            pass


def test_a_name_that_no_disk_takes(tmp_path: Path) -> None:
    with pytest.raises(HistoclustError, match="the name is too long"), atomic_file(tmp_path / ("x" * 300)):
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
