"""Kill a job before its n-th change to the disk, as `kill -9` would, for any n.

Each try is a fresh process, forked from a server in which everything is imported already. An audit hook
counts what Python does to files below a folder, and ends the process on the spot: nothing is flushed, no
`finally` runs. What libraries written in C do to files by themselves is not seen.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path
from typing import Any
from unittest.mock import patch

KILLED = 137
STATE = "state"
"""Folder in a job's folder for the records of what was written."""

_CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_NEVER = 1 << 30

_CONTEXT = multiprocessing.get_context("forkserver")
_TESTS = str(Path(__file__).resolve().parents[1])

Work = Callable[[Path], None]


def run(work: Work, folder: Path, step: int = _NEVER) -> int:
    """Run `work(folder)` in a process of its own, killed before its change number `step`, 1 the first.

    Returns
    -------
    int
        Changes that it made; `step` where it was killed.

    Raises
    ------
    AssertionError
        If the job fails by itself.
    """
    _start_server()
    changes = _CONTEXT.RawValue("i", 0)
    process = _CONTEXT.Process(target=_work, args=(work, folder, step, changes))
    process.start()
    process.join()
    assert process.exitcode == (KILLED if changes.value == step else 0), f"failed at step {step}"
    return int(changes.value)


def _start_server() -> None:
    """Start the server, if it is not there, with everything imported that jobs need.

    Before Python 3.13 it looks for modules in its environment's path alone, and is silent if it finds none.
    That killed processes leave semaphores of theirs behind is no news.
    """
    _CONTEXT.set_forkserver_preload(["kills.jobs"])
    path = os.pathsep.join(filter(None, [_TESTS, os.environ.get("PYTHONPATH")]))
    with patch.dict(os.environ, PYTHONPATH=path, PYTHONWARNINGS="ignore:resource_tracker:UserWarning"):
        forkserver.ensure_running()


def _work(work: Work, folder: Path, step: int, changes: Any) -> None:
    os.environ["HISTOCLUST_STATE"] = str(folder / STATE)
    prefix = str(folder)

    def count(event: str, args: tuple[Any, ...]) -> None:
        if _is_change(event, args) and os.fsdecode(args[0]).startswith(prefix):
            changes.value += 1
            if changes.value == step:
                os._exit(KILLED)

    sys.addaudithook(count)
    work(folder)
    os._exit(0)  # threads of libraries need not end


def _is_change(event: str, args: tuple[Any, ...]) -> bool:
    if event == "open":
        path, _, flags = args
        return isinstance(path, str | bytes | os.PathLike) and bool(flags & _WRITING)
    return event in _CHANGES and isinstance(args[0], str | bytes | os.PathLike)
