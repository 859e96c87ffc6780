"""Stains laid into a frame by affines and displacement fields: the same px everywhere, invalid outside."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from core.slides.written import ArrayLevel, UInt8, halved, noise, write_pyramid
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.patches.reader import cut_patches
from napari_histoclust.core.slides.overview import read_overview
from napari_histoclust.core.slides.placed.displacement import Displacement
from napari_histoclust.core.slides.placed.warped import WarpedSlide
from napari_histoclust.core.slides.stack import open_stack
from napari_histoclust.core.slides.tiled.holes import Holes
from napari_histoclust.core.slides.tiled.tiles import TiledSlide
from napari_histoclust.core.tissue.mask import find_tissue
from napari_histoclust.viewer.pyramid import levels_of

PICTURE = np.asarray(ndimage.gaussian_filter(noise(150, 180).astype(float), (2, 2, 0)), np.uint8)
SHAPES = ((160, 170), (80, 85))
FIELD = np.stack(
    [ndimage.gaussian_filter(np.random.default_rng(k).normal(0, 60, (20, 21)), 2) for k in (1, 2)], axis=2
).astype(np.float32)
WARP = Displacement(FIELD, (160 / 20, 170 / 21))


def slide_of(picture: UInt8, levels: int = 1) -> TiledSlide:
    pictures = [picture]
    for _ in range(levels - 1):
        pictures.append(halved(pictures[-1]))
    return TiledSlide(Path("a.tif"), "a", [ArrayLevel(p, (32, 32)) for p in pictures], None, "test")


def turned(angle: float, scale: float, y: float, x: float) -> NDArray[np.float64]:
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cos, -sin, y], [sin, cos, x], [0, 0, 1]])


def literal(
    picture: UInt8, affine: NDArray[np.float64], shape: tuple[int, int], warp: Displacement | None
) -> NDArray[np.float64]:
    """Level 0 in scipy's words: places of all px, then one interpolation; NaN outside the picture."""
    places = np.indices(shape).astype(float)
    if warp is not None:
        cells = [(p + 0.5 - o) / s - 0.5 for p, s, o in zip(places, warp.step, warp.offset, strict=True)]
        places = places + np.stack(
            [ndimage.map_coordinates(warp.field[..., k], cells, order=1, mode="nearest") for k in (0, 1)]
        )
    inverse = np.linalg.inv(affine)
    own = np.einsum("ij,jyx->iyx", inverse[:2, :2], places) + inverse[:2, 2, None, None]
    colours = np.stack(
        [
            ndimage.map_coordinates(picture[..., c].astype(float), own, order=1, mode="nearest")
            for c in range(3)
        ],
        axis=2,
    )
    limits = np.array(picture.shape[:2])[:, None, None] - 0.5
    outside = ((own < -0.5) | (own >= limits)).any(axis=0)
    return np.where(outside[..., None], np.nan, colours)


@settings(max_examples=30, deadline=None)
@given(
    st.floats(-3.2, 3.2),
    st.floats(0.6, 1.6),
    st.tuples(st.floats(-60, 60), st.floats(-60, 60)),
    st.booleans(),
)
def test_a_warp_is_what_the_literal_version_says(
    angle: float, scale: float, shift: tuple[float, float], displaced: bool
) -> None:
    affine, warp = turned(angle, scale, *shift), WARP if displaced else None
    # averaging over squares, which thinning needs, is tried by itself
    expected = literal(PICTURE, affine, SHAPES[0], warp)
    slide = WarpedSlide(slide_of(PICTURE), affine, SHAPES, warp)
    window = slide.read(0, 0, 0, *SHAPES[0]).astype(float)
    if scale > 0.51:
        inside = np.isfinite(expected)
        assert np.abs(window - expected)[inside].max(initial=0) <= 0.501
        # the rim may fall on either side by rounding
        assert (window[~inside] == 255).mean() > 0.99 if (~inside).any() else inside.all()


@settings(max_examples=40, deadline=None)
@given(
    st.floats(-3.2, 3.2),
    st.sampled_from([0.3, 1.0, 2.3]),
    st.booleans(),
    st.integers(0, 1),
    st.tuples(st.integers(-20, 60), st.integers(-20, 60), st.integers(1, 70), st.integers(1, 70)),
)
def test_a_px_is_the_same_in_every_window(
    angle: float, scale: float, displaced: bool, level: int, window: tuple[int, int, int, int]
) -> None:
    slide = WarpedSlide(
        slide_of(PICTURE, 3), turned(angle, scale, 30, 20), SHAPES, WARP if displaced else None
    )
    y, x, height, width = window
    whole = slide.read(level, -20, -20, 160, 160)
    np.testing.assert_array_equal(
        slide.read(level, y, x, height, width), whole[y + 20 : y + 20 + height, x + 20 : x + 20 + width]
    )


def case(folder: Path, displaced: bool) -> Path:
    """HE, and an MT of another size that is turned and, if asked for, bent."""
    write_pyramid(folder / "HE.tif", np.ascontiguousarray(noise(512, 640, 1)), 3)
    write_pyramid(folder / "MT.tif", noise(300, 420, 2), 3)
    entry = "{path: MT.tif, affine: [[1.2, -0.4, 90.5], [0.4, 1.2, 20.25], [0, 0, 1]]"
    if displaced:
        np.save(folder / "field.npy", 0.8 * FIELD[:16, :20])
        entry += ", displacement: field.npy"
    (folder / "stack.yaml").write_text(f"stains:\n  HE: {{path: HE.tif}}\n  MT: {entry}}}\n")
    return folder


@pytest.mark.parametrize("displaced", [False, True])
def test_the_viewer_and_the_patches_show_the_same_pixels(tmp_path: Path, displaced: bool) -> None:
    stack = open_stack(case(tmp_path, displaced))
    rng = np.random.default_rng(0)
    for level, lazy in enumerate(levels_of(stack.slides["MT"])):
        shown = lazy.compute()
        side = 64 >> level
        height, width = stack.shapes[level]
        y, x = rng.integers(0, height - side, 25), rng.integers(0, width - side, 25)
        patches = cut_patches(stack, level, y, x, side, ["HE", "MT"])[:, 1]
        for patch, top, left in zip(patches, y, x, strict=True):
            np.testing.assert_array_equal(patch, shown[top : top + side, left : left + side])
        assert len(np.unique(shown)) > 100


def test_the_overview_shows_what_the_level_holds(tmp_path: Path) -> None:
    stack = open_stack(case(tmp_path, True))
    np.testing.assert_array_equal(
        drive(read_overview(stack, "MT", 1, 1)), stack.read(1, 0, 0, *stack.shapes[1], ["MT"])[0]
    )


def test_what_lies_outside_a_stain_is_not_valid(tmp_path: Path) -> None:
    """Even where the stain's own glass is as white as what is outside."""
    where = np.zeros((512, 512), bool)
    where[100:460, 60:450] = True
    tissue = np.where(where[..., None], noise(512, 512) // 2 + 40, 255).astype(np.uint8)
    for name in ("HE", "MT", "CD31"):
        write_pyramid(tmp_path / f"{name}.tif", tissue, 1)
    (tmp_path / "stack.yaml").write_text(
        "stains:\n  HE: {path: HE.tif}\n  CD31: {path: CD31.tif}\n"
        "  MT: {path: MT.tif, affine: [[1, 0, 200], [0, 1, 0], [0, 0, 1]]}\n"
    )
    stack = open_stack(tmp_path)
    mask = drive(find_tissue(stack, stack.stains, 32))
    outside = round(200 / mask.downsample)
    assert not mask.valid["MT"][:outside].any()
    assert mask.valid["MT"][outside:].mean() > 0.95
    assert mask.valid["HE"].all()


def test_holes_of_a_stain_move_with_it() -> None:
    holes = Holes(Path("a.tif"))
    holes.note_unwritten([(0, 0, 50, 60)])
    slide = replace(slide_of(PICTURE), holes=holes)
    warped = WarpedSlide(slide, turned(0, 1, 40, 30), SHAPES)
    mark = warped.valid((80, 85), 2.0)
    expected = np.zeros((80, 85), bool)
    expected[20:80, 15:85] = True
    expected[20:45, 15:45] = False
    np.testing.assert_array_equal(mark, expected)


def test_thinning_averages_and_reads_no_more_than_strips() -> None:
    """A stain without a pyramid under one with: each px stands for the mean of its square."""
    picture = noise(512, 384)
    source = slide_of(picture)
    slide = WarpedSlide(source, np.diag([1.0, 1.0, 1.0]), ((512, 384), (64, 48)))
    mean = picture.reshape(64, 8, 48, 8, 3).mean(axis=(1, 3))
    assert np.abs(slide.read(1, 0, 0, 64, 48) - mean).max() <= 0.51


def test_a_field_that_jumps_does_not_read_the_whole_slide() -> None:
    """Only what is needed on either side of the jump."""
    largest = []

    class Counting(TiledSlide):
        def read(
            self, level: int, y: int, x: int, height: int, width: int, out: UInt8 | None = None
        ) -> UInt8:
            largest.append(height * width)
            return np.zeros((height, width, 3), np.uint8)

    shape = (60_000, 60_000)
    slide = Counting(Path("a.tif"), "a", [], None, "test")
    slide.shapes = (shape,)
    field = np.zeros((600, 600, 2), np.float32)
    field[:, 300:] = 4000
    warped = WarpedSlide(slide, np.eye(3), (shape,), Displacement(field, (100.0, 100.0)))
    window = warped.read(0, 10_000, 29_600, 512, 512)
    assert window.shape == (512, 512, 3)
    assert max(largest) < 40 * 2**20
