"""A sheet holds the px of its patches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_histoclust.core.figures.sheet import Sheet, SheetLayout, compose, draw_sheet
from napari_histoclust.core.figures.style import save
from napari_histoclust.core.palette import default_clusters


def sheet_of(count: int, stains: tuple[str, ...] = ("HE", "CD31", "Ki67"), side: int = 48) -> Sheet:
    rng = np.random.default_rng(count)
    return Sheet(
        title=f"{count} patches",
        pixels=rng.integers(0, 256, (count, len(stains), side, side, 3), np.uint8),
        patches=np.arange(100, 100 + count),
        confidence=np.linspace(0.3, 1, count, dtype=np.float32),
        labels=np.arange(count) % 5 + 1,
        clusters=default_clusters(6),
        stains=stains,
        patch_px=64.0,
        um_per_px=0.5,
    )


@pytest.mark.parametrize("count", [1, 2, 7, 40, 200])
def test_every_px_is_on_the_sheet(tmp_path: Path, count: int) -> None:
    sheet = sheet_of(count)
    path = save(draw_sheet(sheet), tmp_path / "sheet.png")
    with Image.open(path) as picture:
        read = np.asarray(picture.convert("RGB"))
    layout = SheetLayout(count, 3, 48, legend_lines=3 if count > 4 else 2)
    assert read.shape == (*layout.shape, 3)
    for place in range(count):
        for stain in range(3):
            y, x = layout.corner(place, stain)
            assert np.array_equal(read[y : y + 48, x : x + 48], sheet.pixels[place, stain])
        y, x = layout.column(place)
        colour = tuple(bytes.fromhex(sheet.clusters[sheet.labels[place] - 1].colour[1:]))
        assert (read[y - 5, x : x + 48] == colour).all()
    assert [file.name for file in tmp_path.iterdir()] == ["sheet.png"]


def test_captions_and_headings_are_written() -> None:
    sheet = sheet_of(7)
    texts = {text.get_text() for text in draw_sheet(sheet).texts}
    assert {"7 patches", "100", "106", "HE", "CD31", "Ki67", "Cluster 5", "1.00", "0.30"} <= texts
    assert "Cluster 6" not in texts
    assert any("a patch is 32 µm wide" in text for text in texts)


def test_long_names_get_more_room() -> None:
    sheet = sheet_of(7)
    short = draw_sheet(sheet).get_figheight()
    name = "Ductal adenocarcinoma, poorly differentiated, with necrosis"
    long = replace(sheet, clusters=tuple(replace(c, name=f"{name} {c.id}") for c in sheet.clusters))
    assert draw_sheet(long).get_figheight() > short


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (5, 5), (40, 14), (41, 14), (200, 40)])
def test_the_bands_are_even(count: int, columns: int) -> None:
    layout = SheetLayout(count, 5, 192)
    assert layout.columns == columns
    assert (layout.bands - 1) * layout.columns < count <= layout.bands * layout.columns


def test_nothing_overlaps() -> None:
    sheet = sheet_of(23)
    layout = SheetLayout(23, 3, 48)
    covered = np.zeros(layout.shape, int)
    for place in range(23):
        for stain in range(3):
            y, x = layout.corner(place, stain)
            covered[y : y + 48, x : x + 48] += 1
    assert covered.max() == 1
    assert covered.sum() == 23 * 3 * 48**2
    assert (compose(sheet, layout)[0] == 255).all()
