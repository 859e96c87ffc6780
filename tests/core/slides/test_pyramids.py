"""Pyramids built for large pictures without one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile

from core.slides.test_bad_input import overwrite, places, unwrite
from core.slides.written import noise
from napari_histoclust.core.errors import Cancelled, HistoclustError
from napari_histoclust.core.jobs import Progress, drive
from napari_histoclust.core.slides.overview import block_mean
from napari_histoclust.core.slides.protocol import UInt8
from napari_histoclust.core.slides.pyramid.build import build_pyramids, with_pyramids
from napari_histoclust.core.slides.pyramid.store import PYRAMIDS, halves
from napari_histoclust.core.slides.registry import open_slide
from napari_histoclust.core.slides.stack import open_stack

HEIGHT, WIDTH = 1301, 4500


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(PYRAMIDS.folder_variable, str(tmp_path / "cache"))
    return tmp_path / "cache"


def smooth(seed: int = 0) -> UInt8:
    """Colours that change slowly, as JPEG likes them."""
    y, x = (np.arange(side, dtype=np.uint8) for side in (HEIGHT, WIDTH))
    return np.dstack([y[:, None] ^ (x + seed), y[:, None] + x, np.broadcast_to(x, (HEIGHT, WIDTH))])


def as_jpeg(picture: UInt8) -> UInt8:
    """What tiles of 512 px of JPEG leave of a picture."""
    out = np.empty_like(picture)
    for y in range(0, picture.shape[0], 512):
        for x in range(0, picture.shape[1], 512):
            tile = np.ascontiguousarray(picture[y : y + 512, x : x + 512])
            data = imagecodecs.jpeg_encode(tile, level=90, subsampling="444")
            out[y : y + 512, x : x + 512] = imagecodecs.jpeg_decode(data)
    return out


def write(path: Path, picture: UInt8, **options: object) -> Path:
    tifffile.imwrite(path, picture, photometric="rgb", metadata=None, **options)
    return path


@pytest.mark.parametrize("options", [{"tile": (256, 256)}, {"rowsperstrip": 7, "compression": "deflate"}, {}])
def test_levels_are_means_of_two_by_two(tmp_path: Path, options: dict[str, object]) -> None:
    picture = smooth()
    path = write(tmp_path / "HE.tif", picture, **options)
    assert open_slide(path).shapes == ((HEIGHT, WIDTH),)
    said: list[Progress] = []
    assert drive(build_pyramids(path), said.append) == 1
    assert said[0].text == "Building a pyramid of HE.tif"
    assert said[0].total == HEIGHT
    slide = open_slide(path)
    assert slide.shapes == ((1301, 4500), (651, 2250), (326, 1125), (163, 563))
    literal = picture
    for level in range(1, 4):  # the slow way: the whole picture, halved again and again
        literal = block_mean(literal, 2)
        np.testing.assert_array_equal(slide.read(level, 0, 0, *slide.shapes[level]), as_jpeg(literal))
    np.testing.assert_array_equal(slide.read(0, 0, 0, HEIGHT, WIDTH), picture)
    assert drive(build_pyramids(path)) == 0


def test_halves_end_where_a_picture_is_seen_at_once() -> None:
    assert halves((4096, 3)) == [(2048, 2), (1024, 1)]
    assert halves((100_001, 80_000))[-1] == (782, 625)


def test_small_ones_and_pyramids_need_none(tmp_path: Path, cache: Path) -> None:
    small = write(tmp_path / "a.tif", noise(300, 400))
    assert drive(build_pyramids(small)) == 0
    with tifffile.TiffWriter(tmp_path / "b.tif") as tif:
        for step in (1, 2):
            tif.write(smooth()[::step, ::step], photometric="rgb", metadata=None)
    assert drive(build_pyramids(tmp_path / "b.tif")) == 0
    assert not cache.exists()


def test_a_stack_gets_its_pyramids_once(tmp_path: Path) -> None:
    folder = tmp_path / "stack"
    folder.mkdir()
    for seed, stain in enumerate(("HE", "CD31")):
        write(folder / f"{stain}.tif", smooth(seed), tile=(256, 256))
    plain = open_stack(folder)
    stack = drive(with_pyramids(plain))
    assert len(plain.shapes) == 1
    assert stack.downsamples == (1.0, 2.0, 4.0, 8.0)
    assert drive(with_pyramids(stack)) is stack


def test_what_is_cancelled_leaves_nothing_and_what_changed_is_built_anew(tmp_path: Path, cache: Path) -> None:
    path = write(tmp_path / "a.tif", smooth(), tile=(256, 256))
    with pytest.raises(Cancelled):
        drive(build_pyramids(path), cancelled=lambda: True)
    assert not list(cache.rglob("*"))
    drive(build_pyramids(path))
    write(path, smooth(1), tile=(256, 256))
    assert len(open_slide(path).shapes) == 1
    assert drive(build_pyramids(path)) == 1


def test_the_one_used_longest_ago_makes_room(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [write(tmp_path / f"{k}.tif", smooth(k), tile=(256, 256)) for k in range(3)]
    for path in paths[:2]:
        drive(build_pyramids(path))
    for kept in cache.iterdir():  # the second one was used long ago, the first one just now
        source = json.loads((kept / "pyramid.json").read_text())["source"]
        when = 1000 if source.endswith("1.tif") else 2000
        os.utime(kept / "pyramid.json", (when, when))
    one = sum(file.stat().st_size for file in next(cache.iterdir()).iterdir())
    monkeypatch.setenv(PYRAMIDS.gib_variable, str(2.5 * one / 2**30))
    drive(build_pyramids(paths[2]))
    assert [len(open_slide(path).shapes) for path in paths] == [4, 1, 4]
    monkeypatch.setenv(PYRAMIDS.gib_variable, "0")
    assert drive(build_pyramids(paths[1])) == 0
    monkeypatch.setenv(PYRAMIDS.gib_variable, "much")
    with pytest.raises(HistoclustError, match="HISTOCLUST_PYRAMIDS_GIB=much"):
        drive(build_pyramids(paths[1]))


def test_holes_are_known_without_reading_the_picture_again(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", smooth(), tile=(256, 256), compression="deflate")
    offsets, _ = places(path)
    overwrite(path, offsets[20], b"\xff" * 64)
    unwrite(path, 3)
    drive(build_pyramids(path))
    valid = open_slide(path).valid((6, 18), 256.0)  # type: ignore[attr-defined]
    assert np.argwhere(~valid).tolist() == [[0, 3], [1, 2]]


def test_a_damaged_pyramid_is_named_and_half_of_one_is_none(tmp_path: Path, cache: Path) -> None:
    path = write(tmp_path / "a.tif", smooth(), tile=(256, 256))
    drive(build_pyramids(path))
    kept = next(cache.iterdir())
    data = (kept / "tiles.bin").read_bytes()
    (kept / "tiles.bin").write_bytes(bytes(len(data)))
    with pytest.raises(HistoclustError, match="the pyramid kept here is damaged: delete this folder"):
        open_slide(path).read(1, 0, 0, 100, 100)
    (kept / "index.npy").write_bytes(b"")
    assert len(open_slide(path).shapes) == 1


def test_no_room_is_no_end(tmp_path: Path, cache: Path) -> None:
    path = write(tmp_path / "a.tif", smooth(), tile=(256, 256))
    cache.write_text("a file in the way")
    said: list[Progress] = []
    assert drive(build_pyramids(path), said.append) == 0
    assert said[-1].text.startswith("No pyramid of a.tif")
    assert open_slide(path).shapes == ((HEIGHT, WIDTH),)
