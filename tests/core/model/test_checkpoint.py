from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint


def _checkpoint() -> Checkpoint:
    return Checkpoint("abc", 3, [{"epoch": 3.0}], {"w": torch.arange(4.0)}, {"lr": 0.1}, {})


def test_round_trip(tmp_path: Path) -> None:
    save_checkpoint(_checkpoint(), tmp_path / "state.pt")
    loaded = load_checkpoint(tmp_path / "state.pt", "abc")
    assert loaded is not None
    assert (loaded.epoch, loaded.history, loaded.optimiser) == (3, [{"epoch": 3.0}], {"lr": 0.1})
    assert torch.equal(loaded.weights["w"], torch.arange(4.0))
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


def test_none_yet(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path / "state.pt", "abc") is None


@pytest.mark.parametrize("size", [0, 3, 200, 900])
def test_damaged_file(tmp_path: Path, size: int) -> None:
    path = tmp_path / "state.pt"
    save_checkpoint(_checkpoint(), path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(HistoclustError, match=r"state.pt: is not a readable checkpoint"):
        load_checkpoint(path, "abc")


def test_another_file_of_torch(tmp_path: Path) -> None:
    torch.save({"epoch": 1}, tmp_path / "state.pt")
    with pytest.raises(HistoclustError, match="is no checkpoint of a training"):
        load_checkpoint(tmp_path / "state.pt", "abc")


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_bytes_turned_at_random_never_end_in_another_error(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    save_checkpoint(_checkpoint(), path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(200):
        damaged = bytearray(whole)
        for place in rng.integers(len(whole), size=8):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            load_checkpoint(path, "abc")
        except HistoclustError:
            refused += 1
    assert refused > 100
