"""The TIFF family: layouts, names, scales and damage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from core.slides.written import noise, write_pyramid
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.protocol import Slide
from napari_histoclust.core.slides.registry import open_pictures, open_slide


def whole(slide: Slide, level: int = 0) -> np.ndarray[Any, Any]:
    return slide.read(level, 0, 0, *slide.shapes[level])


@pytest.mark.parametrize(
    "options",
    [
        {"tile": (64, 64)},
        {"tile": (32, 128), "compression": "deflate", "predictor": True},
        {"tile": (64, 64), "compression": "lzw"},
        {"rowsperstrip": 7},
        {"tile": (64, 64), "planarconfig": "separate", "compression": "zstd"},
        {"tile": (64, 64), "bigtiff": True},
        {"tile": (64, 64), "byteorder": ">"},
    ],
)
def test_layouts_give_the_pixels_written(tmp_path: Path, options: dict[str, Any]) -> None:
    picture = noise(150, 200)
    path = tmp_path / "a.tif"
    how = {k: options.pop(k) for k in ("bigtiff", "byteorder") if k in options}
    planes = picture.transpose(2, 0, 1) if options.get("planarconfig") else picture
    with tifffile.TiffWriter(path, **how) as tif:
        tif.write(planes, photometric="rgb", metadata=None, **options)
    slide = open_slide(path)
    np.testing.assert_array_equal(whole(slide), picture)
    assert slide.shapes == ((150, 200),)


def test_jpeg_tiles_decode_as_tifffile_does(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    smooth = np.repeat(np.repeat(noise(12, 20), 16, 0), 16, 1)
    tifffile.imwrite(path, smooth, photometric="rgb", tile=(64, 64), compression="jpeg", metadata=None)
    np.testing.assert_array_equal(whole(open_slide(path)), tifffile.imread(path))


def test_subifd_pyramid_is_read_level_by_level(tmp_path: Path) -> None:
    levels = write_pyramid(tmp_path / "a.ome.tif", noise(301, 203))
    slide = open_slide(tmp_path / "a.ome.tif")
    assert slide.shapes == tuple(level.shape[:2] for level in levels)
    for number, level in enumerate(levels):
        np.testing.assert_array_equal(whole(slide, number), level)
        np.testing.assert_array_equal(slide.dask_levels()[number].compute(), level)


def test_plain_pages_of_falling_size_are_a_pyramid(tmp_path: Path) -> None:
    picture = noise(400, 300)
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        for step in (1, 2, 4):
            tif.write(picture[::step, ::step], photometric="rgb", tile=(64, 64), metadata=None)
        tif.write(noise(100, 300), photometric="rgb", metadata=None)  # a label: another shape
    slide = open_slide(tmp_path / "a.tif")
    assert slide.shapes == ((400, 300), (200, 150), (100, 75))
    np.testing.assert_array_equal(whole(slide, 2), picture[::4, ::4])


def test_grey_palette_and_rgba_become_rgb(tmp_path: Path) -> None:
    picture = noise(40, 50)
    grey = picture[..., 0]
    tifffile.imwrite(tmp_path / "grey.tif", grey, photometric="minisblack")
    tifffile.imwrite(tmp_path / "white0.tif", grey, photometric="miniswhite")
    table = np.random.default_rng(1).integers(0, 256, (3, 256)).astype(np.uint16) * 257
    tifffile.imwrite(tmp_path / "palette.tif", grey, photometric="palette", colormap=table)
    alpha = np.full((40, 50, 1), 255, np.uint8)
    alpha[:20] = 0
    tifffile.imwrite(
        tmp_path / "rgba.tif",
        np.concatenate([picture, alpha], 2),
        photometric="rgb",
        extrasamples=["unassalpha"],
    )
    slide = open_slide(tmp_path / "grey.tif")
    np.testing.assert_array_equal(whole(slide), np.repeat(grey[..., None], 3, 2))
    assert "grey" in slide.warnings[0]
    np.testing.assert_array_equal(whole(open_slide(tmp_path / "white0.tif"))[..., 1], 255 - grey)
    coloured = open_slide(tmp_path / "palette.tif")
    np.testing.assert_array_equal(whole(coloured), (table // 257).astype(np.uint8).T[grey])
    assert coloured.warnings == ()
    rgba = whole(open_slide(tmp_path / "rgba.tif"))
    np.testing.assert_array_equal(rgba[20:], picture[20:])
    assert (rgba[:20] == 255).all()


@pytest.mark.parametrize(
    ("value", "unit", "um"),
    [(0.5, "µm", 0.5), (500.0, "nm", 0.5), (0.002, "mm", 2.0), (3.0, "pixel", None), (0.25, None, 0.25)],
)
def test_physical_size_comes_from_ome_with_its_unit(
    tmp_path: Path, value: float, unit: str | None, um: float | None
) -> None:
    stated: dict[str, Any] = {"PhysicalSizeX": value, "Name": "Slide 7"}
    if unit is not None:
        stated["PhysicalSizeXUnit"] = unit
    write_pyramid(tmp_path / "a.ome.tif", noise(64, 64), 1, metadata=stated)
    slide = open_slide(tmp_path / "a.ome.tif")
    assert slide.um_per_px == (None if um is None else pytest.approx(um))
    assert slide.name == "Slide 7"


def test_a_resolution_tag_is_no_scale_but_aperio_mpp_is(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "dpi.tif", noise(64, 64), photometric="rgb", resolution=(72, 72), resolutionunit="INCH"
    )
    assert open_slide(tmp_path / "dpi.tif").um_per_px is None
    tifffile.imwrite(
        tmp_path / "a.svs",
        noise(64, 64),
        photometric="rgb",
        tile=(64, 64),
        description="Aperio Image Library v1\n64x64 |AppMag = 20|MPP = 0.4990",
        metadata=None,
    )
    assert open_slide(tmp_path / "a.svs").um_per_px == pytest.approx(0.499)


def test_channels_are_pictures_by_name(tmp_path: Path) -> None:
    stains = np.stack([noise(64, 80, seed) for seed in range(3)])
    rgb = {"axes": "CYXS", "Channel": {"Name": ["HE", "CD31", "Ki-67"]}}
    tifffile.imwrite(tmp_path / "rgb.ome.tif", stains, photometric="rgb", tile=(32, 32), metadata=rgb)
    pictures = open_pictures(tmp_path / "rgb.ome.tif")
    assert [picture.name for picture in pictures] == ["HE", "CD31", "Ki-67"]
    for picture, pixels in zip(pictures, stains, strict=True):
        np.testing.assert_array_equal(whole(picture), pixels)
    grey = {"axes": "CYX", "Channel": {"Name": ["CD31", "CK19"]}}
    tifffile.imwrite(tmp_path / "grey.ome.tif", stains[:2, ..., 0], photometric="minisblack", metadata=grey)
    second = open_pictures(tmp_path / "grey.ome.tif")[1]
    assert second.name == "CK19"
    np.testing.assert_array_equal(whole(second)[..., 2], stains[1, ..., 0])


def test_three_channels_a_stain_are_put_together(tmp_path: Path) -> None:
    stains = np.stack([noise(64, 80, seed) for seed in range(2)])
    names = [f"{stain} {colour}" for stain in ("HE", "MT") for colour in ("red", "green", "blue")]
    planes = stains.transpose(0, 3, 1, 2).reshape(6, 64, 80)
    metadata = {"axes": "CYX", "Channel": {"Name": names}}
    tifffile.imwrite(tmp_path / "a.ome.tif", planes, photometric="minisblack", metadata=metadata)
    pictures = open_pictures(tmp_path / "a.ome.tif")
    assert [picture.name for picture in pictures] == ["HE", "MT"]
    np.testing.assert_array_equal(whole(pictures[1]), stains[1])
    with pytest.raises(HistoclustError, match="holds 2 pictures"):
        open_slide(tmp_path / "a.ome.tif")


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.95])
def test_a_file_cut_short_is_refused_at_opening(tmp_path: Path, keep: float) -> None:
    path = tmp_path / "a.tif"
    # the header first and the pixels after it, as a copy that broke off leaves them
    tifffile.imwrite(path, noise(512, 512), photometric="rgb", tile=(64, 64), metadata=None)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(HistoclustError, match=r"a\.tif: is (cut short|damaged|not a readable)"):
        open_slide(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>404</html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"just some text that somebody renamed", "not a readable TIFF"),
        (b"II*\0\xff\xff\xff\xff", "not a readable TIFF|holds no picture"),
    ],
)
def test_what_is_no_tiff_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(HistoclustError, match=says):
        open_slide(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        (np.zeros((64, 64, 3), np.int16), "int16.*convert it to 8-bit RGB"),
        (np.zeros((64, 64), np.float32), "float32"),
        (np.zeros((64, 64), bool), "bool"),
        (np.zeros((1, 1, 3), np.uint8), "1 x 1 px, too small"),
        (np.zeros((5, 64, 64), np.uint8), "pictures along axis"),
    ],
)
def test_pixels_that_cannot_be_used_are_named(tmp_path: Path, pixels: Any, says: str) -> None:
    rgb = pixels.ndim == 3 and pixels.shape[-1] == 3
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb" if rgb else "minisblack")
    with pytest.raises(HistoclustError, match=says):
        open_slide(tmp_path / "a.tif")
