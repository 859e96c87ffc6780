"""Affines and displacement fields as others write them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from core.slides.written import noise, write_pyramid
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.placed.affine import in_our_convention, read_affine
from napari_histoclust.core.slides.placed.displacement import read_displacement
from napari_histoclust.core.slides.stack import open_stack

MATRIX = np.array([[1.1, -0.2, 12.5], [0.3, 0.9, -7.25], [0, 0, 1]])
SHAPE = (200, 240)
# dx and dy of 25 x 30 px, in px of the field
DX, DY = (
    ndimage.gaussian_filter(np.random.default_rng(k).normal(0, 30, (25, 30)), 4).astype(np.float32)
    for k in (1, 2)
)


def test_affines_are_read_from_json_and_npy(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text(json.dumps(MATRIX.tolist()))
    (tmp_path / "named.json").write_text(json.dumps({"matrix": MATRIX[:2].tolist(), "made by": "me"}))
    np.save(tmp_path / "a.npy", MATRIX)
    for name in ("list.json", "named.json", "a.npy"):
        np.testing.assert_allclose(read_affine(tmp_path / name), MATRIX)


@pytest.mark.parametrize(
    "content", ["[[1, 0]", "{}", "[]", "[[1, 0, 0], [0, 1]]", '"text"', "[" * 30_000, "null"]
)
def test_what_is_no_affine_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(HistoclustError, match=r"a\.json") as caught:
        read_affine(tmp_path / "a.json")
    assert "\n" not in str(caught.value)


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{}], object), allow_pickle=True)
    for read in (read_affine, lambda path: read_displacement(path, SHAPE)):
        with pytest.raises(HistoclustError, match=r"a\.npy"):
            read(tmp_path / "a.npy")


@given(st.tuples(st.floats(0, 500), st.floats(0, 500)), st.sampled_from([1.0, 4.0, 16.0]))
def test_conventions_of_an_affine_are_one_map(place: tuple[float, float], step: float) -> None:
    """The same map written in x-y, from the reference, and at a lower resolution."""
    to_small = np.array([[1 / step, 0, 0.5 / step - 0.5], [0, 1 / step, 0.5 / step - 0.5], [0, 0, 1]])
    small = to_small @ MATRIX @ np.linalg.inv(to_small)
    swap = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1.0]])
    given_ = swap @ np.linalg.inv(small) @ swap
    ours = in_our_convention(given_, "xy", True, step)
    np.testing.assert_allclose(ours @ [*place, 1], MATRIX @ [*place, 1], atol=1e-8)


def write_case(folder: Path, entry: str) -> Path:
    write_pyramid(folder / "HE.tif", noise(*SHAPE, 1), 1)
    write_pyramid(folder / "MT.tif", noise(*SHAPE, 2), 1)
    (folder / "stack.yaml").write_text(f"stains:\n  HE: {{path: HE.tif}}\n  MT: {{path: MT.tif, {entry}}}\n")
    return folder


def shown(folder: Path) -> Any:
    return open_stack(folder).read(0, 0, 0, *SHAPE, ["MT"])


def test_conventions_in_a_stack_yaml(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", np.linalg.inv(MATRIX)[[1, 0, 2]][:, [1, 0, 2]])
    rows = json.dumps(MATRIX.tolist())
    plain = shown(write_case(tmp_path, f"affine: {rows}"))
    said = shown(write_case(tmp_path, "affine: {path: m.npy, order: xy, maps: from-reference}"))
    assert np.abs(plain.astype(int) - said).max() <= 1


def as_valis(path: Path) -> None:
    """Backward dx, dy, in px of the registered picture."""
    np.save(path, np.stack([DX, DY]))


def as_deeperhistreg(path: Path) -> None:
    """Two planes, dx first, px of the field, spacing 1."""
    sitk = pytest.importorskip("SimpleITK")
    sitk.WriteImage(sitk.GetImageFromArray(np.stack([DX, DY])), str(path))


def as_elastix(path: Path) -> None:
    """Vectors in the unit of the spacing."""
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.GetImageFromArray(np.dstack([DX * 0.25, DY * 0.25]), isVector=True)
    image.SetSpacing((0.25, 0.25))
    sitk.WriteImage(image, str(path))


def as_elastix_in_space(path: Path) -> None:
    """A single plane of a volume: a third component that is zero."""
    sitk = pytest.importorskip("SimpleITK")
    field = np.dstack([DX * 2, DY * 2, 0 * DX])[None]
    image = sitk.GetImageFromArray(field, isVector=True)
    image.SetSpacing((2.0, 2.0, 1.0))
    sitk.WriteImage(image, str(path))


@pytest.mark.parametrize(
    ("name", "writer"),
    [
        ("valis.npy", as_valis),
        ("displacement_field.mha", as_deeperhistreg),
        ("deformationField.mha", as_elastix),
        ("deformationField.nii", as_elastix),
        ("deformationField.nii.gz", as_elastix),
        ("in_space.nii.gz", as_elastix_in_space),
        ("in_space.mha", as_elastix_in_space),
    ],
)
def test_fields_of_other_programs_are_one_field(tmp_path: Path, name: str, writer: Any) -> None:
    writer(tmp_path / name)
    found = read_displacement(tmp_path / name, SHAPE)
    assert found.step == (8.0, 8.0)
    np.testing.assert_allclose(found.field, np.dstack([DY, DX]) * 8, rtol=1e-5, atol=1e-4)


def test_units_and_order_are_as_said(tmp_path: Path) -> None:
    np.save(tmp_path / "yx.npy", np.dstack([DY, DX]))
    in_px = read_displacement(tmp_path / "yx.npy", SHAPE, order="yx", unit="px")
    np.testing.assert_allclose(in_px.field, np.dstack([DY, DX]))
    in_um = read_displacement(tmp_path / "yx.npy", SHAPE, order="yx", unit="um", um_per_px=0.5)
    np.testing.assert_allclose(in_um.field, 2 * np.dstack([DY, DX]))
    with pytest.raises(HistoclustError, match="size of a px of the reference is unknown"):
        read_displacement(tmp_path / "yx.npy", SHAPE, unit="um")


def test_a_constant_field_moves_the_stain(tmp_path: Path) -> None:
    """From the reference to the stain: what the reference has at p, the stain has 5 px further down."""
    np.save(tmp_path / "f.npy", np.dstack([np.full(SHAPE, -3.0), np.full(SHAPE, 5.0)]))
    picture = shown(write_case(tmp_path, "displacement: f.npy"))[0]
    np.testing.assert_array_equal(picture[:195, 3:], noise(*SHAPE, 2)[5:, :237])


def test_padded_pictures_lie_around_one_centre(tmp_path: Path) -> None:
    """DeeperHistReg pads both to 240 x 240 before it registers; nothing is displaced here."""
    folder = write_case(tmp_path, "displacement: {path: f.npy, padded: true}")
    write_pyramid(folder / "MT.tif", noise(240, 220, 2), 1)
    np.save(folder / "f.npy", np.zeros((2, 30, 30), np.float32))
    picture = shown(folder)[0]
    np.testing.assert_array_equal(picture[:, 10:230], noise(240, 220, 2)[20:220])
    assert (picture[:, :10] == 255).all()


@pytest.mark.parametrize(
    ("name", "field", "says"),
    [
        ("f.npy", np.zeros((25, 30)), "shape"),
        ("f.npy", np.zeros((25, 30, 3)) + 1, "shape"),
        ("f.npy", np.zeros((30, 25, 2)), "does not cover"),
        ("f.npy", np.full((25, 30, 2), np.nan), "no numbers"),
        ("f.npy", np.full((25, 30, 2), 1e6), "out of a slide"),
        ("f.npy", np.array(["a"]), "a field is numbers"),
        ("f.txt", None, "of type .txt are not read"),
        ("none.npy", None, "no such file"),
        ("cut.npy", b"\x93NUMPY\x01\x00", "no readable displacement field"),
        ("cut.mha", b"ObjectType = Image\nNDims = 2\nDimSize = 9 9\n", "no readable displacement field"),
        (
            "huge.mha",
            b"ObjectType = Image\nNDims = 3\nDimSize = 900000 900000 2\nElementType = MET_FLOAT\n"
            b"ElementDataFile = LOCAL\n",
            "far more",
        ),
    ],
)
def test_bad_fields_are_refused_in_a_sentence(tmp_path: Path, name: str, field: Any, says: str) -> None:
    if name.endswith(".mha"):
        pytest.importorskip("SimpleITK")
    if isinstance(field, bytes):
        (tmp_path / name).write_bytes(field)
    elif field is not None:
        np.save(tmp_path / name, field)
    elif not name.startswith("none"):
        (tmp_path / name).write_text("0 0")
    with pytest.raises(HistoclustError, match=says) as caught:
        read_displacement(tmp_path / name, SHAPE)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_field_that_jumps_across_the_slide_is_refused(tmp_path: Path) -> None:
    field = np.zeros((25, 30, 2))
    field[:, 15:] = 9000
    np.save(tmp_path / "f.npy", field)
    with pytest.raises(HistoclustError, match="jumps by 9,000 px"):
        read_displacement(tmp_path / "f.npy", (20_000, 24_000), unit="px")


def test_without_the_library_the_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f.mha").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    with pytest.raises(HistoclustError, match=r"install napari-histoclust\[alignment\]"):
        read_displacement(tmp_path / "f.mha", SHAPE)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("affine: none.json", "none.json: no such file"),
        ("affine: {order: yx}", "affine of MT needs either a matrix or a path"),
        ("affine: {path: a.json, order: zx}", "stains.MT.affine.order"),
        ("affine: [[1, 0, 0], [0, .nan, 0], [0, 0, 1]]", "affine of MT must be finite"),
        ("affine: [[1, 2], [3, 4]]", "stains.MT.affine.matrix"),
        ("displacement: {path: f.npy, unit: mile}", "stains.MT.displacement.unit"),
        ("displacement: none.npy", "none.npy: no such file"),
    ],
)
def test_faults_in_a_stack_yaml_are_named(tmp_path: Path, entry: str, says: str) -> None:
    with pytest.raises(HistoclustError, match=says) as caught:
        open_stack(write_case(tmp_path, entry))
    assert "\n" not in str(caught.value)


def test_the_reference_is_not_displaced(tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", np.zeros((25, 30, 2)))
    folder = write_case(tmp_path, "displacement: f.npy")
    (folder / "stack.yaml").write_text(
        "stains: {HE: {path: HE.tif, displacement: f.npy}, MT: {path: MT.tif}}"
    )
    with pytest.raises(HistoclustError, match="reference HE has a displacement"):
        open_stack(folder)
