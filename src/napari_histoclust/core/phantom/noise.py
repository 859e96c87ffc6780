"""Randomness without order: every number is a function of a seed and a place.

A block of the phantom can thus be made at any time by any thread and is always the same.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

TEXTURE_PX = 1024
"""Period of a texture; two or more are combined at different scales so that no period shows."""


@numba.njit(nogil=True, cache=True, inline="always")
def _scramble(h: np.uint32) -> np.uint32:
    """Spread the bits of a 32-bit number (two rounds of multiply and shift)."""
    h = np.uint32(h ^ (h >> np.uint32(16)))
    h = np.uint32(h * np.uint32(0x7FEB352D))
    h = np.uint32(h ^ (h >> np.uint32(15)))
    h = np.uint32(h * np.uint32(0x846CA68B))
    return np.uint32(h ^ (h >> np.uint32(16)))


@numba.njit(nogil=True, cache=True)
def hash_place(seed: int, y: int | np.uint32, x: int) -> np.uint32:
    """Return 32 random bits of the place (y, x)."""
    h = _scramble(np.uint32(np.uint32(seed) ^ np.uint32(np.uint32(y) * np.uint32(0x9E3779B1))))
    return _scramble(np.uint32(h ^ np.uint32(np.uint32(x) * np.uint32(0x85EBCA77))))


@numba.njit(nogil=True, cache=True)
def uniform(bits: np.uint32, draw: int) -> float:
    """Return the `draw`-th number in 0..1 that follows from the 32 `bits` of a place."""
    return _scramble(np.uint32(bits + np.uint32(draw) * np.uint32(0x9E3779B1))) * (1.0 / 4294967296.0)


@numba.njit(nogil=True, cache=True)
def value_noise(seed: int, y: float, x: float) -> float:
    """Smooth noise in -1..1 with features about one unit wide."""
    i, j = math.floor(y), math.floor(x)
    t, u = y - i, x - j
    t, u = t * t * (3 - 2 * t), u * u * (3 - 2 * u)
    a = hash_place(seed, i, j) * (1 - u) + hash_place(seed, i, j + 1) * u
    b = hash_place(seed, i + 1, j) * (1 - u) + hash_place(seed, i + 1, j + 1) * u
    return (a * (1 - t) + b * t) * (2.0 / 4294967296.0) - 1.0


@numba.njit(nogil=True, cache=True)
def octaves(seed: int, y: float, x: float, count: int) -> float:
    """Sum of `count` octaves of `value_noise`, each half as wide and half as strong; about -1..1."""
    total, strength = 0.0, 0.5
    for octave in range(count):
        total += strength * value_noise(seed + octave, y, x)
        # Turned by 53 degrees at each octave: the lattice of the noise would show as straight borders.
        y, x, strength = 1.2 * y - 1.6 * x + 17.3, 1.6 * y + 1.2 * x + 5.7, strength / 2
    return total * 1.4


def make_texture(seed: int, sigma_px: float) -> NDArray[np.uint8]:
    """Return a tileable (1024, 1024) texture, uniform in 0..255, with blobs of `sigma_px`.

    One byte a px, so that the three of them stay in a core's cache.
    """
    noise = np.random.default_rng(seed).standard_normal((TEXTURE_PX, TEXTURE_PX))
    frequency = np.fft.fftfreq(TEXTURE_PX)
    falloff = np.exp(-2 * (math.pi * sigma_px * frequency) ** 2)
    smooth = np.fft.ifft2(np.fft.fft2(noise) * falloff[:, None] * falloff).real
    # A sum of many normal numbers is normal: its distribution function makes it uniform.
    share: NDArray[np.float64] = ndtr(smooth / smooth.std())
    return (share * 255.99).astype(np.uint8)
