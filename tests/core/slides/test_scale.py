"""The one gate for physical scales, and every kind of file through it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from core.slides.written import noise, write_pyramid
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.slides.registry import open_slide
from napari_histoclust.core.slides.scale import finite, gated, number
from napari_histoclust.core.slides.stack import open_stack


@pytest.mark.parametrize(
    ("text", "value"), [("2.498e-1", 0.2498), (" 0.25 ", 0.25), ("0,25", 0.25), ("1", 1.0), ("+5E-1", 0.5)]
)
def test_a_number_is_read_whole(text: str, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize("text", ["", "0.25 um", "1,000.5", "2.5.1", "0x1", "1,2,3"])
def test_what_is_no_number_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="convert"):
        number(text)


@pytest.mark.parametrize(
    ("sides", "um", "says"),
    [
        ((None, None), None, ""),
        ((0.25, 0.25), 0.25, ""),
        ((None, 0.5), 0.5, ""),
        ((0.5, None), 0.5, ""),
        ((0.2499, 0.2501), 0.2501, ""),
        ((1.0, 0.5), None, "not square"),
        ((0.25, 0.26), None, "not square"),
        ((352.8, 352.8), None, "no scale"),
        ((None, 84.67), None, "no scale"),
        ((None, 42.33), None, "no scale"),
        ((0.00025, 0.00025), None, "no scale"),
        ((25400.0, 25400.0), None, "no scale"),
        ((None, 1e-300), None, "no scale"),
    ],
)
def test_the_gate(sides: tuple[float | None, float | None], um: float | None, says: str) -> None:
    scale, said = gated("x.tif", sides)
    assert scale == um
    assert len(said) == bool(says)
    assert says in " ".join(said)


@pytest.mark.parametrize("side", [0.0, -1.0, float("nan"), float("inf")])
def test_what_stands_for_unknown_is_unknown(side: float) -> None:
    assert finite(side) is None


def aperio(path: Path, mpp: str) -> Path:
    description = f"Aperio Image Library v1\n64x64 |AppMag = 20|MPP = {mpp}|Left = 25.4"
    tifffile.imwrite(
        path, noise(64, 64), photometric="rgb", tile=(64, 64), description=description, metadata=None
    )
    return path


@pytest.mark.parametrize(
    ("mpp", "um"),
    [
        ("2.498e-1", 0.2498),
        ("0,2498", 0.2498),
        ("0.2498", 0.2498),
        ("0", None),
        ("-1", None),
        ("352.8", None),
    ],
)
def test_aperio_states_any_spelling(tmp_path: Path, mpp: str, um: float | None) -> None:
    assert open_slide(aperio(tmp_path / "a.svs", mpp)).um_per_px == um


def test_a_scale_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    slide = open_slide(aperio(tmp_path / "a.svs", "about.half"))
    assert slide.um_per_px is None
    assert "cannot be read" in slide.warnings[0]


@pytest.mark.parametrize(
    ("stated", "um", "says"),
    [
        ({"PhysicalSizeX": 0.5, "PhysicalSizeY": 1.0}, None, "not square"),
        ({"PhysicalSizeX": 500.0, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.5}, 0.5, ""),
        ({"PhysicalSizeY": 0.5}, 0.5, ""),
        ({"PhysicalSizeX": 0.00025, "PhysicalSizeY": 0.00025}, None, "no scale"),
        ({"PhysicalSizeX": 352.777, "PhysicalSizeY": 352.777}, None, "no scale"),
        ({"PhysicalSizeX": 1.0, "PhysicalSizeXUnit": "in"}, None, "no scale"),
    ],
)
def test_ome_states_both_sides(tmp_path: Path, stated: dict[str, Any], um: float | None, says: str) -> None:
    write_pyramid(tmp_path / "HE.ome.tif", noise(64, 64), 1, metadata=stated)
    stack = open_stack(tmp_path)
    assert stack.um_per_px == (None if um is None else pytest.approx(um))
    assert says in " ".join(stack.warnings)
    assert any("not stated" in warning for warning in stack.warnings) == (um is None)


@pytest.mark.parametrize(("resolution", "um"), [((4, 4), 0.25), ((4, 2), None)])
def test_imagej_states_both_sides(tmp_path: Path, resolution: tuple[int, int], um: float | None) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", noise(64, 64), imagej=True, resolution=resolution, metadata={"unit": "um"}
    )
    slide = open_slide(tmp_path / "a.tif")
    assert slide.um_per_px == um
    assert any("not square" in warning for warning in slide.warnings) == (um is None)


@pytest.mark.parametrize("um", [25400.0, 0.00025])
def test_a_scale_that_a_person_cannot_mean_is_refused(tmp_path: Path, um: float) -> None:
    tifffile.imwrite(tmp_path / "HE.tif", noise(64, 64), photometric="rgb", metadata=None)
    (tmp_path / "stack.yaml").write_text(f"um_per_px: {um}\nstains: {{HE: {{path: HE.tif}}}}\n")
    with pytest.raises(HistoclustError, match="um_per_px"):
        open_stack(tmp_path)


def test_a_person_overrides_what_a_file_states(tmp_path: Path) -> None:
    write_pyramid(tmp_path / "HE.ome.tif", np.asarray(noise(64, 64)), 1, metadata={"PhysicalSizeX": 352.777})
    (tmp_path / "stack.yaml").write_text("um_per_px: 0.25\nstains: {HE: {path: HE.ome.tif}}\n")
    assert open_stack(tmp_path).um_per_px == 0.25
