"""One process at a time: the second is told who writes, the dead are not waited for, and nothing stays."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from napari_histoclust.core import one_writer as module
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.one_writer import LOCK, BusyError, alone, one_writer

HOLDER = """
import sys
from pathlib import Path
from napari_histoclust.core.one_writer import one_writer
with one_writer(Path(sys.argv[1]), "map", beside=sys.argv[2] == "beside"):
    print("holds", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def another_process(folder: Path, beside: bool = False) -> Iterator[subprocess.Popen[str]]:
    """A process that writes into `folder` until its input ends."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), "beside" if beside else "inside"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "holds\n"
        yield holder
    finally:
        holder.kill()
        holder.communicate()


def take(folder: Path, beside: bool = False) -> None:
    with one_writer(folder, "embed", beside=beside):
        pass


@pytest.mark.parametrize("beside", [False, True])
def test_a_second_process_is_told_who_writes(tmp_path: Path, beside: bool) -> None:
    folder = tmp_path / "run"
    with another_process(folder, beside) as holder:
        with pytest.raises(BusyError) as error:
            take(folder, beside)
        assert holder.stdin is not None
        holder.stdin.write("\n")
        holder.stdin.flush()
        assert holder.wait() == 0
    said = str(error.value)
    for word in (str(folder), f"map (process {holder.pid} on {socket.gethostname()}, since 20", "wait until"):
        assert word in said
    assert list(tmp_path.iterdir()) == []
    take(folder, beside)


@pytest.mark.parametrize("beside", [False, True])
def test_a_holder_that_died_is_not_waited_for(tmp_path: Path, beside: bool) -> None:
    folder = tmp_path / "run"
    with another_process(folder, beside) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        left = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert [path.name.startswith(LOCK) for path in left] == [True]
        start = time.monotonic()
        take(folder, beside)
        assert time.monotonic() - start < 5
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_job_in_a_job_has_it_already_and_another_thread_has_not(tmp_path: Path) -> None:
    refused: list[BaseException] = []

    def other() -> None:
        try:
            take(tmp_path)
        except BusyError as error:
            refused.append(error)

    with one_writer(tmp_path, "run"):
        with one_writer(tmp_path, "map"):
            pass
        assert (tmp_path / LOCK).is_file()
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert "run (process" in str(refused[0])
    assert list(tmp_path.iterdir()) == []


def test_what_was_made_for_nothing_is_taken_away(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), one_writer(tmp_path / "a" / "b", "map"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    with one_writer(tmp_path / "a" / "b", "map"):
        (tmp_path / "a" / "b" / "file").write_text("kept")
    assert [p.name for p in (tmp_path / "a" / "b").iterdir()] == ["file"]


def test_a_job_that_is_closed_lets_go(tmp_path: Path) -> None:
    def job() -> Iterator[int]:
        yield 1
        yield 2

    running = alone(tmp_path, "map", job())  # type: ignore[arg-type]
    assert next(running) == 1  # type: ignore[comparison-overlap]
    assert (tmp_path / LOCK).is_file()
    running.close()
    assert list(tmp_path.iterdir()) == []


def record(folder: Path, *, host: str, pid: int, age_s: float) -> None:
    """What a writer has left, or has written on another machine."""
    document = {"command": "map", "pid": pid, "host": host, "since": "2026-01-01T00:00:00+00:00"}
    (folder / LOCK).write_text(json.dumps(document))
    then = time.time() - age_s
    os.utime(folder / LOCK, (then, then))


def test_a_drive_that_keeps_no_locks_between_machines(tmp_path: Path) -> None:
    record(tmp_path, host="elsewhere", pid=1, age_s=5)
    with pytest.raises(BusyError, match=r"map .process 1 on elsewhere"):
        take(tmp_path)
    record(tmp_path, host="elsewhere", pid=1, age_s=300)
    take(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_drive_that_keeps_no_locks_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_try_lock", lambda handle: None)
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    record(tmp_path, host=socket.gethostname(), pid=ended.pid, age_s=1)
    take(tmp_path)
    record(tmp_path, host=socket.gethostname(), pid=os.getppid(), age_s=1)
    with pytest.raises(BusyError):
        take(tmp_path)


def test_a_writer_says_that_it_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TOUCHED_EVERY_S", 0.01)
    with one_writer(tmp_path, "map"):
        os.utime(tmp_path / LOCK, (1, 1))
        end = time.monotonic() + 60
        while (tmp_path / LOCK).stat().st_mtime < 2:
            assert time.monotonic() < end


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x", "host": 3}'])
def test_a_damaged_record_is_nobodys(tmp_path: Path, text: str) -> None:
    (tmp_path / LOCK).write_text(text)
    os.utime(tmp_path / LOCK, (1, 1))
    take(tmp_path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o500)
    with pytest.raises(HistoclustError, match="may not write"):
        take(tmp_path / "run")


def test_many_processes_count_to_the_same_number(tmp_path: Path) -> None:
    """Without the lock, or with one that two can hold, additions are lost."""
    script = """
import sys, time
from pathlib import Path
from napari_histoclust.core.one_writer import one_writer, BusyError
folder, added = Path(sys.argv[1]), 0
while added < 50:
    try:
        with one_writer(folder / "run", "map"):
            number = int((folder / "number").read_text())
            (folder / "number").write_text(str(number + 1))
            added += 1
    except BusyError:
        pass
"""
    (tmp_path / "number").write_text("0")
    (tmp_path / "run").mkdir()
    workers = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path)]) for _ in range(3)]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    assert (tmp_path / "number").read_text() == "150"
    assert list((tmp_path / "run").iterdir()) == []
