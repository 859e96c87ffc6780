"""Damage, bombs, holes and drives that go: one sentence or a hole, never a giant allocation."""

from __future__ import annotations

import os
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from core.slides.formats.test_ome_zarr import write_zarr
from core.slides.written import noise, write_pyramid
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.formats.openslide import first_contact
from napari_histoclust.core.slides.registry import open_slide
from napari_histoclust.core.slides.stack import open_stack
from napari_histoclust.core.slides.tiff.codestream import jpeg2000_size, jpeg_size, jpegxl_size, webp_size
from napari_histoclust.core.slides.tiled.holes import Holes
from napari_histoclust.core.slides.tiled.tiles import TiledSlide


def write_tiles(path: Path, side_px: int = 512, compression: str | None = "deflate") -> np.ndarray:
    """A picture of 64 tiles of 64 px."""
    picture = noise(side_px, side_px)
    tifffile.imwrite(path, picture, photometric="rgb", tile=(64, 64), compression=compression, metadata=None)
    return picture


def places(path: Path) -> tuple[list[int], list[int]]:
    """Offsets and bytes of the tiles."""
    with tifffile.TiffFile(path) as tif:
        return list(tif.pages.first.dataoffsets), list(tif.pages.first.databytecounts)


def unwrite(path: Path, tile: int) -> None:
    """Say that a tile has no bytes, as writers do that leave out what was not scanned."""
    with tifffile.TiffFile(path) as tif:
        tag = tif.pages.first.tags["TileByteCounts"]
        size = tag.valuebytecount // tag.count
        place = tag.valueoffset
    overwrite(path, place + size * tile, bytes(size))


def overwrite(path: Path, place: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        file.write(data)


def test_a_tile_that_was_never_written_is_a_hole(tmp_path: Path) -> None:
    path = tmp_path / "CD31.tif"
    picture = write_tiles(path)
    unwrite(path, 9)  # the tile at row 1, column 1
    slide = open_slide(path)
    assert isinstance(slide, TiledSlide)
    assert slide.warnings == ("CD31.tif: 1 tile never written, left white and taken as not valid.",)
    window = slide.read(0, 0, 0, 512, 512)
    assert (window[64:128, 64:128] == 255).all()
    picture[64:128, 64:128] = 255
    np.testing.assert_array_equal(window, picture)
    valid = slide.valid((128, 128), 4.0)
    assert valid is not None
    expected = np.ones((128, 128), bool)
    expected[16:32, 16:32] = False
    np.testing.assert_array_equal(valid, expected)
    mask = open_stack(path).valid("CD31", (64, 64), 8.0)
    assert mask is not None
    assert mask.sum() == 64 * 64 - 8 * 8


def test_a_damaged_tile_is_a_hole_said_once(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    picture = write_tiles(path)
    offsets, _ = places(path)
    overwrite(path, offsets[27], b"\xff" * 64)
    slide = open_slide(path)
    assert isinstance(slide, TiledSlide)
    assert slide.valid((8, 8), 64.0) is None
    for _ in range(3):
        window = slide.read(0, 0, 0, 512, 512)
    assert (window[192:256, 192:256] == 255).all()
    np.testing.assert_array_equal(window[:192], picture[:192])
    assert slide.hole_warnings() == ("a.tif: 1 tile not decodable, left white and taken as not valid.",)
    valid = slide.valid((8, 8), 64.0)
    assert valid is not None
    assert np.argwhere(~valid).tolist() == [[3, 3]]


@pytest.mark.parametrize("orientation", range(2, 9))
def test_the_hole_of_a_turned_picture_is_where_it_is_white(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "a.tif"
    tag = (274, "H", 1, orientation, True)
    pixels = np.minimum(noise(256, 512), 200)
    tifffile.imwrite(path, pixels, photometric="rgb", tile=(64, 64), metadata=None, extratags=[tag])
    unwrite(path, 10)
    slide = open_slide(path)
    height, width = slide.shapes[0]
    white = (slide.read(0, 0, 0, height, width) == 255).all(axis=2)
    valid = slide.valid((height, width), 1.0)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(valid, ~white)
    assert white.sum() == 64 * 64


def test_a_file_of_damaged_tiles_is_no_slide_with_holes(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write_tiles(path)
    offsets, _ = places(path)
    for offset in offsets[1:20]:
        overwrite(path, offset, b"\xff" * 64)
    slide = open_slide(path)
    with pytest.raises(HistoclustError, match=r"a\.tif: 9 of the \d+ tiles read so far cannot be decoded"):
        slide.read(0, 0, 0, 512, 512)
    for offset in offsets:
        overwrite(path, offset, b"\xff" * 64)
    with pytest.raises(HistoclustError, match=r"a\.tif: its picture cannot be decoded"):
        open_slide(path)


def test_damaged_tiles_may_be_many_in_a_large_slide() -> None:
    holes = Holes(Path("a.tif"))
    for _ in range(1000):
        holes.decoded()
    for k in range(100):
        holes.add((0, 0, k), (0, 64 * k, 64, 64), "bad")
    assert holes.warnings() == ("a.tif: 100 tiles not decodable, left white and taken as not valid.",)
    with pytest.raises(HistoclustError, match="the file is damaged"):
        for k in range(100, 200):
            holes.add((0, 0, k), (0, 64 * k, 64, 64), "bad")


def test_a_file_that_shrinks_while_it_is_read_is_told_from_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write_tiles(path, compression=None)
    slide = open_slide(path)
    slide.read(0, 0, 0, 64, 64)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    with pytest.raises(HistoclustError, match=r"a\.tif: has become shorter while it was read"):
        slide.read(0, 0, 0, 512, 512)


@pytest.mark.skipif(not hasattr(os, "pread"), reason="needs pread")
def test_a_drive_that_goes_is_told_from_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write_tiles(path)
    slide = open_slide(path)
    # what is under the number is no longer the file, as when a network drive has been taken away
    level = slide.levels[0]  # type: ignore[attr-defined]
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        os.dup2(folder, level.file._fd)
        with pytest.raises(HistoclustError, match=r"a\.tif: can no longer be read \(.*\): is its drive"):
            slide.read(0, 0, 0, 512, 512)
    finally:
        os.close(folder)


def test_a_zarr_that_goes_is_not_black(tmp_path: Path) -> None:
    path = write_zarr(tmp_path / "a.zarr", [noise(64, 64).transpose(2, 0, 1)], "0.5")
    slide = open_slide(path)
    path.rename(tmp_path / "elsewhere")
    with pytest.raises(HistoclustError, match=r"a\.zarr: can no longer be read"):
        slide.read(0, 0, 0, 64, 64)


def test_a_damaged_chunk_of_a_zarr_is_a_hole(tmp_path: Path) -> None:
    picture = noise(100, 131)
    path = write_zarr(tmp_path / "a.zarr", [picture.transpose(2, 0, 1)], "0.5")
    chunks = sorted(file for file in (path / "0" / "c").rglob("*") if file.is_file())
    chunks[-1].write_bytes(b"\xff" * 40)
    slide = open_slide(path)
    assert isinstance(slide, TiledSlide)
    assert (slide.read(0, 0, 0, 100, 131) == 255).all()  # one tile is all chunks of this small picture
    assert slide.hole_warnings() == ("a.zarr: 1 tile not decodable, left white and taken as not valid.",)
    valid = slide.valid((10, 13), 10.0)
    assert valid is not None
    assert not valid.any()


def test_a_tile_that_lies_about_its_size_is_not_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    smooth = np.full((256, 256, 3), 200, np.uint8)
    tifffile.imwrite(path, smooth, photometric="rgb", tile=(64, 64), compression="jpeg", metadata=None)
    offsets, counts = places(path)
    data = path.read_bytes()[offsets[5] : offsets[5] + counts[5]]
    frame = data.index(b"\xff\xc0")
    overwrite(path, offsets[5] + frame + 5, struct.pack(">HH", 65500, 65500))
    slide = open_slide(path)
    assert isinstance(slide, TiledSlide)
    tracemalloc.start()
    window = slide.read(0, 0, 0, 256, 256)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
    assert (window[64:128, 64:128] == 255).all()
    assert "1 tile not decodable" in slide.hole_warnings()[0]


def test_a_tile_of_another_depth_is_a_hole(tmp_path: Path) -> None:
    import imagecodecs

    path = tmp_path / "a.tif"
    picture = noise(256, 256)
    tifffile.imwrite(path, picture, photometric="rgb", tile=(64, 64), compression="jpeg2000", metadata=None)
    offsets, counts = places(path)
    deep = imagecodecs.jpeg2k_encode(np.full((64, 64, 3), 7000, np.uint16), codecformat="j2k", level=50)
    assert len(deep) < counts[5]
    overwrite(path, offsets[5], deep)
    slide = open_slide(path)
    assert isinstance(slide, TiledSlide)
    assert (slide.read(0, 64, 64, 64, 64) == 255).all()
    assert "1 tile not decodable" in slide.hole_warnings()[0]


@pytest.mark.parametrize(("height", "width"), [(64, 64), (40, 1000), (333, 77), (1, 1), (2048, 300)])
def test_codestreams_state_their_size(height: int, width: int) -> None:
    import imagecodecs

    picture = noise(height, width)
    assert jpeg_size(imagecodecs.jpeg_encode(picture)) == (height, width)
    assert jpeg2000_size(imagecodecs.jpeg2k_encode(picture, codecformat="j2k")) == (height, width)
    assert jpeg2000_size(imagecodecs.jpeg2k_encode(picture, codecformat="jp2")) == (height, width)
    assert jpegxl_size(imagecodecs.jpegxl_encode(picture)) == (height, width)
    assert jpegxl_size(imagecodecs.jpegxl_encode(picture, usecontainer=True)) == (height, width)
    for lossless in (False, True):
        assert webp_size(imagecodecs.webp_encode(picture, lossless=lossless)) == (height, width)
    for size in (jpeg_size, jpeg2000_size, jpegxl_size, webp_size):
        assert size(b"") is None
        assert size(b"\xff\xd8\xff\xe0") is None


def test_directories_that_run_in_a_circle_come_to_an_end(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tif:
        for _ in range(2):
            tif.write(noise(64, 64), photometric="rgb", metadata=None)
    data = path.read_bytes()
    first = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, first)[0]
    second = struct.unpack_from("<I", data, first + 2 + 12 * entries)[0]
    entries = struct.unpack_from("<H", data, second)[0]
    for target in (first, second):
        overwrite(path, second + 2 + 12 * entries, struct.pack("<I", target))
        with pytest.raises(HistoclustError, match="2 pictures along axis"):
            open_slide(path)


@pytest.mark.parametrize("tag", ["ImageWidth", "ImageLength", "TileWidth", "TileLength"])
def test_absurd_sizes_are_refused_without_being_allocated(tmp_path: Path, tag: str) -> None:
    path = tmp_path / "a.tif"
    write_tiles(path)
    with tifffile.TiffFile(path) as tif:
        entry = tif.pages.first.tags[tag]
        place, kind = entry.offset, entry.dtype
    overwrite(path, place + 2, struct.pack("<HII", 4, 1, 0x7FFFFFF0))
    assert kind in (3, 4)
    tracemalloc.start()
    with pytest.raises(HistoclustError, match=r"a\.tif: "):
        open_slide(path).read(0, 0, 0, 64, 64)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


def test_a_png_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(10_000_000))
    path = tmp_path / "a.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )
    with pytest.raises(HistoclustError, match=r"a\.png: (60000 x 60000 px cannot be read|is not a readable)"):
        open_slide(path)


def test_a_strip_that_would_unpack_to_gigabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, np.zeros((20_000, 9000), np.uint8), rowsperstrip=20_000, compression="zstd", metadata=None
    )
    assert open_slide(path).shapes == ((20_000, 9000),)  # 180 MB can be held
    with tifffile.TiffFile(path) as tif:
        tags = tif.pages.first.tags
        places_ = [(tags[name].offset, 90_000) for name in ("ImageWidth",)]
    for place, value in places_:
        overwrite(path, place + 2, struct.pack("<HII", 4, 1, value))
    with pytest.raises(HistoclustError, match="cannot be read piece by piece"):
        open_slide(path)


@pytest.mark.parametrize("keep", [0, 1, 7, 8, 100, 400, 2000])
@pytest.mark.parametrize("name", ["a.ome.tif", "a.png", "a.jp2", "a.dcm"])
def test_what_is_cut_anywhere_is_one_sentence(tmp_path: Path, name: str, keep: int) -> None:
    path = tmp_path / name
    if name == "a.ome.tif":
        write_pyramid(path, noise(200, 200))
    elif name == "a.dcm":
        path.write_bytes(bytes(128) + b"DICM" + bytes(5000))
    else:
        Image.fromarray(noise(200, 200)).save(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(HistoclustError) as caught:
        open_slide(path).read(0, 0, 0, 200, 200)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_the_first_contact_is_made_by_another_process(tmp_path: Path, shared_data: Path) -> None:
    good = shared_data / "wsi" / "vendor" / "openslide_boxes_0.dcm"
    first_contact(good, good)
    bad = tmp_path / "a.mrxs"
    bad.write_bytes(b"\xff\xd8\xff")
    with pytest.raises(HistoclustError, match=r"a\.mrxs: is not a slide that can be read"):
        first_contact(bad, bad)


def test_dicom_folders_are_stains(tmp_path: Path, shared_data: Path) -> None:
    source = shared_data / "wsi" / "vendor"
    for stain in ("HE", "CD31"):
        (tmp_path / stain).mkdir()
        (tmp_path / stain / "1.2.3.dcm").write_bytes((source / "openslide_boxes_0.dcm").read_bytes())
    stack = open_stack(tmp_path)
    assert stack.stains == ("HE", "CD31")
    assert stack.um_per_px == pytest.approx(0.499)
    whole = open_stack(source / "dicom_CMU-1-Small-Region")
    assert whole.shapes[0] == (2967, 2220)
    assert len(whole.stains) == 1
    assert [len(one.inputs()[0]["header_sha256"]) for one in (stack, whole)] == [64, 64]


def test_a_dicom_file_of_another_kind_is_called_so(tmp_path: Path) -> None:
    """A file with the mark of DICOM and no slide: a radiograph, or a slide in a codec that is not read."""
    syntax = b"1.2.840.10008.1.2.4.80\0\0"[:22]  # JPEG-LS
    meta = b"\x02\0\x10\0UI" + len(syntax).to_bytes(2, "little") + syntax
    length = b"\x02\0\0\0UL\x04\0" + len(meta).to_bytes(4, "little")
    path = tmp_path / "HE.dcm"
    path.write_bytes(b"\0" * 128 + b"DICM" + length + meta)
    with pytest.raises(HistoclustError, match="is a DICOM file that is not read") as caught:
        open_slide(path)
    assert "damaged" not in str(caught.value)
