"""Kinds of slides that are not among the real ones here, written for the test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from core.slides.formats.test_ome_zarr import write_zarr
from core.slides.second_reader import outcome
from core.slides.written import noise, write_pyramid
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.protocol import Slide
from napari_histoclust.core.slides.registry import open_pictures, open_slide
from napari_histoclust.core.slides.tiff.colours import to_8_bits


def whole(slide: Slide, level: int = 0) -> np.ndarray[Any, Any]:
    return slide.read(level, 0, 0, *slide.shapes[level])


@pytest.mark.parametrize("bits", [2, 4, 8, 10, 12, 16])
def test_samples_are_scaled_by_the_stated_rule(bits: int) -> None:
    itemsize = 1 if bits <= 8 else 2
    top = 2**bits - 1
    # the slow literal version: v of b bits is shown as 255 v / (2^b - 1), rounded half up
    literal = [int(255 * min(v, top) / top + 0.5) for v in range(1 << 8 * itemsize)]
    np.testing.assert_array_equal(to_8_bits(bits, itemsize), literal)
    assert (to_8_bits(bits, itemsize)[0], to_8_bits(bits, itemsize)[top]) == (0, 255)


DEEP = np.random.default_rng(3).integers(0, 65536, (90, 100, 3), np.uint16)


@pytest.mark.parametrize(
    "options",
    [
        {"photometric": "rgb", "tile": (32, 48), "compression": "lzw", "predictor": True},
        {"photometric": "rgb", "compression": "zstd", "rowsperstrip": 13},
        {"photometric": "rgb", "compression": "jpeg2000", "compressionargs": {"level": 0}},
        {"photometric": "rgb", "tile": (32, 32), "compression": "jpegxl"},
        {"photometric": "rgb", "planarconfig": "separate", "compression": "deflate", "tile": (64, 64)},
        {"photometric": "rgb", "byteorder": ">", "bigtiff": True},
        {"photometric": "minisblack", "tile": (64, 32)},
        {"photometric": "miniswhite"},
    ],
)
def test_16_bits_of_every_kind(tmp_path: Path, options: dict[str, Any]) -> None:
    how = {k: options[k] for k in ("bigtiff", "byteorder") if k in options}
    write = {k: v for k, v in options.items() if k not in how}
    grey = "rgb" not in write["photometric"]
    pixels = DEEP[..., 0] if grey else np.moveaxis(DEEP, -1, 0) if "planarconfig" in write else DEEP
    with tifffile.TiffWriter(tmp_path / "a.tif", **how) as tif:
        tif.write(pixels, metadata=None, **write)
    slide = open_slide(tmp_path / "a.tif")
    expected = np.rint((DEEP if not grey else np.repeat(DEEP[..., :1], 3, 2)) / 257).astype(np.uint8)
    if write["photometric"] == "miniswhite":
        expected = 255 - expected
    np.testing.assert_array_equal(whole(slide), expected)
    assert any("0 to 65535 are shown as 0 to 255" in warning for warning in slide.warnings)


def test_the_bits_that_ome_says_are_used_decide(tmp_path: Path) -> None:
    pixels = DEEP >> 4
    tifffile.imwrite(
        tmp_path / "a.ome.tif", pixels, photometric="rgb", metadata={"axes": "YXS", "SignificantBits": 12}
    )
    np.testing.assert_array_equal(
        whole(open_slide(tmp_path / "a.ome.tif")), np.rint(pixels / 4095 * 255).astype(np.uint8)
    )


@pytest.mark.parametrize("compression", ["jpegxl", "jpeg2000", "webp", "zstd", "lzw", "packbits", "deflate"])
def test_codecs_give_the_pixels_written(tmp_path: Path, compression: str) -> None:
    lossless = {"jpegxl": {"lossless": True}, "webp": {"lossless": True}, "jpeg2000": {"level": 0}}
    levels = write_pyramid(
        tmp_path / "a.ome.tif",
        noise(150, 140),
        2,
        compression=compression,
        compressionargs=lossless.get(compression, {}),
    )
    slide = open_slide(tmp_path / "a.ome.tif")
    for number, level in enumerate(levels):
        np.testing.assert_array_equal(whole(slide, number), level)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_is_upright(tmp_path: Path, orientation: int) -> None:
    stored = noise(600, 1100)
    tag = (274, "H", 1, orientation, True)
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        for step in (1, 2):
            tif.write(
                stored[::step, ::step], photometric="rgb", tile=(64, 128), metadata=None, extratags=[tag]
            )
    slide = open_slide(tmp_path / "a.tif")
    exif = Image.Exif()
    exif[274] = orientation
    turned = Image.fromarray(stored)
    turned.getexif()[274] = orientation
    expected = np.asarray(ImageOps.exif_transpose(turned))
    np.testing.assert_array_equal(whole(slide), expected)
    half = Image.fromarray(stored[::2, ::2])
    half.getexif()[274] = orientation
    np.testing.assert_array_equal(whole(slide, 1), np.asarray(ImageOps.exif_transpose(half)))
    np.testing.assert_array_equal(slide.read(0, 511, 505, 30, 40), expected[511:541, 505:545])


def test_alpha_is_told_from_what_is_none(tmp_path: Path) -> None:
    rgb, alpha = noise(40, 50), noise(40, 50, 1)[..., :1]
    for kind in ("unassalpha", "assocalpha", "unspecified"):
        pixels = np.concatenate([np.minimum(rgb, alpha) if kind == "assocalpha" else rgb, alpha], axis=2)
        tifffile.imwrite(tmp_path / f"{kind}.tif", pixels, photometric="rgb", extrasamples=[kind])
    wide = alpha.astype(np.float64) / 255
    over = np.rint(rgb * wide + 255 * (1 - wide))
    assert np.abs(whole(open_slide(tmp_path / "unassalpha.tif")) - over).max() <= 1
    premultiplied = np.minimum(np.minimum(rgb, alpha).astype(np.int64) + 255 - alpha, 255)
    np.testing.assert_array_equal(whole(open_slide(tmp_path / "assocalpha.tif")), premultiplied)
    np.testing.assert_array_equal(whole(open_slide(tmp_path / "unspecified.tif")), rgb)


def test_ycbcr_that_no_jpeg_turns_into_rgb(tmp_path: Path) -> None:
    rgb = np.asarray(Image.fromarray(noise(4, 5)).resize((96, 80), Image.Resampling.BICUBIC))
    ycc = np.asarray(Image.fromarray(rgb).convert("YCbCr"))
    tifffile.imwrite(
        tmp_path / "a.tif", ycc, photometric="ycbcr", compression="lzw", subsampling=(1, 1), metadata=None
    )
    assert np.abs(whole(open_slide(tmp_path / "a.tif")).astype(int) - rgb).max() <= 3


@pytest.mark.parametrize("rows", [700, 1, 350])
def test_plain_strips_are_read_in_parts(tmp_path: Path, rows: int) -> None:
    picture = noise(700, 6000)
    tifffile.imwrite(tmp_path / "a.tif", picture, photometric="rgb", rowsperstrip=rows, metadata=None)
    slide = open_slide(tmp_path / "a.tif")
    np.testing.assert_array_equal(slide.read(0, 300, 100, 300, 200), picture[300:600, 100:300])
    np.testing.assert_array_equal(slide.read(0, 650, 5900, 50, 100), picture[650:, 5900:])
    assert slide.levels[0].tile[0] * 6000 * 3 <= 4 * 2**20  # type: ignore[attr-defined]


def test_a_strip_as_high_as_the_picture_is_not_held_whole(tmp_path: Path) -> None:
    # 20,000 x 9,000 px in one strip, as ImageJ writes them: half a gigabyte, nearly all of it sparse
    path = tmp_path / "a.tif"
    tifffile.memmap(path, shape=(20_000, 9000, 3), dtype="u1", photometric="rgb", metadata=None)
    with path.open("r+b") as file:
        file.seek(-9000 * 3, 2)
        file.write(b"\x07" * 9000 * 3)
    slide = open_slide(path)
    window = slide.read(0, 19_990, 0, 10, 100)
    assert (window[-1] == 7).all()
    assert not window[:-1].any()


def test_the_largest_picture_is_the_slide(tmp_path: Path) -> None:
    picture = noise(200, 300)
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        tif.write(noise(90, 40), photometric="rgb", metadata=None)  # a label comes first
        for step in (1, 2):
            tif.write(picture[::step, ::step], photometric="rgb", tile=(64, 64), metadata=None)
    slide = open_slide(tmp_path / "a.tif")
    assert slide.shapes == ((200, 300), (100, 150))
    np.testing.assert_array_equal(whole(slide), picture)


@pytest.mark.parametrize(
    ("name", "said"), [("a.png", "TIFF"), ("a.dcm", "TIFF"), ("b.tif", "PNG"), ("c", "")]
)
def test_a_file_is_what_its_bytes_say(tmp_path: Path, name: str, said: str) -> None:
    picture = noise(64, 64)
    path = tmp_path / name
    if name == "b.tif":
        Image.fromarray(picture).save(tmp_path / "x.png")
        (tmp_path / "x.png").rename(path)
    else:
        tifffile.imwrite(tmp_path / "x.tif", picture, photometric="rgb")
        (tmp_path / "x.tif").rename(path)
    slide = open_slide(path)
    np.testing.assert_array_equal(whole(slide), picture)
    assert [said in warning for warning in slide.warnings] == [True] * bool(said)


def test_jpeg2000_by_itself(tmp_path: Path) -> None:
    picture = noise(80, 90)
    Image.fromarray(picture).save(tmp_path / "a.jp2", irreversible=False)
    np.testing.assert_array_equal(whole(open_slide(tmp_path / "a.jp2")), picture)
    Image.fromarray(DEEP[..., 0]).save(tmp_path / "deep.png")
    expected = np.rint(DEEP[..., :1] / 257).astype(np.uint8).repeat(3, axis=2)
    np.testing.assert_array_equal(whole(open_slide(tmp_path / "deep.png")), expected)


def test_zarr_of_16_bits(tmp_path: Path) -> None:
    slide = open_slide(write_zarr(tmp_path / "a.zarr", [np.moveaxis(DEEP, -1, 0)], "0.5"))
    np.testing.assert_array_equal(whole(slide), np.rint(DEEP / 257).astype(np.uint8))
    assert any("0 to 65535" in warning for warning in slide.warnings)


SCN = """<?xml version="1.0"?><scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01"><collection>
<image name="macro"><pixels sizeX="64" sizeY="64"><dimension sizeX="64" sizeY="64" r="0" ifd="0"/></pixels>
<view sizeX="6400000" sizeY="6400000"/></image>
<image name="main"><pixels sizeX="200" sizeY="160"><dimension sizeX="200" sizeY="160" r="0" ifd="1"/>
<dimension sizeX="100" sizeY="80" r="1" ifd="2"/></pixels><view sizeX="100000" sizeY="80000"/></image>
</collection></scn>"""


def test_leica_scn(tmp_path: Path) -> None:
    picture = noise(160, 200)
    with tifffile.TiffWriter(tmp_path / "a.scn", bigtiff=True) as tif:
        options: dict[str, Any] = {"photometric": "rgb", "tile": (64, 64), "metadata": None}
        tif.write(noise(64, 64), description=SCN, software="Leica", **options)
        tif.write(picture, **options)
        tif.write(picture[::2, ::2], **options)
    slide = open_slide(tmp_path / "a.scn")
    assert slide.shapes == ((160, 200), (80, 100))
    assert slide.um_per_px == pytest.approx(0.5)
    np.testing.assert_array_equal(whole(slide, 1), picture[::2, ::2])


PHILIPS = """<?xml version="1.0" encoding="UTF-8" ?><DataObject ObjectType="DPUfsImport">
<Attribute Name="DICOM_MANUFACTURER" PMSVR="IString">PHILIPS</Attribute>
<Attribute Name="PIM_DP_SCANNED_IMAGES"><Array><DataObject ObjectType="DPScannedImage">
<Attribute Name="PIM_DP_IMAGE_TYPE">WSI</Attribute>
<Attribute Name="PIIM_PIXEL_DATA_REPRESENTATION_SEQUENCE"><Array>
<DataObject ObjectType="PixelDataRepresentation">
<Attribute Name="DICOM_PIXEL_SPACING">&quot;0.00025&quot; &quot;0.00025&quot;</Attribute>
<Attribute Name="PIIM_PIXEL_DATA_REPRESENTATION_NUMBER">0</Attribute></DataObject></Array></Attribute>
</DataObject></Array></Attribute></DataObject>"""


def test_philips_tiff(tmp_path: Path) -> None:
    picture = noise(128, 192)
    with tifffile.TiffWriter(tmp_path / "a.tiff", bigtiff=True) as tif:
        options: dict[str, Any] = {"photometric": "rgb", "tile": (64, 64), "metadata": None}
        tif.write(picture, description=PHILIPS, software="Philips DP v1.0", **options)
        tif.write(picture[::2, ::2], software="Philips DP v1.0", **options)
    slide = open_slide(tmp_path / "a.tiff")
    assert slide.shapes[0] == (128, 192)
    assert slide.um_per_px == pytest.approx(0.25)
    np.testing.assert_array_equal(whole(slide), picture)


def test_imagej_states_its_unit_and_aperio_may_state_none(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif",
        noise(64, 64),
        imagej=True,
        resolution=(4, 4),
        metadata={"unit": "um", "axes": "YXS"},
    )
    assert open_slide(tmp_path / "a.tif").um_per_px == pytest.approx(0.25)
    tifffile.imwrite(
        tmp_path / "b.svs",
        noise(64, 64),
        photometric="rgb",
        tile=(64, 64),
        description="Aperio Image Library v1\n64x64 |AppMag = 20",
        resolution=(72, 72),
        metadata=None,
    )
    assert open_slide(tmp_path / "b.svs").um_per_px is None


def test_a_codec_that_is_not_read_is_named(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", noise(64, 64), photometric="rgb", compression="lzma", metadata=None)
    with pytest.raises(HistoclustError, match=r"a\.tif: is compressed with LZMA, which is not read"):
        open_pictures(tmp_path / "a.tif")


def test_the_comparison_sees_a_difference(tmp_path: Path) -> None:
    """The table of real files is worth nothing if equal is all that it can say."""
    tag = (274, "H", 1, 3, True)
    tifffile.imwrite(
        tmp_path / "a.tif", noise(128, 128), photometric="rgb", tile=(64, 64), metadata=None, extratags=[tag]
    )
    found = dict(outcome(tmp_path / "a.tif").equal)
    assert found["Pillow"] == 0
    assert found["openslide"] > 0
