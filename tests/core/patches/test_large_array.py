"""Arrays that lie on the disk where memory should not hold them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import platformdirs
import pytest
import torch

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.patches import large_array as module
from napari_histoclust.core.patches.large_array import large_array


@pytest.fixture
def small_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "IN_MEMORY_BYTES", 1000)
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda _: tmp_path / "cache")
    return tmp_path / "cache"


def test_small_ones_lie_in_memory() -> None:
    assert not isinstance(large_array((2, 3, 4)), np.memmap)


def test_large_ones_lie_on_the_disk_and_leave_nothing_there(small_memory: Path) -> None:
    array = large_array((50, 3, 8, 8))
    assert isinstance(array, np.memmap)
    wanted = np.random.default_rng(0).integers(0, 256, array.shape, dtype=np.uint8)
    array[:] = wanted
    tensor = torch.from_numpy(np.require(array, requirements="W"))
    np.testing.assert_array_equal(tensor[[3, 7], :, 2:6].numpy(), wanted[[3, 7], :, 2:6])
    assert list(small_memory.iterdir()) == [], "the file has no name"


def test_a_disk_without_room_is_a_sentence(small_memory: Path) -> None:
    small_memory.write_text("a file where the folder should be")
    with pytest.raises(HistoclustError, match=r"cache: could not be written"):
        large_array((50, 3, 8, 8))
