"""Stacks from folders and from single files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from core.slides.written import noise, write_pyramid
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.stack import open_stack


def write_folder(folder: Path, names: dict[str, int], side: int = 200) -> Path:
    """One pyramid a file name; the number is the seed of its pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, seed in names.items():
        write_pyramid(folder / name, noise(side, side + 40, seed))
    return folder


def test_a_folder_gives_its_stains_in_order_and_their_pixels(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "case", {"a_MT.ome.tif": 3, "a_H&E.ome.tif": 1, "a_cd-31.ome.tif": 2})
    stack = open_stack(folder)
    assert (stack.name, stack.stains, stack.reference) == ("case", ("HE", "CD31", "MT"), "HE")
    assert stack.shapes == ((200, 240), (100, 120), (50, 60))
    assert stack.downsamples == (1.0, 2.0, 4.0)
    window = stack.read(0, 190, -5, 20, 30, ["MT", "HE"])
    assert window.shape == (2, 20, 30, 3)
    for place, seed in enumerate((3, 1)):
        np.testing.assert_array_equal(window[place, :10, 5:], noise(200, 240, seed)[190:, :25])
        assert (window[place, 10:] == 255).all()
        assert (window[place, :, :5] == 255).all()


def test_lazy_levels_are_the_files_levels(tmp_path: Path) -> None:
    stack = open_stack(write_folder(tmp_path, {"HE.tif": 1, "MT.tif": 2}))
    levels = stack.dask_levels("MT")
    assert [level.shape for level in levels] == [(200, 240, 3), (100, 120, 3), (50, 60, 3)]
    np.testing.assert_array_equal(levels[1].compute(), stack.read(1, 0, 0, 100, 120, ["MT"])[0])


def test_unknown_stains_are_named_by_what_differs(tmp_path: Path) -> None:
    stack = open_stack(write_folder(tmp_path, {"s1_abc_x.tif": 1, "s1_def_x.tif": 2, "s1_HE_x.tif": 3}))
    assert stack.stains == ("HE", "abc", "def")


def test_masks_in_the_folder_are_left_out_and_said(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {"HE.tif": 1, "MT.tif": 2})
    tifffile.imwrite(folder / "truth.ome.tif", np.zeros((200, 240), np.uint16))
    stack = open_stack(folder)
    assert stack.stains == ("HE", "MT")
    assert any("truth.ome.tif: ignored" in warning for warning in stack.warnings)


def test_a_folder_called_aligned_is_preferred(tmp_path: Path) -> None:
    write_folder(tmp_path / "case" / "original", {"HE.tif": 1, "MT.tif": 2})
    write_folder(tmp_path / "case" / "aligned", {"HE.tif": 3, "MT.tif": 4})
    stack = open_stack(tmp_path / "case")
    assert stack.name == "case"
    np.testing.assert_array_equal(stack.read(0, 0, 0, 9, 9, ["HE"])[0], noise(200, 240, 3)[:9, :9])
    assert any("aligned is used" in warning for warning in stack.warnings)


def test_several_inner_folders_are_not_guessed_between(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_folder(tmp_path / name, {"HE.tif": 1, "MT.tif": 2})
    with pytest.raises(HistoclustError, match=r"several folders of images \(a, b\)"):
        open_stack(tmp_path)


def test_levels_are_those_that_all_stains_have(tmp_path: Path) -> None:
    write_pyramid(tmp_path / "HE.tif", noise(400, 300), 4)
    with tifffile.TiffWriter(tmp_path / "MT.tif") as tif:
        for step in (1, 4):
            tif.write(noise(400, 300)[::step, ::step], photometric="rgb", tile=(64, 64), metadata=None)
    stack = open_stack(tmp_path)
    assert stack.downsamples == (1.0, 4.0)
    assert stack.slide_levels == {"HE": (0, 2), "MT": (0, 1)}
    np.testing.assert_array_equal(stack.read(1, 0, 0, 5, 5, ["MT"])[0], noise(400, 300)[::4, ::4][:5, :5])


def test_one_multichannel_file_is_a_stack(tmp_path: Path) -> None:
    stains = np.stack([noise(64, 80, seed) for seed in range(3)])
    metadata = {"axes": "CYXS", "Channel": {"Name": ["H&E", "ki 67", "Mine"]}, "PhysicalSizeX": 0.5}
    tifffile.imwrite(tmp_path / "case.ome.tif", stains, photometric="rgb", tile=(32, 32), metadata=metadata)
    stack = open_stack(tmp_path / "case.ome.tif")
    assert (stack.name, stack.stains, stack.um_per_px) == ("case", ("HE", "Ki67", "Mine"), 0.5)
    np.testing.assert_array_equal(stack.read(0, 0, 0, 64, 80, stack.stains), stains)


def test_scales_that_differ_are_said(tmp_path: Path) -> None:
    write_pyramid(tmp_path / "HE.ome.tif", noise(64, 64), 1, metadata={"PhysicalSizeX": 0.5})
    write_pyramid(tmp_path / "MT.ome.tif", noise(64, 64), 1, metadata={"PhysicalSizeX": 0.25})
    stack = open_stack(tmp_path)
    assert stack.um_per_px == 0.5
    assert any("HE states 0.5 um per px but MT states 0.25" in warning for warning in stack.warnings)


def test_an_unknown_scale_is_said(tmp_path: Path) -> None:
    stack = open_stack(write_folder(tmp_path, {"HE.tif": 1, "MT.tif": 2}))
    assert stack.um_per_px is None
    assert any("given in px" in warning for warning in stack.warnings)


def test_a_name_inside_that_contradicts_is_said(tmp_path: Path) -> None:
    write_pyramid(tmp_path / "HE.ome.tif", noise(64, 64), 1, metadata={"Name": "CK19"})
    write_pyramid(tmp_path / "MT.ome.tif", noise(64, 64), 1, metadata={"Name": "MT"})
    warnings = open_stack(tmp_path).warnings
    assert sum("calls itself CK19 inside" in warning for warning in warnings) == 1


def test_missing_stains_are_named_with_those_at_hand(tmp_path: Path) -> None:
    stack = open_stack(write_folder(tmp_path, {"HE.tif": 1, "MT.tif": 2}))
    stack.require(["MT", "HE"])
    with pytest.raises(HistoclustError, match=r"stain CD31, Ki67 is missing, it has HE, MT"):
        stack.require(["HE", "CD31", "Ki67"])


def test_inputs_describe_the_files(tmp_path: Path) -> None:
    stack = open_stack(write_folder(tmp_path, {"HE.tif": 1, "MT.tif": 2}))
    first, second = stack.inputs()
    assert (first["stain"], first["path"]) == ("HE", str((tmp_path / "HE.tif").resolve()))
    assert first["size"] == (tmp_path / "HE.tif").stat().st_size
    assert first["header_sha256"] != second["header_sha256"]
    assert first["reader"].startswith("tifffile ")


def test_paths_that_hold_nothing_are_named(tmp_path: Path) -> None:
    with pytest.raises(HistoclustError, match="nowhere: no such file or folder"):
        open_stack(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("nothing here")
    with pytest.raises(HistoclustError, match="holds no images"):
        open_stack(tmp_path)
    with pytest.raises(HistoclustError, match=r"files of type \.txt are not read"):
        open_stack(tmp_path / "notes.txt")


def test_two_files_for_one_stain_are_named(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {"a_Ki67.tif": 1, "b_ki-67.tif": 2})
    with pytest.raises(HistoclustError, match=r"a_Ki67\.tif and b_ki-67\.tif are both Ki67"):
        open_stack(folder)


def test_sizes_that_differ_are_both_named(tmp_path: Path) -> None:
    write_pyramid(tmp_path / "HE.tif", noise(200, 240))
    write_pyramid(tmp_path / "MT.tif", noise(200, 241))
    with pytest.raises(HistoclustError, match="MT is 200 x 241 px but HE is 200 x 240 px"):
        open_stack(tmp_path)


def test_real_stacks_open(shared_data: Path) -> None:
    kpc = open_stack(shared_data / "kpc_stack")
    assert kpc.stains == ("HE", "CD31", "CK19", "Ki67", "MT")
    assert kpc.downsamples == (1.0, 2.0, 4.0)
    lung = open_stack(shared_data / "cima_lung5")
    assert lung.stains == ("HE", "CD31", "Ki67", "CC10", "proSPC")
    assert (lung.name, lung.shapes[0]) == ("cima_lung5", (661, 892))
    with pytest.raises(HistoclustError, match=r"895 px but HE is 661 x 892 px"):
        open_stack(shared_data / "cima_lung5" / "original")
