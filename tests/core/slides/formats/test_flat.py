"""PNG and JPEG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.slides.written import noise
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.registry import open_slide


def test_png_gives_the_pixels_written(tmp_path: Path) -> None:
    picture = noise(50, 70)
    Image.fromarray(picture).save(tmp_path / "HE.png")
    slide = open_slide(tmp_path / "HE.png")
    assert (slide.name, slide.shapes, slide.um_per_px) == ("HE", ((50, 70),), None)
    np.testing.assert_array_equal(slide.read(0, 40, 60, 20, 20)[:10, :10], picture[40:, 60:])
    np.testing.assert_array_equal(slide.dask_levels()[0].compute(), picture)


def test_transparent_is_white_and_grey_is_said(tmp_path: Path) -> None:
    rgba = np.concatenate([noise(20, 20), np.zeros((20, 20, 1), np.uint8)], axis=2)
    Image.fromarray(rgba).save(tmp_path / "a.png")
    assert (open_slide(tmp_path / "a.png").read(0, 0, 0, 20, 20) == 255).all()
    Image.fromarray(noise(20, 20)[..., 0]).save(tmp_path / "b.png")
    assert "grey" in open_slide(tmp_path / "b.png").warnings[0]


def test_a_turned_photograph_is_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (64, 32)).save(tmp_path / "a.jpg", exif=exif)
    slide = open_slide(tmp_path / "a.jpg")
    assert slide.shapes == ((64, 32),)
    assert slide.read(0, 0, 0, 64, 32).max() < 10


def test_faults_are_named(tmp_path: Path) -> None:
    Image.fromarray(noise(50, 70)).save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(HistoclustError, match=r"cut\.png: is not a readable picture"):
        open_slide(tmp_path / "cut.png").read(0, 0, 0, 50, 70)
    (tmp_path / "text.jpg").write_text("not a picture at all")
    with pytest.raises(HistoclustError, match=r"text\.jpg: is not a readable PNG, JPEG"):
        open_slide(tmp_path / "text.jpg")
    Image.new("RGB", (9000, 8000)).save(tmp_path / "large.png")
    with pytest.raises(HistoclustError, match="pyramidal OME-TIFF"):
        open_slide(tmp_path / "large.png")
    Image.new("CMYK", (20, 20)).save(tmp_path / "print.jpg")
    with pytest.raises(HistoclustError, match="CMYK"):
        open_slide(tmp_path / "print.jpg")
