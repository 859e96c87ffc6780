"""What the command line says: progress and errors on standard error, results on standard output."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any, TextIO, TypeVar

from napari_histoclust.core.jobs import WARNING, Job, Progress, drive
from napari_histoclust.environment import is_utf8

T = TypeVar("T")
SECONDS_BETWEEN_LINES = 10.0  # in a log file, where a bar cannot be redrawn


class _Lines:
    """Progress as plain lines, for logs and pipes."""

    def __init__(self) -> None:
        self._text = ""
        self._said = 0.0

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.text != self._text or now - self._said > SECONDS_BETWEEN_LINES:
            self._text, self._said = progress.text, now
            _write(str(progress), sys.stderr)


class _Bar:
    """Progress as a bar with the remaining time, for terminals."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._rich = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[values]}"),
            console=Console(stderr=True),
        )
        self._text: str | None = None
        self._task: Any = None

    def __enter__(self) -> _Bar:
        self._rich.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._rich.stop()

    def __call__(self, progress: Progress) -> None:
        if progress.text.startswith(WARNING):
            self._rich.console.print(progress.text, markup=False, highlight=False)
            return
        if progress.text != self._text:
            self._text = progress.text
            self._task = self._rich.add_task(progress.text, total=None, values="")
        values = "  ".join(f"{name} {value:.3g}" for name, value in progress.values.items())
        self._rich.update(self._task, completed=progress.done, total=progress.total or None, values=values)


def finish(job: Job[T], quiet: bool) -> T:
    """Run a job to its end, showing its progress on standard error unless `quiet`."""
    if quiet:
        return drive(job)
    show: _Bar | _Lines = _Bar() if sys.stderr.isatty() else _Lines()
    with show:
        return drive(job, show)


def say(text: str, quiet: bool = False) -> None:
    """Print a sentence for a person on standard output."""
    if not quiet:
        _write(text, sys.stdout)


def warn(sentences: Iterable[str], quiet: bool = False) -> None:
    """Print what to know of the slides on standard error, a line each."""
    for sentence in () if quiet else dict.fromkeys(sentences):
        complain(f"{WARNING}{sentence}")


def print_json(document: Any) -> None:
    """Print one JSON document on standard output; NaN is a programming error.

    Letters that standard output has not are escaped, so that the document is whole wherever it goes.
    """
    escape = not is_utf8(getattr(sys.stdout, "encoding", None))
    _write(json.dumps(document, indent=2, ensure_ascii=escape, allow_nan=False), sys.stdout)


def complain(sentence: str) -> None:
    """Print one line on standard error."""
    _write(" ".join(sentence.split()), sys.stderr)


def _write(text: str, stream: TextIO) -> None:
    """Write a line; where the reader has had enough, as `head` has, go on without one."""
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:
        # also what Python itself writes when it ends, which would complain
        with open(os.devnull, "w") as nothing:  # noqa: PTH123
            os.dup2(nothing.fileno(), stream.fileno())
