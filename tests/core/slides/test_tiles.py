"""Windows, the cache and the lazy levels of a picture made of tiles."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.slides.written import ArrayLevel, UInt8, noise
from napari_histoclust.core.slides.tiles import TileCache, TiledSlide


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


def test_the_cache_keeps_within_its_bytes_but_always_the_last_tile() -> None:
    cache = TileCache(max_bytes=1000)
    loads: list[int] = []

    def load(key: int, size: int) -> UInt8:
        loads.append(key)
        return np.full(size, key, np.uint8)

    for key in (1, 2, 3):
        cache.get((0, 0, key), lambda key=key: load(key, 400))  # type: ignore[misc]
    cache.get((0, 0, 3), lambda: load(3, 400))
    cache.get((0, 0, 1), lambda: load(1, 400))  # dropped when 3 came
    assert loads == [1, 2, 3, 1]
    for _ in range(2):
        cache.get((0, 0, 9), lambda: load(9, 5000))
    assert loads == [1, 2, 3, 1, 9]


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


def test_flat_strips_become_chunks_of_about_a_thousand_rows() -> None:
    (lazy,) = slide_of(ArrayLevel(noise(3000, 50), (8, 50))).dask_levels()
    assert lazy.chunks[0][0] == 1024
    assert lazy.chunks[1] == (50,)


def test_a_lazy_chunk_reads_nothing_beside_it() -> None:
    level = ArrayLevel(noise(64, 64), (16, 16))
    (lazy,) = slide_of(level).dask_levels()
    lazy[:16, :16].compute(scheduler="sync")
    assert set(level.decoded) == {(0, 0)}
