"""labels.ome.tif, every level of it, read back by tifffile, libvips, openslide and napari."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import openslide
import pytest
import pyvips
import tifffile
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from napari_builtins.io import napari_get_reader
from numpy.typing import NDArray

from core.runs import make_run
from napari_histoclust.core.atomic import atomic_file
from napari_histoclust.core.errors import Cancelled
from napari_histoclust.core.export.label_tiles import LabelPyramid
from napari_histoclust.core.export.registry import export_run
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.palette import Cluster, default_clusters
from napari_histoclust.core.patches.grid import PatchGrid
from napari_histoclust.core.run.run import Run

_OME = {"ome": "http://www.openmicroscopy.org/Schemas/OME/2016-06"}


def _write(run: Run, folder: Path) -> Path:
    (path,) = drive(export_run(run, ["ome-tiff"], folder))
    return path


def _literal(run: Run) -> NDArray[Any]:
    """Every px of the slide by itself: the patch whose square holds the px's centre."""
    grid, (height, width) = run.grids[0], run.manifest.slides[0].shape_px
    picture = np.zeros((height, width), int)
    half = grid.place_px / 2
    for label, y_px, x_px in zip(run.labels, grid.y_px, grid.x_px, strict=True):
        ys, xs = np.arange(height) + 0.5, np.arange(width) + 0.5
        inside_y = np.flatnonzero((ys >= y_px - half) & (ys < y_px + half))
        inside_x = np.flatnonzero((xs >= x_px - half) & (xs < x_px + half))
        if len(inside_y) and len(inside_x):
            picture[inside_y[0] : inside_y[-1] + 1, inside_x[0] : inside_x[-1] + 1] = label
    return picture


@pytest.mark.parametrize(
    ("patch_px", "stride_px", "downsample"),
    [(32, 32, 1.0), (128, 128, 1.0), (32, 16, 1.0), (32, 48, 1.0), (50, 50, 2.5), (30, 20, 4.25)],
)
def test_every_px_of_every_level(tmp_path: Path, patch_px: int, stride_px: int, downsample: float) -> None:
    run = make_run(tmp_path / "run", patch_px=patch_px, stride_px=stride_px, downsample=downsample)
    expected = _literal(run)
    with tifffile.TiffFile(_write(run, tmp_path)) as tiff:
        levels = tiff.series[0].levels
        assert max(levels[-1].shape) <= 512
        for number, level in enumerate(levels):
            factor = 2**number
            height, width = (side // factor for side in expected.shape)
            middle = expected[factor // 2 :: factor, factor // 2 :: factor][:height, :width]
            np.testing.assert_array_equal(level.asarray(), middle)
            assert level.keyframe.is_tiled
    assert len(levels) == 1 + max(0, int(np.ceil(np.log2(max(expected.shape) / 512))))


def test_every_level_in_libvips(tmp_path: Path) -> None:
    """libvips reads the levels as sub-IFDs, by libtiff: another reader and another decoder."""
    run = make_run(tmp_path / "run", rows=30, cols=40, patch_px=64)
    path = _write(run, tmp_path)
    with tifffile.TiffFile(path) as tiff:
        levels = [level.asarray() for level in tiff.series[0].levels]
    assert len(levels) > 2
    first = pyvips.Image.tiffload(str(path))
    assert first.get("n-subifds") == len(levels) - 1
    for number, expected in enumerate(levels):
        level = first if number == 0 else pyvips.Image.tiffload(str(path), subifd=number - 1)
        np.testing.assert_array_equal(level.numpy().squeeze(), expected)
    assert first.xres == pytest.approx(1000 / 0.5)  # px per mm


def test_labels_at_the_patches_in_openslide(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", rows=30, cols=40, patch_px=64)
    grid = run.grids[0]
    with openslide.OpenSlide(_write(run, tmp_path)) as slide:
        assert slide.dimensions == run.manifest.slides[0].shape_px[::-1]
        for i in np.random.default_rng(0).choice(len(run), 50, replace=False):
            place = int(grid.x_px[i]), int(grid.y_px[i])
            red, green, blue, alpha = slide.read_region(place, 0, (1, 1)).getpixel((0, 0))
            assert (red, green, blue, alpha) == (*(run.labels[i],) * 3, 255)


def test_napari_s_own_reader(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", patch_px=64)
    path = _write(run, tmp_path)
    read = napari_get_reader(str(path))
    assert read is not None
    ((picture, *_),) = read(str(path))
    grid = run.grids[0]
    np.testing.assert_array_equal(picture[grid.y_px.astype(int), grid.x_px.astype(int)], run.labels)


def test_metadata(tmp_path: Path) -> None:
    path = _write(make_run(tmp_path / "run", um_per_px=0.25, patch_px=128), tmp_path)
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_ome
        assert not tiff.is_bigtiff
        assert tiff.series[0].axes == "YX"
        root = ElementTree.fromstring(str(tiff.ome_metadata))
        assert tiff.pages[0].tags["ResolutionUnit"].value == 3
        numerator, denominator = tiff.pages[0].tags["XResolution"].value
        assert numerator / denominator == pytest.approx(40_000)
    pixels = root.find(".//ome:Pixels", _OME)
    assert pixels is not None
    for axis in "XY":
        assert float(pixels.attrib[f"PhysicalSize{axis}"]) == 0.25
        assert pixels.attrib[f"PhysicalSize{axis}Unit"] == "µm"
    names = {m.attrib["K"]: m.text for m in root.iterfind(".//ome:M", _OME)}
    assert names == {str(c.id): f"{c.name} {c.colour}" for c in default_clusters(4)}


def test_no_scale_is_stated_where_none_is_known(tmp_path: Path) -> None:
    path = _write(make_run(tmp_path / "run", um_per_px=None), tmp_path)
    with tifffile.TiffFile(path) as tiff:
        assert "PhysicalSize" not in str(tiff.ome_metadata)
        assert tiff.pages[0].tags["ResolutionUnit"].value == 1


def _grid(rows: int, cols: int, patch_px: int) -> PatchGrid:
    row, col = (index.ravel().astype(np.int32) for index in np.indices((rows, cols)))
    return PatchGrid((rows, cols), patch_px, patch_px, 0, 1.0, row, col, np.ones(len(row), np.float32))


def test_more_than_4_gib_become_a_bigtiff_in_little_memory(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", rows=60, cols=70, patch_px=1024)
    tracemalloc.start()
    path = _write(run, tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6  # the slide is 61,440 x 71,680 px
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_bigtiff
        level = zarr.open_array(tiff.aszarr(level=0), mode="r")
        grid = run.grids[0]
        for i in np.random.default_rng(0).choice(len(run), 20, replace=False):
            assert level[int(grid.y_px[i]), int(grid.x_px[i])] == run.labels[i]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 1500), st.integers(1, 1500))
def test_shapes_of_levels(height: int, width: int) -> None:
    pyramid = LabelPyramid(np.ones((2, 2), np.uint8), _grid(2, 2, 700), (height, width))
    for level, (rows, cols) in enumerate(pyramid.shapes):
        assert rows == max(1, height // 2**level)
        assert cols == max(1, width // 2**level)
        assert pyramid.strips(level) == len(list(pyramid.encoded_strips(level)))


def test_more_than_255_clusters(tmp_path: Path) -> None:
    clusters = [Cluster(i, str(i), "#808080") for i in range(1, 301)]
    run = make_run(tmp_path / "run", rows=30, cols=30, clusters=clusters, patch_px=8)
    picture = tifffile.imread(_write(run, tmp_path))
    assert picture.dtype == np.uint16
    np.testing.assert_array_equal(picture, _literal(run))


def test_cancelled_leaves_what_was_there(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", rows=60, cols=70, patch_px=1024)
    with atomic_file(tmp_path / "labels.ome.tif") as partial:
        partial.write_text("before")
    with pytest.raises(Cancelled):
        drive(export_run(run, ["ome-tiff"], tmp_path), cancelled=lambda: True)
    assert (tmp_path / "labels.ome.tif").read_text() == "before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["labels.ome.tif", "run"]
