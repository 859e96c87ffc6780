"""Where a training stands, on disk, so that it goes on after an interruption."""

from __future__ import annotations

import io
import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from napari_histoclust.core.atomic import atomic_file
from napari_histoclust.core.errors import HistoclustError, SettingError

# what 4,000 files with a few bytes turned at random made PyTorch and zipfile raise
_DAMAGE = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    RuntimeError,
    OSError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    ValueError,
)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """State of a training at the end of an epoch.

    Attributes
    ----------
    fingerprint : str
        What the training depends on: settings and patches. Another fingerprint is another training.
    epoch : int
        Epochs finished.
    history : list of dict
        Records of these epochs.
    weights, optimiser, scaler : dict
        State of the network, the optimiser and the gradient scaler.
    """

    fingerprint: str
    epoch: int
    history: list[dict[str, float]]
    weights: dict[str, Any]
    optimiser: dict[str, Any]
    scaler: dict[str, Any]


def load_tensors(path: Path, advice: str) -> Any:
    """Read a file of `torch.save` without ever running what a pickle might hold.

    Raises
    ------
    HistoclustError
        If the file is damaged, hostile, or of PyTorch before 1.6; ends with the `advice`.
    """
    # what is not a zip archive goes to a reader of old files that fails in every possible way
    try:
        if zipfile.is_zipfile(path):
            return torch.load(path, map_location="cpu", weights_only=True)
    except _DAMAGE as error:
        raise HistoclustError(f"{path}: is not a readable checkpoint, {advice}.") from error
    raise HistoclustError(f"{path}: is not a readable checkpoint, {advice}.")


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint, whole or not at all."""
    # PyTorch's own writing dies of a full disk with an error that says nothing of it; Python's tells
    data = io.BytesIO()
    torch.save(vars(checkpoint), data)
    with atomic_file(path, own=True) as partial:
        partial.write_bytes(data.getbuffer())


def load_checkpoint(path: Path, expected: str) -> Checkpoint | None:
    """Read a checkpoint; None where there is none yet.

    Raises
    ------
    HistoclustError
        If the file is damaged or its fingerprint is not the `expected` one.
    """
    if not path.exists():
        return None
    document = load_tensors(path, "delete it to train anew")
    if not isinstance(document, dict) or set(document) != set(Checkpoint.__dataclass_fields__):
        raise HistoclustError(f"{path}: is no checkpoint of a training, delete it to train anew.")
    checkpoint = Checkpoint(**document)
    if checkpoint.fingerprint != expected:
        raise SettingError(
            "{}: belongs to a training with other settings or other patches: delete it to train anew, "
            "or choose another {out}.",
            path,
        )
    return checkpoint
