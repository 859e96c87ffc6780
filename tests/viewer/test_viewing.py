"""Looking at real files: what is decoded, and that nothing at hand is decoded again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Image

from napari_histoclust.core.slides.registry import open_slide
from napari_histoclust.core.slides.tiled.tiles import TiledSlide
from napari_histoclust.viewer.pyramid import levels_of
from viewer.pyramids import TILE, write_stain

SVS, NDPI = "tcga-cr-7395-01a-01-ts1.svs", "hamamatsu_test3-DAPI.ndpi"


class Counted:
    """A level that notes which of its tiles are decoded."""

    def __init__(self, level: Any) -> None:
        self._level = level
        self.shape, self.tile = level.shape, level.tile
        self.decoded: list[tuple[int, int]] = []

    def decode(self, row: int, col: int) -> Any:
        self.decoded.append((row, col))
        return self._level.decode(row, col)


def counted(path: Path) -> tuple[TiledSlide, list[Counted]]:
    slide = open_slide(path)
    assert isinstance(slide, TiledSlide)
    levels = [Counted(level) for level in slide.levels]
    return replace(slide, levels=levels), levels


def pan(level: Any, height: int, width: int, step: int) -> None:
    """Look at windows from left to right and back, as a viewer asks for them."""
    places = range(0, level.shape[1] - width + 1, step)
    for x in (*places, *reversed(places)):
        level[:height, x : x + width].compute()


@pytest.fixture
def stain(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 250, (512, 2048, 3), np.uint8)
    write_stain(tmp_path / "HE.ome.tif", pixels)
    return tmp_path / "HE.ome.tif"


def test_panning_decodes_each_tile_that_is_seen_once(stain: Path) -> None:
    slide, levels = counted(stain)
    pan(levels_of(slide)[0], 150, 400, 37)
    assert sorted(levels[0].decoded) == [(row, col) for row in range(3) for col in range(2048 // TILE)]
    assert not levels[1].decoded
    assert not levels[2].decoded


@pytest.mark.parametrize("name", [SVS, NDPI])
def test_panning_over_a_scanners_file_decodes_nothing_twice(shared_data: Path, name: str) -> None:
    slide, levels = counted(shared_data / "wsi" / "vendor" / name)
    pan(levels_of(slide)[0], 600, 1200, 500)
    assert len(levels[0].decoded) == len(set(levels[0].decoded)) > 0
    rows = {row for row, _ in levels[0].decoded}
    assert max(rows) < -(-600 // levels[0].tile[0]), "rows below the window were decoded"


def test_flat_strips_are_looked_at_in_squarish_pieces(shared_data: Path) -> None:
    slide, levels = counted(shared_data / "wsi" / "vendor" / NDPI)
    assert levels[0].tile[1] > 100 * levels[0].tile[0]
    lazy = levels_of(slide)[0]
    assert max(lazy.chunksize[:2]) < 1.5 * min(lazy.chunksize[:2])
    chunk = lazy.chunksize[0]
    np.testing.assert_array_equal(lazy[:chunk, 900:1100].compute(), slide.read(0, 0, 900, chunk, 200))
    assert len(levels[0].decoded) == len(set(levels[0].decoded)) == chunk // levels[0].tile[0]


@pytest.mark.parametrize("name", [SVS, NDPI])
def test_the_first_view_decodes_the_smallest_level_alone(shared_data: Path, name: str) -> None:
    slide, levels = counted(shared_data / "wsi" / "vendor" / name)
    layer = Image(levels_of(slide), rgb=True, multiscale=True)
    layer.refresh()
    assert levels[-1].decoded
    assert len(levels[-1].decoded) == len(set(levels[-1].decoded))
    assert not any(level.decoded for level in levels[:-1])
