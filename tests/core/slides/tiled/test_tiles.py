"""Windows, the cache and the lazy levels of a picture made of tiles."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.slides.written import ArrayLevel, UInt8, noise
from napari_histoclust.core.slides.tiled.tiles import TiledSlide, _tiles_under


def slide_of(level: ArrayLevel) -> TiledSlide:
    return TiledSlide(Path("x.tif"), "x", [level], None, "test")


def literal_window(picture: UInt8, y: int, x: int, height: int, width: int) -> UInt8:
    """The slow way: px by px."""
    out = np.full((height, width, 3), 255, np.uint8)
    for i in range(height):
        for j in range(width):
            if 0 <= y + i < picture.shape[0] and 0 <= x + j < picture.shape[1]:
                out[i, j] = picture[y + i, x + j]
    return out


@settings(max_examples=60, deadline=None)
@given(
    y=st.integers(-30, 60),
    x=st.integers(-30, 60),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    tile=st.tuples(st.integers(1, 20), st.integers(1, 50)),
)
def test_any_window_is_what_px_by_px_gives(
    y: int, x: int, height: int, width: int, tile: tuple[int, int]
) -> None:
    picture = noise(37, 41)
    window = slide_of(ArrayLevel(picture, tile)).read(0, y, x, height, width)
    np.testing.assert_array_equal(window, literal_window(picture, y, x, height, width))


def test_only_the_tiles_under_a_window_are_decoded() -> None:
    level = ArrayLevel(noise(100, 100), (10, 10))
    slide_of(level).read(0, 25, 31, 10, 9)
    assert sorted(level.decoded) == [(2, 3), (3, 3)]


def test_a_tile_at_hand_is_not_decoded_again() -> None:
    level = ArrayLevel(noise(20, 20), (10, 10))
    slide = slide_of(level)
    first, second = slide.read(0, 0, 0, 20, 20), slide.read(0, 5, 5, 15, 15)
    np.testing.assert_array_equal(first[5:, 5:], second)
    assert len(level.decoded) == 4


@given(
    places=st.lists(st.tuples(st.integers(-60, 140), st.integers(-60, 140)), min_size=1, max_size=20),
    side=st.integers(1, 70),
    tile=st.tuples(st.integers(1, 50), st.integers(1, 50)),
)
def test_tiles_under_squares_are_those_that_px_by_px_finds(
    places: list[tuple[int, int]], side: int, tile: tuple[int, int]
) -> None:
    touched = np.zeros((90, 110), bool)
    for top, left in places:
        touched[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)] = True
    slow = sorted({(int(y) // tile[0], int(x) // tile[1]) for y, x in np.argwhere(touched)})
    y, x = np.array(places).T
    assert _tiles_under(y, x, side, touched.shape, tile) == slow  # type: ignore[arg-type]


def test_threads_read_the_same_pixels() -> None:
    picture = noise(200, 200)
    slide = slide_of(ArrayLevel(picture, (16, 16)))
    places = [(y, x) for y in range(0, 180, 7) for x in range(0, 180, 11)]
    with ThreadPoolExecutor(4) as pool:
        windows = list(pool.map(lambda place: slide.read(0, *place, 20, 20), places))
    for (y, x), window in zip(places, windows, strict=True):
        np.testing.assert_array_equal(window, picture[y : y + 20, x : x + 20])


@pytest.mark.parametrize(
    "index",
    [np.s_[:], np.s_[3:30, 4:20], np.s_[::3, ::-2], np.s_[5], np.s_[:, -1, 2], np.s_[..., 1], np.s_[7:7]],
)
def test_lazy_levels_slice_as_the_array_does(index: object) -> None:
    picture = noise(37, 41)
    (lazy,) = slide_of(ArrayLevel(picture, (16, 8))).dask_levels()
    assert lazy.dtype == np.uint8
    np.testing.assert_array_equal(lazy[index].compute(scheduler="sync"), picture[index])  # type: ignore[index]


@pytest.mark.parametrize(
    ("shape", "tile", "chunk"),
    [
        ((3000, 50), (8, 50), (1024, 50)),
        ((3000, 8000), (8, 3840), (1024, 960)),  # strips of an NDPI
        ((3000, 5000), (8, 5000), (1024, 1000)),
        ((5000, 5000), (2048, 2048), (1024, 1024)),
        ((5000, 5000), (240, 240), (960, 960)),
    ],
)
def test_chunks_for_a_viewer_are_squarish_whatever_the_tiles(
    shape: tuple[int, int], tile: tuple[int, int], chunk: tuple[int, int]
) -> None:
    (lazy,) = slide_of(ArrayLevel(np.zeros((*shape, 3), np.uint8), tile)).dask_levels()
    assert lazy.chunksize == (*chunk, 3)


def test_chunks_side_by_side_decode_the_strips_they_share_once() -> None:
    level = ArrayLevel(noise(64, 8000), (8, 3840))
    (lazy,) = slide_of(level).dask_levels()
    np.testing.assert_array_equal(lazy.compute(scheduler="threads"), level.picture)
    assert sorted(level.decoded) == [(row, col) for row in range(8) for col in range(3)]


def test_a_lazy_chunk_reads_nothing_beside_it() -> None:
    level = ArrayLevel(noise(64, 64), (16, 16))
    (lazy,) = slide_of(level).dask_levels()
    lazy[:16, :16].compute(scheduler="sync")
    assert set(level.decoded) == {(0, 0)}
