"""A stack.yaml and the slides it lays into one frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from core.slides.written import noise, write_pyramid
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.placed.warped import WarpedSlide
from napari_histoclust.core.slides.registry import open_slide
from napari_histoclust.core.slides.stack import open_stack


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """HE of 200 x 240 px and MT of the same size, beside which a stack.yaml is written."""
    (tmp_path / "pics").mkdir()
    write_pyramid(tmp_path / "pics" / "one.tif", noise(200, 240, 1))
    write_pyramid(tmp_path / "pics" / "two.tif", noise(200, 240, 2))
    return tmp_path


def write_yaml(folder: Path, text: str) -> Path:
    path = folder / "stack.yaml"
    path.write_text(text)
    return path


PLAIN = """
name: case 7
um_per_px: 8.6
stains:
  h&e: {path: pics/one.tif}
  My marker: {path: pics/two.tif}
reference: H-E
"""


def test_yaml_says_it_all(case: Path) -> None:
    path = write_yaml(case, PLAIN)
    for given in (path, case):
        stack = open_stack(given)
        assert (stack.name, stack.um_per_px, stack.reference) == ("case 7", 8.6, "HE")
        assert stack.stains == ("HE", "My marker")
        np.testing.assert_array_equal(stack.read(0, 0, 0, 9, 9, ["My marker"])[0], noise(200, 240, 2)[:9, :9])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stains: [", "not readable YAML"),
        ("just text", "the document"),
        ("stains: {}", "stains: "),
        ("stains: {HE: {path: pics/one.tif}}\nstain: 1", "stain: extra inputs"),
        ("stains: {HE: {file: a}}", "stains.HE.path: field required"),
        ("stains: {HE: {path: pics/none.tif}}", "pics/none.tif of stain HE does not exist"),
        ("stains: {HE: {path: pics/one.tif}}\nreference: MT", r"reference MT is none of its stains \(HE\)"),
        ("stains: {HE: {path: pics/one.tif}, h&e: {path: pics/two.tif}}", "stain HE is given twice"),
        ("stains: {HE: {path: pics/one.tif}, HE: {path: pics/two.tif}}", "HE is given twice"),
        ("stains: {HE: {path: pics/one.tif}}\num_per_px: -1", "um_per_px"),
        (
            "stains: {HE: {path: pics/one.tif}, MT: {path: pics/two.tif, affine: [[1,1,0],[1,1,0],[0,0,1]]}}",
            "affine of MT scales by 0",
        ),
        (
            "stains: {HE: {path: pics/one.tif}, MT: {path: pics/two.tif, affine: [[1,0,0],[0,1,0],[0,1,1]]}}",
            r"affine of MT must be finite and end in the row \[0, 0, 1\]",
        ),
        (
            "stains: {HE: {path: pics/one.tif, affine: [[1,0,5],[0,1,0],[0,0,1]]}}",
            "reference HE has an affine",
        ),
    ],
)
def test_faults_are_named(case: Path, text: str, says: str) -> None:
    path = write_yaml(case, text)
    with pytest.raises(HistoclustError, match=says) as caught:
        open_stack(path)
    assert "stack.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_shift_moves_the_pixels(case: Path) -> None:
    path = write_yaml(
        case,
        "stains:\n  HE: {path: pics/one.tif}\n"
        "  MT: {path: pics/two.tif, affine: [[1, 0, 12], [0, 1, -7], [0, 0, 1]]}\n",
    )
    stack = open_stack(path)
    window = stack.read(0, 0, 0, 200, 240, ["MT"])[0]
    np.testing.assert_array_equal(window[12:, :233], noise(200, 240, 2)[:188, 7:])
    assert (window[:11] == 255).all()


def test_a_smaller_stain_is_enlarged_into_the_frame(tmp_path: Path) -> None:
    smooth = np.repeat(np.linspace(0, 200, 240)[None, :, None], 200, 0).repeat(3, 2).astype(np.uint8)
    write_pyramid(tmp_path / "HE.tif", smooth, 2)
    write_pyramid(tmp_path / "MT.tif", smooth[::2, ::2], 1)
    path = write_yaml(
        tmp_path,
        "stains:\n  HE: {path: HE.tif}\n  MT: {path: MT.tif, affine: [[2, 0, 0], [0, 2, 0], [0, 0, 1]]}\n",
    )
    stack = open_stack(path)
    for level, (height, width) in enumerate(stack.shapes):
        both = stack.read(level, 5, 5, height - 10, width - 10, ["HE", "MT"]).astype(int)
        assert np.abs(both[0] - both[1]).max() <= 3


def test_windows_of_a_turned_slide_equal_the_whole_turned_at_once(tmp_path: Path) -> None:
    picture = np.asarray(ndimage.gaussian_filter(noise(150, 180).astype(float), (3, 3, 0)), np.uint8)
    write_pyramid(tmp_path / "a.tif", picture, 1)
    cos, sin = np.cos(0.3), np.sin(0.3)
    affine = np.array([[cos, -sin, 20.0], [sin, cos, -10.0], [0, 0, 1]])
    slide = WarpedSlide(open_slide(tmp_path / "a.tif"), affine, ((160, 170),))
    inverse = np.linalg.inv(affine)
    literal = np.stack(
        [
            ndimage.affine_transform(
                picture[..., c], inverse[:2, :2], inverse[:2, 2], (160, 170), order=1, cval=255
            )
            for c in range(3)
        ],
        axis=2,
    )
    inside = (
        ndimage.affine_transform(np.ones((150, 180)), inverse[:2, :2], inverse[:2, 2], (160, 170), order=1)
        > 0.999
    )
    for y, x, height, width in ((0, 0, 160, 170), (31, 47, 50, 60), (100, 120, 60, 50)):
        window = slide.read(0, y, x, height, width).astype(int)
        part = np.s_[y : y + height, x : x + width]
        assert np.abs(window - literal[part])[inside[part]].max() <= 1
    np.testing.assert_array_equal(slide.dask_levels()[0].compute(), slide.read(0, 0, 0, 160, 170))
