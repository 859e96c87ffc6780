"""Noise is a function of its place: repeatable, even, smooth."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_histoclust.core.phantom.noise import hash_place, make_texture, octaves, uniform, value_noise

_PLACE = st.integers(-(2**31), 2**31 - 1)


def _literal_hash(seed: int, y: int, x: int) -> int:
    def scramble(h: int) -> int:
        h ^= h >> 16
        h = h * 0x7FEB352D % 2**32
        h ^= h >> 15
        h = h * 0x846CA68B % 2**32
        return h ^ h >> 16

    h = scramble(seed ^ y % 2**32 * 0x9E3779B1 % 2**32)
    return scramble(h ^ x % 2**32 * 0x85EBCA77 % 2**32)


@settings(deadline=None)  # the first call compiles
@given(st.integers(0, 2**31 - 1), _PLACE, _PLACE)
def test_the_hash_is_the_one_written_out_in_plain_python(seed: int, y: int, x: int) -> None:
    assert int(hash_place(seed, y, x)) == _literal_hash(seed, y, x)


def test_draws_are_even_and_do_not_depend_on_each_other() -> None:
    draws = np.array(
        [[uniform(hash_place(3, y, x), k) for k in range(2)] for y in range(64) for x in range(64)]
    )
    counts = np.histogram(draws[:, 0], bins=16, range=(0, 1))[0]
    assert draws.min() >= 0
    assert draws.max() < 1
    assert np.abs(counts - 256).max() < 80  # five standard deviations
    assert abs(np.corrcoef(draws.T)[0, 1]) < 0.08


@settings(deadline=None)
@given(st.floats(-1e5, 1e5), st.floats(-1e5, 1e5))
def test_value_noise_is_smooth_and_bounded(y: float, x: float) -> None:
    here = value_noise(1, y, x)
    assert -1 <= here <= 1
    assert abs(value_noise(1, y + 1e-3, x) - here) < 0.01
    assert abs(octaves(1, y, x, 4)) <= 1.4


def test_textures_tile_and_are_even() -> None:
    texture = make_texture(5, 5.0)
    counts = np.bincount(texture.ravel() >> 4, minlength=16) / texture.size
    across = np.abs(texture[:, 0].astype(int) - texture[:, -1]).mean()
    inside = np.abs(texture[:, 0].astype(int) - texture[:, 1]).mean()
    assert np.abs(counts - 1 / 16).max() < 0.02
    assert across < 1.3 * inside
    assert (make_texture(5, 5.0) == texture).all()
    assert (make_texture(6, 5.0) != texture).mean() > 0.9
