"""Random patches: where they lie, and that nothing but the seed decides it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.patches.made import mask_of, noise_stack, stack_of
from core.slides.written import noise
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.patches import reader
from napari_histoclust.core.patches.lattice import LevelChoice
from napari_histoclust.core.patches.sample import SampledPatches, sample_patches
from napari_histoclust.core.slides.protocol import UInt8
from napari_histoclust.core.slides.stack import Stack
from napari_histoclust.core.tissue.mask import TissueMask


def planes(patches: UInt8) -> UInt8:
    n, stains, p, _, _ = patches.shape
    return patches.transpose(0, 1, 4, 2, 3).reshape(n, 3 * stains, p, p)


def drawn(stacks: list[Stack], masks: list[TissueMask], **given: Any) -> SampledPatches:
    settings: dict[str, Any] = {"count": 200, "patch_px": 16, "seed": 1, "resize": planes}
    settings |= {"min_tissue": 0.5, "min_valid": 0.75, **given}
    return drive(sample_patches(stacks, masks, ["S0", "S1"], **settings))


@pytest.fixture
def two() -> tuple[list[Stack], list[TissueMask]]:
    """Two slides, the second with three times the tissue."""
    small, large = np.zeros((20, 20), bool), np.zeros((20, 20), bool)
    small[5:15, 5:10] = True
    large[5:15, 3:18] = True
    stacks = [noise_stack(200, 200, name="a"), noise_stack(200, 200, name="b", seed=50)]
    return stacks, [mask_of(small, 10.0), mask_of(large, 10.0)]


def test_rows_hold_the_pixels_of_their_positions(two: tuple[list[Stack], list[TissueMask]]) -> None:
    stacks, masks = two
    result = drawn(stacks, masks)
    assert result.pixels.shape == (200, 6, 16, 16)
    for k in range(200):
        y, x = int(result.y_px[k] - 8), int(result.x_px[k] - 8)
        patch = stacks[result.stack_index[k]].read(0, y, x, 16, 16, ["S0", "S1"])
        np.testing.assert_array_equal(result.pixels[k], planes(patch[None])[0])


def test_what_lies_around_comes_with_the_patch(two: tuple[list[Stack], list[TissueMask]]) -> None:
    stacks, masks = two
    result = drawn(stacks, masks, surround=0.5)
    assert result.pixels.shape == (200, 6, 32, 32)
    for k in range(200):
        y, x = int(result.y_px[k] - 16), int(result.x_px[k] - 16)
        around = stacks[result.stack_index[k]].read(0, y, x, 32, 32, ["S0", "S1"])
        np.testing.assert_array_equal(result.pixels[k], planes(around[None])[0])


def test_what_lies_around_is_inside_the_slide_but_needs_no_tissue() -> None:
    tissue = np.zeros((20, 20), bool)
    tissue[:4, :4] = True
    stack, mask = noise_stack(200, 200), mask_of(tissue, 10.0)
    result = drawn([stack], [mask], surround=1.0, min_tissue=1.0)
    assert min(result.y_px.min(), result.x_px.min()) >= 24
    assert max(result.y_px.max(), result.x_px.max()) <= 32
    with pytest.raises(HistoclustError, match=r"--surround: .* 16 px with 96 px around it does not fit"):
        drawn([stack], [mask], surround=6.0)


def test_slides_get_their_share_of_the_tissue(two: tuple[list[Stack], list[TissueMask]]) -> None:
    result = drawn(*two, count=2000)
    assert 0.2 < (result.stack_index == 0).mean() < 0.3
    # shuffled: the first rows come from both
    assert set(result.stack_index[:50].tolist()) == {0, 1}


def test_patches_lie_in_the_tissue_and_anywhere_in_it(two: tuple[list[Stack], list[TissueMask]]) -> None:
    stacks, masks = two
    result = drawn(stacks[:1], masks[:1], count=3000)
    assert result.y_px.min() >= 50
    assert result.x_px.max() <= 100
    cells = np.histogram2d(result.y_px, result.x_px, [5, 3], [[55, 145], [55, 95]])[0]
    assert cells.min() > 0.6 * cells.mean()
    assert len(np.unique(result.y_px)) > 50


def test_only_the_seed_decides(
    two: tuple[list[Stack], list[TissueMask]], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, other = drawn(*two), drawn(*two, seed=2)
    assert (first.y_px != other.y_px).any()
    monkeypatch.setattr("os.cpu_count", lambda: 7)
    monkeypatch.setattr(reader, "UNIT_BYTES", 5000)
    again = drawn(*two)
    for name in ("pixels", "stack_index", "y_px", "x_px"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))


def test_a_stain_with_a_hole_keeps_patches_out(two: tuple[list[Stack], list[TissueMask]]) -> None:
    stacks, masks = two
    valid = np.ones((20, 20), bool)
    valid[5:10] = False
    result = drawn(stacks[1:], [mask_of(masks[1].tissue, 10.0, S1=valid)], min_valid=1.0)
    assert result.y_px.min() >= 108


def test_a_lower_level_is_read_where_it_is_chosen() -> None:
    picture = noise(200, 200)
    stack = stack_of({s: [picture, picture[::2, ::2]] for s in ("S0", "S1")})
    result = drawn([stack], [mask_of(np.ones((20, 20), bool), 10.0)], choices=[LevelChoice(1, 8)])
    assert result.pixels.shape == (200, 6, 8, 8)
    for k in range(20):
        y, x = int(result.y_px[k] / 2 - 4), int(result.x_px[k] / 2 - 4)
        np.testing.assert_array_equal(result.pixels[k, 0], picture[::2, ::2][y : y + 8, x : x + 8, 0])


def test_what_cannot_be_drawn_is_said(two: tuple[list[Stack], list[TissueMask]]) -> None:
    stacks, masks = two
    with pytest.raises(HistoclustError, match=r"--patch-px: a patch of 300 px does not fit into a"):
        drawn(stacks, masks, patch_px=300)
    with pytest.raises(HistoclustError, match=r"--min-tissue 0\.9 .* of a passes"):
        drawn(stacks, masks, patch_px=120, min_tissue=0.9)
    with pytest.raises(HistoclustError, match="S9 is missing"):
        drive(
            sample_patches(
                stacks, masks, ["S9"], count=1, patch_px=8, seed=0, min_tissue=0, min_valid=0, resize=planes
            )
        )
