"""The jobs of the dock of validation, and what they left in folders. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_histoclust.core.atomic import read_json
from napari_histoclust.core.config import FitSettings
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.validation.meanings import TITLES
from napari_histoclust.viewer.notices import in_window_words

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run
    from napari_histoclust.core.slides.stack import Stack

_VALIDATION, _CHOICE = "validation.json", "choose_k.json"
FIGURE = "indices.png"

Document = Mapping[str, Any]


def validate(run: Run) -> Job[Run]:
    """Compute the indices of a run; they lie in its folder then."""
    yield Progress("Preparing")
    from napari_histoclust.core.validation.report import validate_run

    yield from validate_run(run)
    return run


def choose_k(stack: Stack, settings: FitSettings, ks: range, seeds: int, out: Path) -> Job[Path]:
    """Train and compare models of several numbers of clusters; table and curves lie in `out` then."""
    yield Progress("Starting PyTorch")
    from napari_histoclust.core.steps.pipeline import choose_k_of_stack

    yield from choose_k_of_stack(stack, settings, ks, seeds, out)
    return out


def indices_of(run: Run) -> Document | None:
    """Return the indices in the folder of a run, None where there are none."""
    return _document(run.path / _VALIDATION, "indices")


def choice_in(folder: Path) -> Document | None:
    """Return the comparison in a folder, None where there is none."""
    return _document(folder / _CHOICE, "figures")


def in_words(sentence: str) -> str:
    """Return a sentence of the core with measures and settings by the names that the window gives them."""
    for name, title in TITLES.items():
        sentence = sentence.replace(name, title)
    return in_window_words(sentence)


def _document(path: Path, key: str) -> Document | None:
    """Read a small document; a missing or damaged one is computed again."""
    if not path.is_file():
        return None
    try:
        document = read_json(path)
    except HistoclustError:
        return None
    return document if isinstance(document, dict) and key in document else None
