"""Patches read by blocks against patches read one by one."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.patches.made import mask_of, noise_stack
from core.slides.written import ArrayLevel, noise
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.patches import reader
from napari_histoclust.core.patches.lattice import make_grid
from napari_histoclust.core.patches.reader import (
    AHEAD,
    Unit,
    cut_patches,
    read_patches,
    read_units,
)
from napari_histoclust.core.slides.placed.warped import cut_windows, patches_of
from napari_histoclust.core.slides.stack import Stack
from napari_histoclust.core.slides.tiled.tiles import TiledSlide


def one_by_one(stack: Stack, y: Any, x: Any, patch_px: int, stains: Any) -> np.ndarray[Any, Any]:
    return np.stack(
        [stack.read(0, int(v), int(u), patch_px, patch_px, stains) for v, u in zip(y, x, strict=True)]
    )


@settings(max_examples=50, deadline=None)
@given(
    patch_px=st.integers(1, 30),
    places=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 50)), min_size=1, max_size=12),
    stains=st.sampled_from([["S0"], ["S1", "S0"], ["S2", "S0", "S1"]]),
)
def test_cutting_is_reading_one_by_one(
    patch_px: int, places: list[tuple[int, int]], stains: list[str]
) -> None:
    stack = noise_stack(75, 85, stains=3)
    y, x = np.array(places).T
    cut = cut_patches(stack, 0, y, x, patch_px, stains)
    assert cut.shape == (len(places), len(stains), patch_px, patch_px, 3)
    np.testing.assert_array_equal(cut, one_by_one(stack, y, x, patch_px, stains))


class WindowsOnly:
    """A slide that only reads windows, as a warped one does, and counts the px."""

    def __init__(self, slide: Any) -> None:
        self._slide = slide
        self.shapes = slide.shapes
        self.read_px = 0

    def read(self, level: int, y: int, x: int, height: int, width: int, out: Any = None) -> Any:
        self.read_px += height * width
        return self._slide.read(level, y, x, height, width)


@settings(max_examples=50, deadline=None)
@given(
    patch_px=st.integers(1, 40),
    places=st.lists(st.tuples(st.integers(-45, 80), st.integers(-45, 90)), min_size=1, max_size=12),
    tile=st.tuples(st.integers(1, 40), st.integers(1, 100)),
    windows=st.booleans(),
)
def test_patches_over_the_edge_are_white_there(
    patch_px: int, places: list[tuple[int, int]], tile: tuple[int, int], windows: bool
) -> None:
    slide = TiledSlide(Path("x.tif"), "x", [ArrayLevel(noise(75, 85), tile)], None, "test")
    y, x = np.array(places).T
    out = np.zeros((len(places), 3, patch_px, patch_px, 3), np.uint8)
    if windows:
        cut_windows(WindowsOnly(slide), 0, y, x, out[:, 1])
    else:
        slide.cut(0, y, x, out, 1)
    for patch, (top, left) in zip(out[:, 1], places, strict=True):
        np.testing.assert_array_equal(patch, slide.read(0, top, left, patch_px, patch_px))
    assert not out[:, [0, 2]].any(), "another stain's patches were written to"


@settings(max_examples=50, deadline=None)
@given(
    patch_px=st.integers(1, 30),
    places=st.lists(st.tuples(st.integers(-35, 80), st.integers(-35, 90)), min_size=1, max_size=12),
    tile=st.tuples(st.integers(1, 40), st.integers(1, 100)),
)
def test_the_tiles_under_the_patches_are_decoded_once_and_no_others(
    patch_px: int, places: list[tuple[int, int]], tile: tuple[int, int]
) -> None:
    level = ArrayLevel(noise(75, 85), tile)
    slide = TiledSlide(Path("x.tif"), "x", [level], None, "test")
    y, x = np.array(places).T
    slide.cut(0, y, x, np.empty((len(places), 1, patch_px, patch_px, 3), np.uint8), 0)
    touched = np.zeros((75, 85), bool)
    for top, left in places:
        touched[max(top, 0) : max(top + patch_px, 0), max(left, 0) : max(left + patch_px, 0)] = True
    rows, cols = np.nonzero(touched)
    assert sorted(level.decoded) == sorted(set(zip(rows // tile[0], cols // tile[1], strict=True)))


def test_windows_far_apart_are_not_read_as_one() -> None:
    stack = noise_stack(2100, 2100, stains=1)
    slide = WindowsOnly(stack.slides["S0"])
    out = np.empty((2, 1, 30, 30, 3), np.uint8)
    cut_windows(slide, 0, np.array([0, 2050]), np.array([0, 2060]), out[:, 0])
    assert slide.read_px == 2 * 30 * 30
    np.testing.assert_array_equal(out[1], stack.read(0, 2050, 2060, 30, 30, ["S0"]))


def test_a_window_that_is_not_contiguous_is_cut_the_same() -> None:
    window = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)[::2, 3:]
    cut = patches_of(window, np.array([0, 5]), np.array([7, 22]), 5)
    np.testing.assert_array_equal(cut[1], window[5:10, 22:27])


@settings(max_examples=25, deadline=None)
@given(
    patch_px=st.integers(3, 40),
    stride_px=st.integers(3, 60),
    bounds=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    unit=st.integers(1, 30),
)
def test_the_grid_is_read_in_its_order(
    patch_px: int, stride_px: int, bounds: tuple[float, float], unit: int
) -> None:
    stack = noise_stack(160, 190)
    tissue = np.random.default_rng(3).random((16, 19)) < 0.8
    grid = make_grid(
        stack,
        mask_of(tissue, 10.0),
        patch_px=patch_px,
        stride_px=stride_px,
        level=0,
        min_tissue=0.3,
        min_valid=0,
    )
    start, stop = sorted(round(share * len(grid)) for share in bounds)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "UNIT_BYTES", unit * 2 * patch_px**2 * 3)
        pieces = list(read_patches(stack, grid, start, stop, ["S1", "S0"]))
    assert [k for rows, _ in pieces for k in range(rows.start, rows.stop)] == list(range(start, stop))
    for rows, patches in pieces:
        y, x = grid.row[rows] * stride_px, grid.col[rows] * stride_px
        np.testing.assert_array_equal(patches, one_by_one(stack, y, x, patch_px, ["S1", "S0"]))


def test_units_never_span_two_blocks() -> None:
    stack = noise_stack(100, 4300, stains=1)
    grid = make_grid(
        stack,
        mask_of(np.ones((1, 43), bool), 100.0),
        patch_px=100,
        stride_px=100,
        level=0,
        min_tissue=0,
        min_valid=0,
    )
    rows = [rows for rows, _ in read_patches(stack, grid, 5, len(grid), ["S0"])]
    assert rows == [slice(5, 20), slice(20, 40), slice(40, 43)]


def test_a_missing_stain_is_named() -> None:
    stack = noise_stack(100, 100)
    with pytest.raises(HistoclustError, match="stain HE is missing"):
        read_patches(stack, None, 0, 1, ["HE"])  # type: ignore[arg-type]


def units_of(stack: Stack, count: int) -> list[Unit[int]]:
    """One patch of 32 px, which is a tile, a unit."""
    return [Unit(k, stack, 0, np.array([k * 32]), np.array([0]), 32) for k in range(count)]


def test_stopping_early_ends_the_threads_and_reads_little_more() -> None:
    stack = noise_stack(32 * 100, 32, stains=3)
    before = threading.active_count()
    reading = read_units(units_of(stack, 100), stack.stains)
    assert next(reading).key == 0
    reading.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
    decoded = sum(len(slide.levels[0].decoded) for slide in stack.slides.values())  # type: ignore[attr-defined]
    assert decoded <= 3 * (AHEAD + 1)


def test_units_are_read_ahead_of_who_takes_them() -> None:
    """While the first unit is looked at, the next ones are decoded."""
    stack = noise_stack(32 * 20, 32, stains=2)
    decoded = threading.Event()
    level = stack.slides["S1"].levels[0]  # type: ignore[attr-defined]
    decode = level.decode

    def told(row: int, col: int) -> Any:
        if row == AHEAD:
            decoded.set()
        return decode(row, col)

    level.decode = told
    reading = read_units(units_of(stack, 20), stack.stains)
    next(reading)
    assert decoded.wait(60)
    assert [patches.key for patches in reading] == list(range(1, 20))


def test_what_is_measured_belongs_to_its_unit() -> None:
    stack = noise_stack(32 * 9, 32, stains=3)
    here = threading.get_ident()
    threads = set()

    def measure(key: int, pixels: Any) -> tuple[int, int]:
        threads.add(threading.get_ident())
        return key, int(pixels.sum())

    for patches in read_units(units_of(stack, 9), stack.stains, measure):
        assert patches.measured == (patches.key, int(patches.pixels.sum()))
    assert here not in threads


def test_a_damaged_tile_ends_the_reading_where_it_is_needed() -> None:
    stack = noise_stack(32 * 10, 32, stains=2)
    level = stack.slides["S1"].levels[0]  # type: ignore[attr-defined]
    decode = level.decode

    def damaged(row: int, col: int) -> Any:
        if row == 3:
            raise HistoclustError("tile 3 is damaged")
        return decode(row, col)

    level.decode = damaged
    seen = []
    with pytest.raises(HistoclustError, match="tile 3"):
        for patches in read_units(units_of(stack, 10), stack.stains):
            seen.append(patches.key)
    assert seen == [0, 1, 2]
