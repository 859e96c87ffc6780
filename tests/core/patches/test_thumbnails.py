"""Thumbnails show the px of the slide."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from core.patches.made import stack_of
from core.slides.written import halved, noise
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.patches.grid import PatchGrid
from napari_histoclust.core.patches.thumbnails import read_thumbnails, resized, thumbnail_level
from napari_histoclust.core.slides.protocol import UInt8
from napari_histoclust.core.slides.stack import Stack

PATCH = 64


def pyramid(side: int, levels: int, seed: int) -> list[UInt8]:
    pictures = [noise(side, side, seed)]
    for _ in range(levels - 1):
        pictures.append(halved(pictures[-1]))
    return pictures


@pytest.fixture(scope="module")
def stack() -> Stack:
    return stack_of({name: pyramid(512, 3, seed) for seed, name in enumerate(("HE", "MT"))})


def grid_of(level: int = 0, patch_px: int = PATCH, stride_px: int = PATCH) -> PatchGrid:
    places = (512 // 2**level - patch_px) // stride_px + 1
    row, col = (place.ravel().astype(np.int32) for place in np.indices((places, places)))
    return PatchGrid(
        (places, places), patch_px, stride_px, level, float(2**level), row, col, np.ones(len(row), np.float32)
    )


def read(stack: Stack, grid: PatchGrid, rows: list[int], side: int) -> UInt8:
    pixels = np.zeros((len(rows), 2, side, side, 3), np.uint8)
    seen: list[int] = []
    for places, some in read_thumbnails(stack, grid, np.array(rows, int), side, ("HE", "MT")):
        pixels[places] = some
        seen += places.tolist()
    assert sorted(seen) == list(range(len(rows)))
    return pixels


@pytest.mark.parametrize(
    ("side", "level", "patch_px"),
    [(200, 0, 64), (64, 0, 64), (48, 0, 64), (32, 1, 32), (17, 1, 32), (16, 2, 16), (8, 2, 16)],
)
def test_the_coarsest_level_that_is_large_enough(stack: Stack, side: int, level: int, patch_px: int) -> None:
    assert thumbnail_level(stack, grid_of(), side) == (level, patch_px)


def test_a_run_on_a_coarse_level_is_shown_from_a_finer_one(stack: Stack) -> None:
    assert thumbnail_level(stack, grid_of(level=1, patch_px=32), 64) == (0, 64)


@pytest.mark.parametrize(
    "grid", [grid_of(), grid_of(stride_px=40), grid_of(level=1, patch_px=32, stride_px=24)]
)
@pytest.mark.parametrize("level", [0, 1, 2])
def test_px_are_those_of_the_slide(stack: Stack, grid: PatchGrid, level: int) -> None:
    side = PATCH // 2**level
    rows = [3, 0, len(grid) - 1, 20, 4]
    pixels = read(stack, grid, rows, side)
    for patch, row in zip(pixels, rows, strict=True):
        y, x = (round(int(place[row]) * grid.place_px / 2**level) for place in (grid.row, grid.col))
        assert np.array_equal(patch, stack.read(level, y, x, side, side, ("HE", "MT")))


def test_many_and_few_read_the_same(stack: Stack) -> None:
    grid = grid_of(stride_px=16)
    together = read(stack, grid, list(range(len(grid))), PATCH)
    for row in (0, 77, len(grid) - 1):
        assert np.array_equal(read(stack, grid, [row], PATCH)[0], together[row])


def test_no_rows_no_reading(stack: Stack) -> None:
    assert not len(read(stack, grid_of(), [], 32))


def test_larger_patches_are_averaged() -> None:
    patches = noise(100, 100).reshape(1, 1, 100, 100, 3)
    small = resized(patches, 60)
    direct = Image.fromarray(patches[0, 0]).resize((60, 60), Image.Resampling.BILINEAR)
    assert np.array_equal(small[0, 0], np.asarray(direct))
    flat = np.full((2, 3, 50, 50, 3), 77, np.uint8)
    assert (resized(flat, 31) == 77).all()
    assert resized(flat, 31).shape == (2, 3, 31, 31, 3)


def test_the_px_of_smaller_patches_are_repeated() -> None:
    patches = noise(8, 8).reshape(1, 1, 8, 8, 3)
    assert np.array_equal(resized(patches, 24)[0, 0], patches[0, 0].repeat(3, 0).repeat(3, 1))


def test_a_missing_stain_is_told(stack: Stack) -> None:
    with pytest.raises(HistoclustError, match="stain Ki67 is missing"):
        next(read_thumbnails(stack, grid_of(), np.array([0]), 32, ("HE", "Ki67")))
