"""Nothing is laid over images that a run was not made from, and moved ones are found."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import yaml

from core.models import write_model
from core.runs import make_run
from napari_histoclust import cli
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.run.manifest import InputFile, read_manifest
from napari_histoclust.core.run.originals import OtherImageError, at_place, relinked, write_places
from napari_histoclust.core.run.reader import open_run
from napari_histoclust.core.run.run import Run
from napari_histoclust.core.run.saved import saved_run
from napari_histoclust.core.slides.stack import open_stack
from napari_histoclust.session.opening import open_run_folder
from stacks import picture, write_stack

SIDE = 192
TWO = ("HE", "CD31")


def write_he(path: Path, pixels: np.ndarray, **options: Any) -> None:
    """An uncompressed slide: its size does not tell what is in it."""
    tifffile.imwrite(path, pixels, photometric="rgb", rowsperstrip=8, **options)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with slides, one of them uncompressed, and a run of them."""
    project = tmp_path_factory.mktemp("made") / "project"
    folder = write_stack(project / "slides", side_px=SIDE, stains=TWO)
    he = folder / "case7_HE.ome.tif"
    he.unlink()
    metadata = {"axes": "YXS", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "um"}
    write_he(he, picture("HE", SIDE), metadata=metadata)
    make_mapped(project / "run", folder)
    write_model(project / "run" / "model", TWO)
    return project


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    """It, where it was made, as far as run.json says; times of change are kept."""
    copy = tmp_path / "project"
    shutil.copytree(made, copy)
    run = open_run(copy / "run")
    entries = tuple(
        at_place(entry, open_stack(copy / "slides"), copy / "run") for entry in run.manifest.slides
    )
    run.manifest.model_copy(update={"slides": entries}).write(copy / "run")
    return copy


def call(*arguments: str) -> int:
    """Run a command as a shell does and return its exit code."""
    try:
        return cli.run(list(arguments))
    except SystemExit as ended:
        return int(ended.code or 0)


def make_mapped(folder: Path, *slides: Path) -> Run:
    """A run that notes its slides as the mapping does."""
    run = make_run(folder, rows=5, cols=5, clusters=2, slides=len(slides), paths=list(slides))
    stacks = [open_stack(path) for path in slides]
    entries = tuple(
        at_place(
            entry.model_copy(
                update={"shape_px": s.shapes[0], "um_per_px": s.um_per_px, "reference": s.reference}
            ),
            s,
            folder,
        )
        for entry, s in zip(run.manifest.slides, stacks, strict=True)
    )
    run.manifest.model_copy(update={"slides": entries}).write(folder)
    return open_run(folder)


def he_of(project: Path) -> Path:
    return project / "slides" / "case7_HE.ome.tif"


def rewrite_in_place(project: Path) -> None:
    """Other pixels behind the first 64 KiB; nothing else tells."""
    with he_of(project).open("r+b") as file:
        file.seek(80_000)
        file.write(bytes(20_000))


def turn(project: Path) -> None:
    he = he_of(project)
    with tifffile.TiffFile(he) as tif:
        offset = tif.pages[0].dataoffsets[0]  # type: ignore[union-attr]
    pixels = np.ascontiguousarray(np.rot90(picture("HE", SIDE)))
    with he.open("r+b") as file:
        file.seek(offset)
        file.write(pixels.tobytes())


def resize(project: Path) -> None:
    write_stack(project / "slides", side_px=2 * SIDE, stains=TWO)


def swap_stains(project: Path) -> None:
    a, b = sorted((project / "slides").iterdir())
    a.rename(a.with_name("aside"))
    b.rename(a)
    a.with_name("aside").rename(b)


def rescale(project: Path) -> None:
    describe(project, um_per_px=8.6)


def refer_otherwise(project: Path) -> None:
    describe(project, reference="CD31")


def lay_otherwise(project: Path) -> None:
    describe(project, affine=[[1, 0, 3], [0, 1, 0], [0, 0, 1]])


def describe(project: Path, affine: list[list[float]] | None = None, **rest: Any) -> None:
    names = {stain: {"path": f"case7_{stain}.ome.tif"} for stain in TWO}
    stains: dict[str, Any] = {**names, "CD31": {**names["CD31"], **({"affine": affine} if affine else {})}}
    document = {"stains": stains, "reference": "HE", **rest}
    (project / "slides" / "stack.yaml").write_text(yaml.safe_dump(document))


CHANGES = (rewrite_in_place, turn, resize, swap_stains, rescale, refer_otherwise, lay_otherwise)


@pytest.fixture(params=CHANGES, ids=lambda change: change.__name__)
def changed(project: Path, request: pytest.FixtureRequest) -> Path:
    request.param(project)
    he, noted = he_of(project), read_manifest(project / "run").slides[0].inputs[0].mtime
    os.utime(he, (noted + 60, noted + 60))  # time passes
    return project


def test_every_output_with_pixels_is_refused(
    changed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for wanted in (["overlay"], ["report"], ["png"], ["geojson", "--stain", "CD31"]):
        out = tmp_path / wanted[0]
        arguments = ["export", str(changed / "run"), "--out", str(out), "--quiet", "--to", *wanted]
        assert call(*arguments) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "is not what this run was made from" in line
        assert "--slides" in line
        assert str(changed / "slides") in line
        assert not out.exists() or not any(out.iterdir())


def test_the_window_says_so_and_shows_the_clusters_alone(changed: Path) -> None:
    opened = drive(open_run_folder(changed / "run"))
    assert opened.stacks == ()
    (warning,) = opened.warnings
    assert "is not what this run was made from" in warning
    assert "Find slides" in warning


def test_what_needs_no_pixels_is_written_all_the_same(changed: Path, tmp_path: Path) -> None:
    to = "csv,geojson,ome-tiff"
    assert call("export", str(changed / "run"), "--to", to, "--out", str(tmp_path / "o"), "--quiet") == 0


def test_the_same_images_are_opened_and_those_of_one_time_are_not_read(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(project / "run")
    monkeypatch.setattr("napari_histoclust.core.slides.fingerprint.sampled_sha256", refuse)
    assert run.open_stack().stains == TWO


def refuse(path: Path) -> str:
    raise AssertionError(f"{path} was read")


def test_a_copy_with_another_time_is_the_same(project: Path) -> None:
    for file in (project / "slides").iterdir():
        os.utime(file, (1, 1))
    assert open_run(project / "run").open_stack().stains == TWO


def test_one_more_stain_and_one_less_are_no_other_images(project: Path) -> None:
    write_stack(project / "slides", side_px=SIDE, stains=["MT"])
    (project / "slides" / "case7_CD31.ome.tif").unlink()
    assert open_run(project / "run").open_stack().stains == ("HE", "MT")


def test_a_run_of_an_older_version_is_compared_by_what_it_has(project: Path) -> None:
    manifest = read_manifest(project / "run")
    (entry,) = manifest.slides
    older = tuple(
        InputFile.model_validate(line.model_dump(exclude={"content_sha256", "placement"}))
        for line in entry.inputs
    )
    new = {"inputs": older, "reference": None, "relative_path": None}
    manifest.model_copy(update={"slides": (entry.model_copy(update=new),)}).write(project / "run")
    run = open_run(project / "run")
    assert run.open_stack().stains == TWO
    with he_of(project).open("r+b") as file:
        file.seek(1000)
        file.write(bytes(100))
    os.utime(he_of(project), (1, 1))
    with pytest.raises(OtherImageError, match="holds something else"):
        run.open_stack()


def test_a_project_that_was_moved_is_found(project: Path) -> None:
    moved = project.rename(project.with_name("moved"))
    assert open_run(moved / "run").open_stack().path == moved / "slides"


def test_a_copied_project_takes_its_own_images_where_the_others_have_changed(project: Path) -> None:
    copy = project.with_name("copy")
    shutil.copytree(project, copy)
    rewrite_in_place(project)
    os.utime(he_of(project), (1, 1))
    assert open_run(copy / "run").open_stack().path == copy / "slides"


def move_away(project: Path, tmp_path: Path) -> Path:
    (tmp_path / "archive").mkdir()
    return Path(shutil.move(project / "slides", tmp_path / "archive" / "slides"))


@pytest.mark.parametrize("given", ["archive", "archive/slides"])
def test_slides_are_found_where_one_says(
    project: Path, tmp_path: Path, given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    move_away(project, tmp_path)
    arguments = ["export", str(project / "run"), "--to", "overlay", "--quiet", "--out", str(tmp_path / "out")]
    assert call(*arguments) == 2
    assert "no longer there" in capsys.readouterr().err
    assert call(*arguments, "--slides", str(tmp_path / given)) == 0
    assert (tmp_path / "out" / "overlay.ome.tif").is_file()
    assert saved_run(project / "run", tmp_path / given).open_stack().stains == TWO


def test_other_images_where_one_says_are_refused(project: Path, tmp_path: Path) -> None:
    archive = move_away(project, tmp_path)
    other = write_stack(tmp_path / "other", side_px=SIDE, stains=TWO, seed=5)
    with pytest.raises(OtherImageError, match="not what this run was made from"):
        open_run(project / "run", other)
    empty = tmp_path / "empty"
    empty.mkdir()
    for wrong, words in ((empty, "empty"), (tmp_path / "nowhere", "no such")):
        with pytest.raises(HistoclustError, match=words):
            open_run(project / "run", wrong)
    assert open_run(project / "run", archive).open_stack().stains == TWO


def test_what_was_found_is_noted_on_demand(project: Path, tmp_path: Path) -> None:
    archive = move_away(project, tmp_path)
    before = (project / "run" / "run.json").read_text()
    run = relinked(open_run(project / "run"), archive)
    assert (project / "run" / "run.json").read_text() == before
    write_places(run)
    again = open_run(project / "run")
    assert again.open_stack().path == archive
    assert again.manifest.slides[0].relative_path == "../../archive/slides"
    assert {Path(line.path).parent for line in again.manifest.slides[0].inputs} == {archive}


def test_each_slide_of_several_is_found_and_none_is_taken_for_another(tmp_path: Path) -> None:
    slides = [
        write_stack(tmp_path / "in" / name, side_px=SIDE, stains=TWO, seed=i) for i, name in enumerate("ab")
    ]
    run = make_mapped(tmp_path / "run", *slides)
    (tmp_path / "out").mkdir()
    for name in "ab":
        shutil.move(tmp_path / "in" / name, tmp_path / "out" / name)
    found = relinked(run, tmp_path / "out")
    assert [found.open_stack(i).path.name for i in (0, 1)] == ["a", "b"]
    (tmp_path / "out" / "a").rename(tmp_path / "out" / "c")
    (tmp_path / "out" / "b").rename(tmp_path / "out" / "a")
    with pytest.raises(HistoclustError):
        relinked(run, tmp_path / "out")


def test_run_json_holds_the_way_from_the_run(project: Path) -> None:
    document = json.loads((project / "run" / "run.json").read_text())
    assert document["slides"][0]["relative_path"] == "../slides"


@pytest.mark.parametrize(("change", "said"), [(resize, "384 x 384 px and was 192"), (rescale, "8.6 um")])
def test_the_kind_of_change_is_said(project: Path, change: Callable[[Path], None], said: str) -> None:
    change(project)
    with pytest.raises(OtherImageError, match=said):
        open_run(project / "run").open_stack()
