"""Tiles are written once each, at their place, at every level."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_histoclust.core.phantom.pyramid import TILE_PX, Picture, write_pyramid


def _value(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    return ((y // 64 * 5 + x // 64 * 11) % 199).astype(np.uint8)


def _class_block(y: int, x: int) -> np.ndarray:
    return _value(np.arange(y, y + 1024)[:, None], np.arange(x, x + 1024)[None])


def _colour_block(y: int, x: int) -> np.ndarray:
    return np.repeat(_class_block(y, x)[..., None], 3, axis=2)


def _write(path: Path, side: int, *, coloured: bool) -> int:
    block = _colour_block if coloured else _class_block
    picture = Picture(side, block, coloured, "HE", "a test", 0.25)
    return sum(1 for _ in write_pyramid(path, picture))


@pytest.mark.parametrize("side", [256, 512, 1000, 1025, 2500, 4609])
def test_every_level_of_a_class_picture_is_exact(tmp_path: Path, side: int) -> None:
    path = tmp_path / "truth.ome.tif"
    assert _write(path, side, coloured=False) == (-(-side // 1024)) ** 2
    expected = _value(np.arange(side)[:, None], np.arange(side)[None])
    with tifffile.TiffFile(path) as tiff:
        levels = tiff.series[0].levels
        assert levels[-1].shape[0] <= TILE_PX
        for k, level in enumerate(levels):
            step, length = 2**k, side >> k
            assert (level.asarray() == expected[::step, ::step][:length, :length]).all()
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_colours_survive_jpeg_and_averaging(tmp_path: Path) -> None:
    path = tmp_path / "he.ome.tif"
    _write(path, 1600, coloured=True)
    with tifffile.TiffFile(path) as tiff:
        series = tiff.series[0]
        assert [level.shape for level in series.levels] == [(1600, 1600, 3), (800, 800, 3), (400, 400, 3)]
        assert all(level.keyframe.tile == (TILE_PX, TILE_PX) for level in series.levels)
        full = _colour_block(0, 0).astype(int)
        assert np.abs(series.levels[0].asarray()[:1024, :1024] - full).mean() < 1.5
        mean = full.reshape(512, 2, 512, 2, 3).mean((1, 3))
        assert np.abs(series.levels[1].asarray()[:512, :512] - mean).mean() < 1.5


def test_the_header_states_name_and_physical_size(tmp_path: Path) -> None:
    path = tmp_path / "he.ome.tif"
    _write(path, 1024, coloured=True)
    with tifffile.TiffFile(path) as tiff:
        pixels = tifffile.xml2dict(tiff.ome_metadata)["OME"]["Image"]
        page = tiff.pages[0]
        assert pixels["Name"] == "HE"
        assert pixels["Pixels"]["PhysicalSizeX"] == 0.25
        assert pixels["Pixels"]["PhysicalSizeXUnit"] == "µm"
        assert page.get_resolution("MICROMETER")[0] == pytest.approx(4.0)
        assert tiff.pages[0].pages[0].get_resolution("MICROMETER")[0] == pytest.approx(2.0)


def test_stopping_half_way_leaves_no_spool(tmp_path: Path) -> None:
    picture = Picture(3000, _class_block, False, "truth", "", 1.0)
    job = write_pyramid(tmp_path / "truth.ome.tif", picture)
    next(job)
    job.close()
    assert list(tmp_path.iterdir()) == []
