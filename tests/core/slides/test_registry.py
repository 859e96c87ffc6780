"""Formats are found by their own records."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from napari_histoclust.core.slides import formats as package
from napari_histoclust.core.slides.registry import formats, is_image, open_slide

_FORMAT = """
import numpy as np
from napari_histoclust.core.slides.format import Format
from napari_histoclust.core.slides.tiled.tiles import TiledSlide

class Level:
    def __init__(self, path):
        self.pixels = np.load(path)
        self.shape = self.tile = self.pixels.shape[:2]

    def decode(self, row, col):
        return self.pixels

FORMAT = Format(
    name="NumPy array",
    open=lambda path: (TiledSlide(path, path.stem, [Level(path)], None, "numpy"),),
    suffixes=(".npy",),
    recognises=lambda path, start: start.startswith(bytes([0x93]) + b"NUMPY"),
)
"""


@pytest.fixture
def toy(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "formats").mkdir()
    (tmp_path / "formats" / "numpy_array.py").write_text(_FORMAT)
    package.__path__.append(str(tmp_path / "formats"))
    formats.cache_clear()
    yield
    package.__path__.remove(str(tmp_path / "formats"))
    formats.cache_clear()
    sys.modules.pop(f"{package.__name__}.numpy_array", None)


@pytest.mark.usefixtures("toy")
def test_a_file_with_a_record_is_all_that_a_format_takes(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    np.save(tmp_path / "HE.npy", pixels)
    assert is_image(tmp_path / "HE.npy")
    np.testing.assert_array_equal(open_slide(tmp_path / "HE.npy").read(0, 0, 0, 40, 50), pixels)
