"""overlay.ome.tif, read back by tifffile, level by level."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.runs import make_run
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.export.formats.overlay import blend
from napari_histoclust.core.export.options import ExportOptions
from napari_histoclust.core.export.registry import export_run
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.run.run import Run
from stacks import write_stack

SIDE = 1100  # three levels, tiles that end beyond the slide


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("overlay")
    images = write_stack(folder / "images", side_px=SIDE, stains=("HE", "CD31"))
    made = make_run(folder / "run", rows=34, cols=34, paths=[images])
    (slide,) = made.manifest.slides
    sized = slide.model_copy(update={"shape_px": (SIDE, SIDE)})
    return replace(made, manifest=made.manifest.model_copy(update={"slides": (sized,)}))


def _levels(run: Run, folder: Path, **options: Any) -> list[NDArray[np.uint8]]:
    (path,) = drive(export_run(run, ["overlay"], folder, ExportOptions(**options)))
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_ome
        return [level.asarray() for level in tiff.series[0].levels]


def _literal(run: Run, stain: str, opacity: float) -> NDArray[np.float64]:
    """Level 0 px by px: the stain where no patch lies, else mixed with the colour of its cluster."""
    stack = run.open_stack()
    picture = stack.read(0, 0, 0, SIDE, SIDE, [stain])[0].astype(float)
    grid = run.grids[0]
    colours = {c.id: [int(c.colour[i : i + 2], 16) for i in (1, 3, 5)] for c in run.clusters}
    for label, row, col in zip(run.labels, grid.row, grid.col, strict=True):
        place = np.s_[row * 32 : (row + 1) * 32, col * 32 : (col + 1) * 32]
        picture[place] = (1 - opacity) * picture[place] + opacity * np.array(colours[int(label)])
    return picture


@pytest.mark.parametrize(("stain", "opacity"), [(None, 0.5), ("CD31", 0.25), ("HE", 0.0), ("HE", 1.0)])
def test_every_level_is_stain_and_colour(run: Run, tmp_path: Path, stain: str | None, opacity: float) -> None:
    levels = _levels(run, tmp_path, stain=stain, opacity=opacity)
    expected = _literal(run, stain or "HE", opacity)
    assert [level.shape for level in levels] == [(1100, 1100, 3), (550, 550, 3), (275, 275, 3)]
    for number, level in enumerate(levels):
        step = 2**number
        means = expected.reshape(SIDE // step, step, SIDE // step, step, 3).mean((1, 3))
        # JPEG, and the label of a coarse px is that of its middle
        assert np.abs(level - means).mean() < 4


def test_scale_is_in_the_file(run: Run, tmp_path: Path) -> None:
    (path,) = drive(export_run(run, ["overlay"], tmp_path))
    with tifffile.TiffFile(path) as tiff:
        assert 'PhysicalSizeX="0.5"' in str(tiff.ome_metadata)
        assert tiff.pages[0].tags["XResolution"].value == (20_000, 1)


def test_images_that_have_moved_are_told_before_anything_is_written(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    with pytest.raises(HistoclustError, match="images of this run are no longer there"):
        drive(export_run(run, ["overlay"], tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_unknown_stain_is_told(run: Run, tmp_path: Path) -> None:
    with pytest.raises(HistoclustError, match=r"stain CK19 is missing, it has HE, CD31"):
        drive(export_run(run, ["overlay"], tmp_path / "out", ExportOptions(stain="CK19")))
    assert not (tmp_path / "out").exists()


@given(st.integers(0, 255), st.integers(0, 255), st.floats(0, 1), st.booleans())
def test_blend_is_a_weighted_mean(pixel: int, colour: int, opacity: float, is_patch: bool) -> None:
    pixels = np.full((1, 1, 3), pixel, np.uint8)
    table = np.array([[9, 9, 9], [colour] * 3], np.uint8)
    blend(pixels, table, np.array([[int(is_patch)]]), opacity)
    expected = (1 - opacity) * pixel + opacity * colour if is_patch else pixel
    assert abs(int(pixels[0, 0, 0]) - expected) <= 1.5
