"""Stains of other sizes and origins, placed by the coordinates in their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from core.slides.written import UInt8, noise, write_pyramid
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.placed.warped import WarpedSlide
from napari_histoclust.core.slides.registry import open_slide
from napari_histoclust.core.slides.stack import open_stack


def write(
    path: Path, picture: UInt8, um: float | None, corner: tuple[float, float] | None = None, unit: str = "µm"
) -> None:
    metadata: dict[str, Any] = {"axes": "YXS"}
    if um is not None:
        metadata |= {
            "PhysicalSizeX": um,
            "PhysicalSizeY": um,
            "PhysicalSizeXUnit": "µm",
            "PhysicalSizeYUnit": "µm",
        }
    if corner is not None:
        y, x = ([value] for value in corner)
        metadata["Plane"] = {"PositionY": y, "PositionX": x, "PositionYUnit": [unit], "PositionXUnit": [unit]}
    write_pyramid(path, picture, 1, metadata=metadata)


def test_a_stain_taken_elsewhere_is_moved_by_its_stage_position(tmp_path: Path) -> None:
    scene = noise(300, 300, 1)
    write(tmp_path / "HE.ome.tif", scene[:200, :240], 0.5, (1000, 2000))
    write(tmp_path / "MT.ome.tif", scene[40:240, 30:270], 0.5, (1020, 2015))
    stack = open_stack(tmp_path)
    shown = stack.read(0, 0, 0, 200, 240, ["HE", "MT"])
    np.testing.assert_array_equal(shown[1, 40:, 30:], shown[0, 40:, 30:])
    assert (shown[1, :40] == 255).all()
    assert stack.um_per_px == 0.5
    (warning,) = stack.warnings
    assert "MT is laid on HE" in warning
    assert "40.0 px down and 30.0 px right" in warning


def test_positions_in_other_units_and_a_finer_scale(tmp_path: Path) -> None:
    fine = np.repeat(np.repeat(noise(60, 80, 1), 2, 0), 2, 1)
    write(tmp_path / "HE.ome.tif", fine[::2, ::2], 1.0, (1.0, 2.0), "mm")
    write(tmp_path / "MT.ome.tif", fine[20:100, 40:140], 0.5, (1010, 2020))
    stack = open_stack(tmp_path)
    shown = stack.read(0, 0, 0, 60, 80, ["HE", "MT"])
    np.testing.assert_array_equal(shown[1, 10:50, 20:70], shown[0, 10:50, 20:70])
    valid = stack.valid("MT", (60, 80), 1.0)
    assert valid is not None
    assert valid.sum() == 40 * 50
    assert valid[10:50, 20:70].all()


def test_pictures_of_one_extent_and_another_px_size_need_no_position(tmp_path: Path) -> None:
    fine = np.repeat(np.repeat(noise(60, 80, 1), 2, 0), 2, 1)
    write(tmp_path / "HE.ome.tif", fine[::2, ::2], 1.0)
    write(tmp_path / "MT.ome.tif", fine, 0.5)
    stack = open_stack(tmp_path)
    assert stack.shapes[0] == (60, 80)
    shown = stack.read(0, 0, 0, 60, 80, ["HE", "MT"])
    np.testing.assert_array_equal(shown[0], shown[1])


@pytest.mark.parametrize(
    ("um", "corner"), [((0.5, 0.5), None), ((None, None), (0, 0)), ((0.5, None), (0, 0))]
)
def test_sizes_that_differ_without_coordinates_are_refused(
    tmp_path: Path, um: tuple[float | None, float | None], corner: tuple[float, float] | None
) -> None:
    write(tmp_path / "HE.ome.tif", noise(100, 100), um[0], corner)
    write(tmp_path / "MT.ome.tif", noise(90, 140), um[1], corner)
    with pytest.raises(HistoclustError, match="MT is 90 x 140 px but HE is 100 x 100 px"):
        open_stack(tmp_path)


def test_a_position_without_a_unit_of_length_is_none(tmp_path: Path) -> None:
    write(tmp_path / "HE.ome.tif", noise(100, 100), 0.5, (0, 0), "reference frame")
    write(tmp_path / "MT.ome.tif", noise(100, 100, 1), 0.5, (40, 40), "reference frame")
    assert open_slide(tmp_path / "MT.ome.tif").corner_um is None
    assert not isinstance(open_stack(tmp_path).slides["MT"], WarpedSlide)


def test_a_stain_beside_the_reference_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "HE.ome.tif", noise(100, 100), 0.5, (0, 0))
    write(tmp_path / "MT.ome.tif", noise(100, 100), 0.5, (0, 5000))
    with pytest.raises(HistoclustError, match="stage positions in the files MT lies beside HE"):
        open_stack(tmp_path)


def test_an_affine_replaces_the_coordinates(tmp_path: Path) -> None:
    write(tmp_path / "HE.ome.tif", noise(100, 100), 0.5, (0, 0))
    write(tmp_path / "MT.ome.tif", noise(100, 100, 1), 0.5, (0, 5000))
    (tmp_path / "stack.yaml").write_text(
        "stains:\n  HE: {path: HE.ome.tif}\n"
        "  MT: {path: MT.ome.tif, affine: [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}\n"
    )
    stack = open_stack(tmp_path)
    assert not stack.warnings
    np.testing.assert_array_equal(stack.read(0, 0, 0, 100, 100, ["MT"])[0], noise(100, 100, 1))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_the_translation_of_an_ome_zarr_is_its_corner(tmp_path: Path, version: str) -> None:
    multiscale = {
        "axes": [
            {"name": "c", "type": "channel"},
            {"name": "y", "type": "space", "unit": "millimeter"},
            {"name": "x", "type": "space", "unit": "micrometer"},
        ],
        "datasets": [
            {
                "path": "0",
                "coordinateTransformations": [
                    {"type": "scale", "scale": [1, 0.0005, 0.5]},
                    {"type": "translation", "translation": [0, 1.5, 20]},
                ],
            }
        ],
    }
    document = {"multiscales": [multiscale]}
    store = zarr.open_group(tmp_path, mode="w", zarr_format=2 if version == "0.4" else 3)
    store.create_array("0", shape=(3, 16, 16), dtype="uint8")[:] = 200
    store.attrs.update(document if version == "0.4" else {"ome": document})
    assert open_slide(tmp_path).corner_um == (1500.0, 20.0)


def test_files_that_state_nothing_have_no_corner(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "plain.tif", noise(9, 9), photometric="rgb")
    Image.fromarray(noise(9, 9)).save(tmp_path / "plain.png")
    assert all(open_slide(path).corner_um is None for path in tmp_path.iterdir())


def test_each_file_is_opened_and_its_metadata_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, stain in enumerate(("HE", "MT", "CD31")):
        write(tmp_path / f"{stain}.ome.tif", noise(100, 100, number), 0.5, (0, 10 * number))
    opened: list[str] = []

    class Counting(tifffile.TiffFile):
        def __init__(self, file: Path, **options: Any) -> None:
            opened.append(file.name)
            super().__init__(file, **options)

    monkeypatch.setattr(tifffile, "TiffFile", Counting)
    assert open_stack(tmp_path).slides["MT"].is_placed
    assert sorted(opened) == ["CD31.ome.tif", "HE.ome.tif", "MT.ome.tif"]
