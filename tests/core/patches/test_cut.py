"""Patches read by blocks against patches read one by one."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.patches.made import mask_of, noise_stack
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.patches import reader
from napari_histoclust.core.patches.cut import cut_patches, patches_of
from napari_histoclust.core.patches.lattice import make_grid
from napari_histoclust.core.patches.reader import read_ahead, read_patches
from napari_histoclust.core.slides.stack import Stack


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


def test_far_apart_patches_do_not_read_what_lies_between() -> None:
    stack = noise_stack(2100, 2100, stains=1)
    cut = cut_patches(stack, 0, np.array([0, 2050]), np.array([0, 2060]), 30, ["S0"])
    decoded = stack.slides["S0"]._levels[0].decoded  # type: ignore[attr-defined]
    assert len(decoded) <= 8
    np.testing.assert_array_equal(cut[1], stack.read(0, 2050, 2060, 30, 30, ["S0"]))


def test_a_window_that_is_not_contiguous_is_cut_the_same() -> None:
    window = np.random.default_rng(0).integers(0, 256, (2, 20, 30, 3), np.uint8)[:, ::2, 3:]
    cut = patches_of(window, np.array([0, 5]), np.array([7, 22]), 5)
    np.testing.assert_array_equal(cut[1], window[:, 5:10, 22:27])


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


def test_stopping_early_ends_the_threads_and_reads_little_more() -> None:
    done: list[int] = []

    def work(item: int) -> int:
        done.append(item)
        return item

    before = threading.active_count()
    pieces = read_ahead(work, range(1000))
    assert next(pieces) == 0
    pieces.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
    assert len(done) <= 20


def test_an_error_in_a_thread_reaches_the_consumer() -> None:
    def work(item: int) -> int:
        if item == 3:
            raise HistoclustError("tile 3 is damaged")
        return item

    seen = []
    with pytest.raises(HistoclustError, match="tile 3"):
        for piece in read_ahead(work, range(10)):
            seen.append(piece)  # noqa: PERF402 - what came before the error is wanted
    assert seen == [0, 1, 2]
