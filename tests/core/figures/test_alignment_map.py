"""The figure of an alignment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.alignment.sections import bump, pair
from napari_histoclust.core.alignment import check_alignment
from napari_histoclust.core.alignment.shift_map import heat_colour
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.figures.alignment_map import save_alignment
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.tissue.mask import find_tissue


def test_what_is_far_off_is_red_where_it_is(tmp_path: Path) -> None:
    stack = pair(bump((0.8, 0.2), (14, -14)), um_per_px=0.5)
    lines = drive(check_alignment(stack, drive(find_tissue(stack, stack.stains, 16))))
    path = save_alignment(stack, lines, tmp_path / "new" / "a.png")
    picture = np.asarray(Image.open(path).convert("RGB")).astype(int)
    left = picture[:, : picture.shape[1] // 2]
    far_off = (left[..., 0] - left[..., 2] > 90) & (left[..., 0] - left[..., 1] > 60)
    rows, cols = np.nonzero(far_off)
    assert len(rows) > 1000
    assert np.median(rows) > 0.6 * left.shape[0]
    assert np.median(cols) < 0.4 * left.shape[1]


def test_other_suffixes_and_single_stains_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HistoclustError, match=r"a\.bmp: figures are written as"):
        save_alignment(pair((0, 0)), (), tmp_path / "a.bmp")
    with pytest.raises(HistoclustError, match="only one stain"):
        save_alignment(pair((0, 0)), (), tmp_path / "a.png")


def test_colours_go_from_blue_over_yellow_to_red() -> None:
    well, limit, bad = heat_colour(0), heat_colour(0.5), heat_colour(1)
    assert well[2] > well[0]
    assert min(limit[:2]) > limit[2]
    assert bad[0] > 2 * bad[2]
    assert heat_colour(7) == bad
