"""Whatever stands where an output is to be written: only what this program wrote is ever replaced."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from core.models import write_model
from core.runs import make_run
from core.test_atomic import content
from napari_histoclust.cli import run
from napari_histoclust.core.export.registry import FORMATS
from napari_histoclust.core.model.bundle import load_model
from napari_histoclust.core.run.reader import open_run
from stacks import STAINS, write_stack

HERE = [name for name in FORMATS if name != "spatialdata" or find_spec("spatialdata") is not None]
FIT = "--patch-px 32 --patches 120 --epochs 1 --clusters 2 --batch 20 --input-px 32".split()  # noqa: SIM905


def foreign_file(path: Path) -> None:
    path.write_text("years of work")


def foreign_folder(path: Path) -> None:
    path.mkdir()
    (path / "thesis.txt").write_text("years of work")


FOREIGN = [foreign_file, foreign_folder]
Kind = Callable[[Path], None]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, small_model: Path) -> Path:
    """A folder with slides, tiles, a model of theirs and a run."""
    folder = tmp_path_factory.mktemp("place")
    stack = write_stack(folder / "slides")
    make_run(folder / "run", clusters=2, paths=[stack], embedding=True)
    write_model(folder / "run" / "model", STAINS, clusters=2)
    shutil.copytree(small_model, folder / "model")
    rng = np.random.default_rng(0)
    tiles = rng.integers(0, 255, (3, len(STAINS), 32, 32, 3)).astype(np.uint8)
    np.savez(folder / "tiles.npz", tiles=tiles, stains=STAINS)
    return folder


def refused(arguments: list[str | Path], capsys: pytest.CaptureFixture[str]) -> str:
    """Run the command, which must end with 2 and one sentence, and return that."""
    capsys.readouterr()
    assert run([str(argument) for argument in arguments]) == 2
    said = capsys.readouterr()
    (line,) = [line for line in said.err.splitlines() if line.strip()]
    assert said.out == ""
    return line


def succeed(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(arguments)
    assert ended.value.code == 0


@pytest.mark.parametrize("kind", FOREIGN)
def test_classify(place: Path, tmp_path: Path, kind: Kind, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "results"
    command: list[str | Path] = [
        "classify",
        place / "tiles.npz",
        "--model",
        place / "model",
        "--quiet",
        "--out",
    ]
    kind(out)
    before = content(tmp_path)
    assert "results: is" in refused([*command, out], capsys)
    assert content(tmp_path) == before
    for _ in range(2):  # what it wrote itself it writes again
        succeed([*map(str, command), str(tmp_path / "labels.csv")])
    (tmp_path / "labels.csv").write_text("corrected by a person")
    assert "labels.csv: is there already" in refused([*command, tmp_path / "labels.csv"], capsys)
    assert (tmp_path / "labels.csv").read_text() == "corrected by a person"


@pytest.mark.parametrize("kind", FOREIGN)
def test_info_figure(place: Path, tmp_path: Path, kind: Kind, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "results.png"
    kind(out)
    before = content(tmp_path)
    assert "results.png: is" in refused(["info", place / "slides", "--quiet", "--figure", out], capsys)
    assert content(tmp_path) == before
    for _ in range(2):
        succeed(["info", str(place / "slides"), "--quiet", "--figure", str(tmp_path / "a.png")])


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("name", HERE)
def test_export(
    place: Path, tmp_path: Path, name: str, kind: Kind, capsys: pytest.CaptureFixture[str]
) -> None:
    """For every output of every format; what comes before it in the list is not written either."""
    whole = open_run(place / "run")
    for output in FORMATS[name].outputs(whole, tmp_path):
        kind(output)
        before = content(tmp_path)
        said = refused(["export", place / "run", "--to", f"parquet,{name}", "--out", tmp_path], capsys)
        assert f"{output.name}: is" in said
        assert content(tmp_path) == before
        if output.is_dir():
            shutil.rmtree(output)
        else:
            output.unlink()


@pytest.mark.parametrize("name", HERE)
def test_an_export_replaces_its_own_until_somebody_edits_it(
    place: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command: list[str | Path] = ["export", place / "run", "--to", name, "--out", tmp_path, "--quiet"]
    outputs = FORMATS[name].outputs(open_run(place / "run"), tmp_path)
    for _ in range(2):
        succeed([str(word) for word in command])
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in outputs)
    edited = outputs[-1] / "note.txt" if FORMATS[name].is_folder else outputs[-1]
    edited.write_text("of a person")
    assert f"{outputs[-1].name}: is there already" in refused(command, capsys)
    assert edited.read_text() == "of a person"


def test_a_trained_model_is_not_replaced(
    place: Path, tmp_path: Path, authors_files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(place / "model", tmp_path / "model")
    before = load_model(tmp_path / "model").checksum()
    imported: list[str | Path] = ["import-model", authors_files, "--stains", "HE,CD31", "--patch-px", "32"]
    assert "model: holds another model" in refused([*imported, "--out", tmp_path / "model"], capsys)
    fit: list[str | Path] = ["fit", place / "slides", *FIT, "--quiet", "--out", tmp_path / "model"]
    assert "model: holds a model of other slides or settings" in refused(fit, capsys)
    assert load_model(tmp_path / "model").checksum() == before


@pytest.fixture
def authors_files(tmp_path: Path) -> Path:
    """Files laid out as the authors' are, of a small network with random weights."""
    import torch

    from napari_histoclust.core.model.network import Network

    folder = tmp_path / "authors"
    folder.mkdir()
    state = Network(stains=2, clusters=3).state_dict()
    for part, short in (("encoder", "en"), ("classifier", "cl"), ("decoder", "de")):
        weights = {name: tensor for name, tensor in state.items() if name.startswith(part)}
        torch.save(weights, folder / f"model_{short}_202201010000_10.ckpt")
    return folder


def test_a_model_is_written_where_a_link_leads(place: Path, tmp_path: Path) -> None:
    (tmp_path / "large disk").mkdir()
    link = tmp_path / "model"
    link.symlink_to(tmp_path / "large disk")
    for _ in range(2):
        succeed(["fit", str(place / "slides"), *FIT, "--quiet", "--out", str(link)])
    assert link.is_symlink()
    assert load_model(tmp_path / "large disk").spec.clusters == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["large disk", "model"]


@pytest.mark.parametrize("command", ["fit", "map", "run", "phantom", "choose-k", "import-model"])
@pytest.mark.parametrize("kind", FOREIGN)
def test_folders_of_results(
    place: Path,
    tmp_path: Path,
    authors_files: Path,
    command: str,
    kind: Kind,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "results"
    kind(out)
    before = content(tmp_path / "results") if out.is_dir() else out.read_text()
    rest: dict[str, list[str | Path]] = {
        "fit": [place / "slides", *FIT, "--out", out],
        "map": [place / "slides", "--model", place / "model", "--out", out],
        "run": [place / "slides", *FIT, "--out", out],
        "phantom": [out, "--size", "256"],
        "choose-k": [place / "slides", *FIT, "--range", "2:2", "--seeds", "1", "--out", out],
        "import-model": [authors_files, "--stains", "HE,CD31", "--patch-px", "32", "--out", out],
    }
    assert "results: " in refused([command, *rest[command], "--quiet"], capsys)
    assert before == (content(out) if out.is_dir() else out.read_text())


def test_a_foreign_model_in_a_run_folder_stays_and_nothing_is_begun(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in FOREIGN:
        out = tmp_path / kind.__name__
        out.mkdir()
        kind(out / "model")
        before = content(out)
        for command in (
            ["map", place / "slides", "--model", place / "model"],
            ["run", place / "slides", *FIT],
        ):
            assert "model: " in refused([*command, "--out", out, "--quiet"], capsys)
            assert content(out) == before


def test_a_reader_that_has_had_enough_is_no_error(tmp_path: Path) -> None:
    """As `napari-histoclust info slides --json | head -1` does; the pipe is gone before anything is said."""
    slides = write_stack(tmp_path / "s")
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "napari_histoclust", "info", str(slides), "--json"],
        stdout=write, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    os.close(write)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
