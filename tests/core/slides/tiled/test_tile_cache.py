"""What the cache of tiles holds, and how often a tile is decoded."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.slides.written import ArrayLevel, UInt8, noise
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.tiled.tile_cache import TileCache, limit_cache, shared_cache
from napari_histoclust.core.slides.tiled.tiles import TiledSlide


def tile(size: int) -> UInt8:
    return np.zeros(size, np.uint8)


@given(
    sizes=st.lists(st.integers(1, 60), min_size=10, max_size=10),
    asked=st.lists(st.integers(0, 9), max_size=60),
    most=st.integers(0, 200),
)
def test_it_holds_what_a_list_of_the_last_ones_holds(sizes: list[int], asked: list[int], most: int) -> None:
    cache, last = TileCache(most), []
    for key in asked:
        loaded = []
        cache.get((0, key), lambda key=key, loaded=loaded: (loaded.append(key), tile(sizes[key]))[1])  # type: ignore[misc]
        assert bool(loaded) == (key not in last)
        last = [other for other in last if other != key] + [key]
        while sum(sizes[k] for k in last) > most and len(last) > 1:
            last.pop(0)
        assert cache.held_bytes == sum(sizes[k] for k in last)


def test_threads_that_miss_the_same_tile_decode_it_once() -> None:
    cache, loads = TileCache(1000), []
    begun, go = threading.Event(), threading.Event()

    def load() -> UInt8:
        loads.append(1)
        begun.set()
        assert go.wait(60)
        return tile(10)

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(cache.get, (0,), load)
        assert begun.wait(60)
        others = [pool.submit(cache.get, (0,), load) for _ in range(3)]
        go.set()
        tiles = [future.result(60) for future in (first, *others)]
    assert len(loads) == 1
    assert all(other is tiles[0] for other in tiles)


def test_a_tile_that_could_not_be_decoded_is_tried_again() -> None:
    cache = TileCache(1000)

    def damaged() -> UInt8:
        raise HistoclustError("damaged")

    with pytest.raises(HistoclustError):
        cache.get((0,), damaged)
    assert cache.get((0,), lambda: tile(10)).nbytes == 10


def test_a_smaller_limit_holds_at_once() -> None:
    cache = TileCache(1000)
    for key in range(10):
        cache.get((0, key), lambda: tile(100))
    assert cache.held_bytes == 1000
    cache.limit(250)
    assert cache.held_bytes == 200


def slide_of(level: ArrayLevel) -> TiledSlide:
    return TiledSlide(Path("x.tif"), "x", [level], None, "test")


def test_a_slide_that_is_closed_leaves_nothing_behind() -> None:
    gc.collect()  # slides of earlier tests
    before = shared_cache().held_bytes
    slide, other = slide_of(ArrayLevel(noise(64, 64), (16, 16))), slide_of(ArrayLevel(noise(8, 8), (8, 8)))
    slide.read(0, 0, 0, 64, 64)
    other.read(0, 0, 0, 8, 8)
    assert shared_cache().held_bytes == before + 64 * 64 * 3 + 8 * 8 * 3
    del slide
    gc.collect()
    assert shared_cache().held_bytes == before + 8 * 8 * 3


def test_the_setting_caps_all_slides_together(monkeypatch: pytest.MonkeyPatch) -> None:
    slides = [slide_of(ArrayLevel(noise(1024, 1024, seed), (256, 256))) for seed in range(3)]
    try:
        limit_cache(1)
        for slide in slides:
            slide.read(0, 0, 0, 1024, 1024)
        assert 0 < shared_cache().held_bytes <= 2**20
        monkeypatch.setenv("HISTOCLUST_CACHE_MIB", "2")
        limit_cache(None)
        for slide in slides:
            slide.read(0, 0, 0, 1024, 1024)
        assert 2**20 < shared_cache().held_bytes <= 2 * 2**20
    finally:
        monkeypatch.delenv("HISTOCLUST_CACHE_MIB", raising=False)
        limit_cache(None)


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HISTOCLUST_CACHE_MIB", "lots")
    with pytest.raises(HistoclustError, match="HISTOCLUST_CACHE_MIB=lots"):
        limit_cache(None)
