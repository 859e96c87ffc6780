"""Where a training stands, on disk, so that it goes on after an interruption."""

from __future__ import annotations

import hashlib
import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from napari_histoclust.core.atomic import atomic_path
from napari_histoclust.core.errors import HistoclustError


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


def fingerprint(document: object, pixels: torch.Tensor) -> str:
    """Return a checksum of settings (JSON-able) and of all (n, 3 s, i, i) uint8 pixels."""
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode())
    digest.update(str(tuple(pixels.shape)).encode())
    for start in range(0, len(pixels), 256):
        digest.update(pixels[start : start + 256].contiguous().numpy().tobytes())
    return digest.hexdigest()


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint, whole or not at all."""
    with atomic_path(path) as partial:
        torch.save(vars(checkpoint), partial)


def load_checkpoint(path: Path, expected: str) -> Checkpoint | None:
    """Read a checkpoint; None where there is none yet.

    Raises
    ------
    HistoclustError
        If the file is damaged or its fingerprint is not the `expected` one.
    """
    if not path.exists():
        return None
    try:
        checkpoint = Checkpoint(**torch.load(path, map_location="cpu", weights_only=True))
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, TypeError) as error:
        raise HistoclustError(f"{path}: is no readable checkpoint, delete it to train anew.") from error
    if checkpoint.fingerprint != expected:
        raise HistoclustError(
            f"{path}: belongs to a training with other settings or other patches: delete it to train anew, "
            "or choose another --out."
        )
    return checkpoint
