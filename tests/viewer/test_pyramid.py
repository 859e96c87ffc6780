"""Levels lie on each other, and looking at a slide does not read it."""

from __future__ import annotations

from pathlib import Path

import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from napari.layers import Image
from numpy.typing import NDArray

from napari_histoclust.core.slides.registry import open_slide
from napari_histoclust.core.slides.tiled.tiles import lazy_level
from napari_histoclust.viewer.pyramid import equal_extents, levels_of
from viewer.pyramids import block_mean, write_stain

sides_px = st.integers(300, 100_000)


@given(
    shape=st.tuples(sides_px, sides_px),
    steps=st.sampled_from([(1, 2, 4), (1, 4, 16), (1, 3, 9), (1, 2, 8), (1,)]),
    up=st.booleans(),
)
def test_levels_lie_on_each_other(shape: tuple[int, int], steps: tuple[int, ...], up: bool) -> None:
    """Px i of a level covers level-0 px i * step .. (i + 1) * step - 1, to the last px."""
    shapes = tuple(
        (-(-shape[0] // step), -(-shape[1] // step)) if up else (shape[0] // step, shape[1] // step)
        for step in steps
    )
    levels = equal_extents(shapes)
    for before, after, step in zip(shapes, levels, steps, strict=True):
        assert (after[0] * step, after[1] * step) == levels[0]
        assert after[0] >= before[0]
        assert after[1] >= before[1]
    assert all(new - old < max(steps) for new, old in zip(levels[0], shape, strict=True))


def test_napari_takes_the_ratio_of_the_sides_for_the_step() -> None:
    """What `equal_extents` stands on."""
    shapes = equal_extents(((101, 202), (50, 101), (25, 50)))
    layer = Image([da.zeros((*shape, 3), np.uint8) for shape in shapes], rgb=True, multiscale=True)
    np.testing.assert_array_equal(layer.downsample_factors[:, :2], [(1, 1), (2, 2), (4, 4)])


@pytest.mark.parametrize("shapes", [((1000, 1000), (700, 700)), ((64, 64), (32, 32), (8, 8)), ((77, 5),)])
def test_other_levels_stay_as_they_are(shapes: tuple[tuple[int, int], ...]) -> None:
    assert equal_extents(shapes) == shapes


def test_what_is_added_is_white_and_the_rest_untouched(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 250, (201, 302, 3), np.uint8)
    write_stain(tmp_path / "HE.ome.tif", pixels, steps=(1, 2, 4))
    levels = [level.compute() for level in levels_of(open_slide(tmp_path / "HE.ome.tif"))]
    assert [level.shape for level in levels] == [(204, 304, 3), (102, 152, 3), (51, 76, 3)]
    for level, step in zip(levels, (1, 2, 4), strict=True):
        height, width = 201 // step, 302 // step
        np.testing.assert_array_equal(level[:height, :width], block_mean(pixels, step))
        assert (level[height:] == 255).all()
        assert (level[:, width:] == 255).all()


class Recorder:
    """A slide of 20,497 px, no multiple of its levels' steps, that notes which level is read."""

    shapes = ((20_497, 20_497), (2562, 2562), (320, 320))

    def __init__(self) -> None:
        self.read_levels: list[int] = []

    def read(
        self, level: int, y: int, x: int, height: int, width: int, out: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        if height * width:  # dask looks at an empty window to learn the kind of array
            self.read_levels.append(level)
        return np.zeros((height, width, 3), np.uint8)

    def dask_levels(self) -> list[da.Array]:
        return [lazy_level(self, level, (320, 320)) for level in range(len(self.shapes))]


def test_showing_a_whole_slide_reads_none_of_its_full_resolution() -> None:
    slide = Recorder()
    layer = Image(levels_of(slide), rgb=True, multiscale=True)
    layer.refresh()
    assert layer.level_shapes[:, 0].tolist() == [20_544, 2568, 321]
    assert set(slide.read_levels) == {2}
