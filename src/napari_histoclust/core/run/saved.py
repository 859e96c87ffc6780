"""A run as a person last saved it."""

from __future__ import annotations

from pathlib import Path

from napari_histoclust.core.run.edits import edited, load_edits
from napari_histoclust.core.run.reader import open_run
from napari_histoclust.core.run.run import Run


def saved_run(path: str | Path, slides: str | Path | None = None) -> Run:
    """Open a run folder as it was last saved in the window: named, merged and split; see `open_run`.

    Raises
    ------
    HistoclustError
        As `open_run` and `load_edits` do.
    """
    run = open_run(path, slides)
    edits = load_edits(run)
    return run if edits is None else edited(run, edits)
