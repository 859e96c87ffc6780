"""What `info` tells of the alignment."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.alignment.sections import bump, lobes, moved_by, stained
from core.slides.written import write_pyramid
from napari_histoclust.cli.app import run


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """CD31 lies 14 px too far down and left in the lower left."""
    where = lobes()
    pictures = {"HE": where, "CD31": moved_by(where, bump((0.8, 0.2), (10, -10)))}
    for seed, (name, mask) in enumerate(pictures.items()):
        picture = stained(mask, ((120, 60, 130), (180, 190, 205))[seed], seed)
        write_pyramid(tmp_path / f"{name}.ome.tif", picture, 2, metadata={"PhysicalSizeX": 0.5})
    return tmp_path


def succeed(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(arguments)
    assert ended.value.code == 0


def test_numbers_words_and_a_figure(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figure = stack / "out" / "alignment.png"
    succeed(["info", str(stack), "--json", "--figure", str(figure)])
    document = json.loads(capsys.readouterr().out)
    (line,) = document["alignment"]
    assert "CD31 is off by about" in line["warning"]
    assert "in the lower left" in line["warning"]
    assert line["warning"] in document["warnings"]
    assert np.array(line["regions"]["outline_dice"], float).shape == (8, 8)
    assert Image.open(figure).width > 500
    succeed(["info", str(stack), "--quiet"])
    said = capsys.readouterr().out
    assert "alignment of CD31: outline overlap" in said
    assert "regions tell a shift" in said


def test_a_figure_of_another_kind_is_refused(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["info", str(stack), "--figure", str(stack / "a.bmp"), "--quiet"]) == 2
    assert "a.bmp: figures are written as" in capsys.readouterr().err


def test_a_file_without_tissue_is_described_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("HE", "CD31"):
        glass = np.full((256, 320, 3), 240, np.uint8)
        write_pyramid(tmp_path / f"{name}.ome.tif", glass, 2, metadata={"PhysicalSizeX": 0.5})
    succeed(["info", str(tmp_path), "--json"])
    document = json.loads(capsys.readouterr().out)
    assert (document["stains"], document["um_per_px"]) == (["HE", "CD31"], 0.5)
    assert (document["height_px"], document["tissue_share"], document["alignment"]) == (256, 0, [])
    assert any("no tissue is found" in warning for warning in document["warnings"])
    succeed(["info", str(tmp_path), "--quiet"])
    assert "tissue: 0.0% of the slide" in capsys.readouterr().out


def test_a_mirrored_stain_is_undecided_and_not_silent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = lobes()
    for seed, (name, mask) in enumerate({"HE": where, "CD31": where[:, ::-1]}.items()):
        picture = stained(mask, ((120, 60, 130), (180, 190, 205))[seed], seed)
        write_pyramid(tmp_path / f"{name}.ome.tif", np.ascontiguousarray(picture), 2)
    succeed(["info", str(tmp_path), "--json"])
    (line,) = json.loads(capsys.readouterr().out)["alignment"]
    assert line["warning"], line


def test_fluorescence_is_described_and_not_sorted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    light = (255 - stained(lobes(), (120, 60, 130), 0)) // 2
    for name in ("DAPI", "CD8"):
        write_pyramid(tmp_path / f"{name}.ome.tif", light, 2)
    succeed(["info", str(tmp_path), "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["stains"] == ["CD8", "DAPI"]
    assert any("CD8, DAPI are light on a dark ground" in warning for warning in document["warnings"])
    assert run(["fit", str(tmp_path), "--out", str(tmp_path / "model"), "--quiet"]) == 2
    assert "light on a dark ground" in capsys.readouterr().err
    assert not (tmp_path / "model").exists()
