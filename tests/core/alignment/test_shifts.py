"""Correlation surfaces against a literal version, and their peaks."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from core.alignment.sections import lobes, stained
from napari_histoclust.core.alignment.regions import Windows, cell_dice, cell_means
from napari_histoclust.core.alignment.shifts import (
    _LOW_PASS,
    correlate,
    find_peak,
    padded_shape,
    spectra_of,
    structure,
)

STRUCTURES = [
    structure(stained(lobes(), colour, seed), np.ones((512, 512), bool))
    for seed, colour in enumerate([(120, 60, 130), (180, 190, 205)])
]


def literal(a: NDArray[np.float32], b: NDArray[np.float32], reach: int) -> NDArray[np.float64]:
    """The formula in 64 bits by numpy's transform, one kind of picture and one shift after the other."""
    total = np.zeros((2 * reach + 1, 2 * reach + 1))
    shape = padded_shape(*a.shape[1:], reach)
    window = np.outer(*(np.hanning(n + 2)[1:-1] for n in a.shape[1:]))
    weight = np.exp(
        -0.5 * np.add.outer(*(np.fft.fftfreq(n).astype(float) ** 2 for n in shape)) / _LOW_PASS**2
    )
    for one, other in zip(a.astype(float), b.astype(float), strict=True):
        spectra = [np.fft.fft2((p - np.average(p, weights=window)) * window, shape) for p in (one, other)]
        cross = spectra[0] * spectra[1].conj()
        whole = np.fft.ifft2(cross / np.sqrt(np.abs(cross) + 1e-9) * weight).real
        surface = np.array(
            [[whole[y, x] for x in range(-reach, reach + 1)] for y in range(-reach, reach + 1)]
        )
        total += surface / surface.std()
    return total


def test_the_correlation_is_what_its_formula_says() -> None:
    a, b = (part[:, 100:190, 40:150] for part in STRUCTURES)
    shape = padded_shape(90, 110, 12)
    fast = correlate(spectra_of(a, 12), spectra_of(b, 12), shape, 12)
    np.testing.assert_allclose(fast, literal(a, b, 12), atol=2e-3)


@settings(max_examples=15, deadline=None)
@given(st.integers(-25, 25), st.integers(-25, 25))
def test_any_shift_within_reach_is_recovered_region_by_region(y: int, x: int) -> None:
    fixed, moving = STRUCTURES
    moved = np.roll(moving, (y, x), (1, 2))
    peaks = Windows(fixed).shifts(moved, (0, 0), np.ones((8, 8)), 0.0)
    inner = [peaks[row, col] for row in range(1, 7) for col in range(1, 7)]
    right = [np.hypot(p.y + y, p.x + x) < 2 for p in inner if p.is_distinct]
    assert len(right) > 20
    assert np.mean(right) > 0.9


@settings(max_examples=20, deadline=None)
@given(st.floats(-6, 6), st.floats(-6, 6))
def test_a_peak_is_found_to_a_part_of_a_px(y: float, x: float) -> None:
    rows, cols = np.mgrid[-10:11, -10:11]
    surface = np.exp(-((rows - y) ** 2 + (cols - x) ** 2) / 18).astype(np.float32)
    peak = find_peak(surface, (3, -4))
    assert abs(peak.y - y - 3) < 0.1
    assert abs(peak.x - x + 4) < 0.1


def test_two_peaks_alike_are_not_clear_and_harmless_ones_win_in_doubt() -> None:
    rows, cols = np.mgrid[-30:31, -30:31]

    def hill(y: int, x: int, height: float) -> NDArray[np.float32]:
        return (height * np.exp(-((rows - y) ** 2 + (cols - x) ** 2) / 18)).astype(np.float32)

    assert find_peak(hill(20, 0, 1.0)).is_clear
    assert not find_peak(hill(20, 0, 1.0) + hill(-20, 0, 0.9)).is_clear
    doubtful = hill(12, 0, 1.0) + hill(3, 0, 0.78)
    assert find_peak(doubtful, tolerated_px=0).is_clear
    assert not find_peak(doubtful, tolerated_px=5).is_clear
    assert find_peak(doubtful, tolerated_px=13).is_clear


def test_a_peak_on_the_rim_says_nothing() -> None:
    surface = np.zeros((21, 21), np.float32)
    surface[0, 10] = 1
    assert not find_peak(surface).is_clear


@settings(max_examples=30, deadline=None)
@given(st.integers(8, 60), st.integers(8, 60), st.integers(1, 8), st.integers(1, 8), st.integers(0, 99))
def test_means_and_overlaps_of_regions_against_loops(
    height: int, width: int, rows: int, cols: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    a, b, valid = (rng.random((height, width)) < share for share in (0.6, 0.5, 0.9))
    means, dice = cell_means(a, (rows, cols)), cell_dice(a, b, valid, (rows, cols))
    tops, lefts = (np.linspace(0, n, k + 1).astype(int) for n, k in ((height, rows), (width, cols)))
    for r in range(rows):
        for c in range(cols):
            part = np.s_[tops[r] : tops[r + 1], lefts[c] : lefts[c + 1]]
            assert np.isclose(means[r, c], a[part].mean())
            both, first, second = (m[part].sum() for m in (a & b & valid, a & valid, b & valid))
            if np.isfinite(dice[r, c]):
                assert np.isclose(dice[r, c], 2 * both / (first + second))
            else:
                assert first + second <= 0.15 * a[part].size


def test_structure_is_nothing_where_nothing_is_valid() -> None:
    valid = np.ones((512, 512), bool)
    valid[200:300, 200:300] = False
    parts = structure(stained(lobes(), (120, 60, 130), 3), valid)
    assert not parts[:, 198:302, 198:302].any()
    assert np.isfinite(parts).all()
    assert ndimage.gaussian_filter(np.abs(parts[0]), 5)[50, 50] > 0
