"""Cluster colours are stable, distinct and legible."""

from __future__ import annotations

import colorsys
import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_histoclust.core.palette import Cluster, default_clusters, further_colours, palette, staged_palette


def _rgb(colours: tuple[str, ...]) -> NDArray[np.float64]:
    return np.array([[int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] for colour in colours])


@pytest.mark.parametrize("k", [0, 1, 8, 14, 40, 64])
def test_shorter_palettes_are_the_beginning_of_longer_ones(k: int) -> None:
    assert palette(k) == palette(64)[:k]
    assert len(set(palette(k))) == k


def test_colours_are_lower_case_hex() -> None:
    assert all(len(c) == 7 and c[0] == "#" and int(c[1:], 16) >= 0 and c == c.lower() for c in palette(64))


@pytest.mark.parametrize("k", [-1, 257])
def test_impossible_lengths_are_refused(k: int) -> None:
    with pytest.raises(ValueError, match="palette"):
        palette(k)


def test_no_colour_is_near_white_or_black() -> None:
    lightness = [colorsys.rgb_to_hls(*rgb)[1] for rgb in _rgb(palette(64))]
    assert min(lightness) > 0.2
    assert max(lightness) < 0.9


def test_clusters_start_at_one_with_the_palette_s_colours() -> None:
    clusters = default_clusters(3)
    assert clusters[0] == Cluster(1, "Cluster 1", palette(1)[0])
    assert [cluster.id for cluster in clusters] == [1, 2, 3]


def test_a_short_palette_does_not_wait_for_glasbey() -> None:
    code = (
        "import sys; from napari_histoclust.core.palette import palette; palette(64); "
        "print('glasbey' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_further_colours_are_those_used_least() -> None:
    assert further_colours(palette(14), 3) == palette(17)[14:]
    assert further_colours((*palette(64), palette(1)[0]), 2) == palette(3)[1:]
    assert further_colours([], 70)[63:66] == (palette(64)[63], *palette(2))
    assert further_colours(["#000000"], 1) == palette(1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::numba.core.errors.NumbaPendingDeprecationWarning")
def test_the_table_is_what_its_docstring_says_and_goes_on_beyond() -> None:
    from colorspacious import cspace_convert

    assert staged_palette((14, 24, 64)) == palette(64)
    assert palette(70)[:64] == palette(64)
    assert len(set(palette(200))) == 200
    first = _rgb((*palette(14), "#ffffff", "#dfa5c9"))
    eyes = {"name": "sRGB1+CVD", "cvd_type": "deuteranomaly"}
    for severity, least in ((0, 14.9), (50, 15), (100, 10)):
        seen = np.clip(cspace_convert(first, {**eyes, "severity": severity}, "sRGB1"), 0, 1)
        place = cspace_convert(seen, "sRGB1", "CAM02-UCS")
        distance = np.linalg.norm(place[:, None] - place[None], axis=-1)[np.triu_indices(len(first), 1)]
        assert distance.min() > least
