from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import napari_histoclust as hc
from napari_histoclust.core.jobs import Progress, drive
from napari_histoclust.core.stains.calibration import (
    UNIT,
    Calibration,
    SlideMeasures,
    calibrate_stack,
    calibrate_tiles,
)
from napari_histoclust.core.tissue.mask import find_tissue
from stacks import picture, write_stack


def _calibration(folder: Path) -> Calibration:
    stack = hc.open_stack(folder)
    mask = drive(find_tissue(stack, stack.stains, 16))
    return drive(calibrate_stack(stack, stack.stains, mask))


def test_tables_are_density_above_the_glass_in_units_of_the_strength() -> None:
    tables = Calibration(np.array([[200.0, 220.0, 240.0]]), np.array([0.3])).tables()
    for channel, glass in enumerate((200, 220, 240)):
        for value in (0, 17, 120, glass, 255):
            literal = round(np.log10((glass + 1) / (value + 1)) / 0.3 * UNIT)
            assert tables[channel, value] == min(max(literal, 0), 255)


def test_one_job_measures_a_slide_once(tmp_path: Path) -> None:
    stack, measures = hc.open_stack(write_stack(tmp_path / "s")), SlideMeasures()
    first = drive(measures.calibration(stack, stack.stains, 16))
    for file in (tmp_path / "s").iterdir():
        file.unlink()
    asked: list[Progress] = []
    assert drive(measures.calibration(stack, stack.stains, 16), asked.append) is first
    assert asked == []


def test_glass_and_strength_of_a_slide(tmp_path: Path) -> None:
    found = _calibration(write_stack(tmp_path / "s"))
    np.testing.assert_allclose(found.glass, 248, atol=2)
    for index, stain in enumerate(hc.open_stack(tmp_path / "s").stains):
        shown = picture(stain, 256).astype(float)
        y, x = np.mgrid[:256, :256] / 256 - 0.5
        density = np.log10(249 / (shown[np.hypot(y, x) < 0.40] + 1)).mean(axis=1)
        assert found.strength[index] == pytest.approx(np.percentile(density, 90), rel=0.15)


@pytest.mark.parametrize("power", [0.8, 1.2])
def test_a_slide_stained_more_or_less_has_the_same_codes(tmp_path: Path, power: float) -> None:
    import tifffile

    plain = _calibration(write_stack(tmp_path / "a"))
    write_stack(tmp_path / "b")
    for file in (tmp_path / "b").iterdir():
        shown = tifffile.imread(file).astype(float)
        changed = 0.9 * 248 * (shown.clip(1) / 248) ** power  # the glass darker, the stain stronger
        tifffile.imwrite(file, np.clip(np.rint(changed), 0, 255).astype(np.uint8), photometric="rgb")
    other = _calibration(tmp_path / "b")
    np.testing.assert_allclose(other.glass, 0.9 * plain.glass, atol=2)
    for value in (60, 120, 180, 230):
        changed = round(0.9 * 248 * (value / 248) ** power)
        codes = plain.tables()[:, value].astype(int) - other.tables()[:, changed]
        assert np.abs(codes).max() <= max(2, 0.06 * plain.tables()[:, value].max())


def test_tiles_are_taken_together() -> None:
    tiles = np.stack([picture(stain, 64) for stain in ("HE", "CD31")])[None].repeat(3, axis=0)
    found = calibrate_tiles(tiles)
    np.testing.assert_allclose(found.glass, 248, atol=2)
    assert (found.strength > 0.1).all()
