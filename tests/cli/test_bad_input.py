"""What a user may get wrong: one sentence, exit 2, no traceback, and nothing touched."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_histoclust.cli import run
from stacks import picture, write_stack

SMALL = "--patch-px 32 --patches 120 --epochs 1 --clusters 2 --batch 20 --input-px 32".split()  # noqa: SIM905


def nothing(folder: Path) -> Path:
    return folder / "not there"


def empty(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def twice(folder: Path) -> Path:
    stack = write_stack(folder / "s")
    shutil.copy(stack / "case7_HE.ome.tif", stack / "case7_H&E.ome.tif")
    return stack


def sizes(folder: Path) -> Path:
    stack = write_stack(folder / "s")
    tifffile.imwrite(stack / "case7_CK19.ome.tif", picture("CK19", 128), photometric="rgb")
    return stack


def truncated(folder: Path) -> Path:
    stack = write_stack(folder / "s")
    file = stack / "case7_CD31.ome.tif"
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 6 // 10])
    return stack


def text(folder: Path) -> Path:
    stack = write_stack(folder / "s")
    (stack / "case7_MT.ome.tif").write_text("<html><body>404 Not Found</body></html>")
    return stack


def floats(folder: Path) -> Path:
    stack = write_stack(folder / "s")
    tifffile.imwrite(stack / "case7_MT.ome.tif", np.zeros((256, 256, 3), np.float32), photometric="rgb")
    return stack


def glass(folder: Path) -> Path:
    stack = write_stack(folder / "s")
    for file in stack.iterdir():
        tifffile.imwrite(file, np.full((256, 256, 3), 246, np.uint8), photometric="rgb")
    return stack


BAD_STACKS: list[tuple[Callable[[Path], Path], str]] = [
    (nothing, "not there"),
    (empty, "empty"),
    (twice, "HE"),
    (sizes, "CK19"),
    (truncated, "case7_CD31.ome.tif"),
    (text, "case7_MT.ome.tif"),
    (floats, "case7_MT.ome.tif"),
    (glass, "tissue"),
]


def sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error that is no progress; nothing else may be there with --quiet."""
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert "Traceback" not in lines[0]
    return lines[0]


CASES = [(command, *case) for command in ("run", "info") for case in BAD_STACKS]
CASES.remove(("info", glass, "tissue"))  # it can be read, so that it is described


@pytest.mark.parametrize(("command", "make", "named"), CASES, ids=lambda v: getattr(v, "__name__", v))
def test_bad_stacks(
    command: str,
    make: Callable[[Path], Path],
    named: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stack, out = make(tmp_path), tmp_path / "out"
    options = ["--out", str(out), *SMALL] if command == "run" else []
    assert run([command, str(stack), *options, "--quiet"]) == 2
    assert named in sentence(capsys)
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--clusters", "1"], "--clusters 1"),
        (["--clusters", "many"], "--clusters many"),
        (["--preset", "best"], "best"),
        (["--patch-px", "4000"], "patch"),
        (["--patches", "30", "--batch", "100"], "--patches 30"),
        (["--colour", "red"], "--colour"),
        (["--device", "cuda:99"], "--device"),
    ],
)
def test_bad_options(
    arguments: list[str], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stack, out = write_stack(tmp_path / "s"), tmp_path / "out"
    assert run(["fit", str(stack), "--out", str(out), "--quiet", *arguments]) == 2
    assert named in sentence(capsys)
    assert not out.exists()


@pytest.mark.parametrize("command", ["run", "fit", "map"])
def test_an_output_folder_that_holds_something_else_is_left_alone(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], small_model: Path
) -> None:
    stack, out = write_stack(tmp_path / "s"), tmp_path / "thesis"
    out.mkdir()
    (out / "chapter1.txt").write_text("years of work")
    options = ["--model", str(small_model)] if command == "map" else SMALL
    assert run([command, str(stack), "--out", str(out), "--quiet", *options]) == 2
    assert "thesis" in sentence(capsys)
    assert [p.name for p in out.iterdir()] == ["chapter1.txt"]


def test_a_model_for_other_stains(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], small_model: Path
) -> None:
    stack = write_stack(tmp_path / "s", stains=("HE", "CD31", "Ki67", "MT"))
    out = tmp_path / "out"
    assert run(["map", str(stack), "--model", str(small_model), "--out", str(out), "--quiet"]) == 2
    assert "CK19" in sentence(capsys)
    assert not out.exists()


def test_a_folder_that_is_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack = write_stack(tmp_path / "s")
    assert run(["map", str(stack), "--model", str(stack), "--out", str(tmp_path / "o"), "--quiet"]) == 2
    assert "is not a model" in sentence(capsys)


@pytest.mark.parametrize(
    "arguments",
    [
        ["embed", "nowhere"],
        ["validate", "nowhere"],
        ["validate"],
        ["validate", "--features", "nowhere.csv", "--quiet"],
        ["export", "nowhere", "--to", "csv"],
        ["open", "nowhere"],
        ["classify", "nowhere.npz", "--model", "nowhere", "--out", "x.csv"],
        ["import-model", "nowhere", "--out", "m", "--stains", "HE", "--patch-px", "128"],
        ["choose-k", "nowhere", "--out", "k", "--range", "8-18"],
        ["bogus"],
        ["phantom", "p", "--size", "3"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_every_command_answers_in_one_sentence(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 2
    assert sentence(capsys).endswith(".")
    assert not list(tmp_path.iterdir())


def _tmpfs_works(folder: Path) -> bool:
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    return shutil.which("unshare") is not None and subprocess.run(command, check=False).returncode == 0


@pytest.mark.slow
def test_a_full_disk(tmp_path: Path, small_model: Path) -> None:
    """A real file system of 200 KiB, in a mount namespace of its own."""
    small = tmp_path / "small disk"
    small.mkdir()
    if not _tmpfs_works(small):
        pytest.skip("this system lets nobody mount a small disk")
    stack = write_stack(tmp_path / "s")
    program = f"{sys.executable} -m napari_histoclust"
    mapping = f"{program} map '{stack}' --model '{small_model}' --out '{small}/run' --quiet"
    look = f"ls -A '{small}/run' 2>/dev/null"
    script = f"mount -t tmpfs -o size=200k none '{small}' && {mapping}; echo code $?; {look}"
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, check=False)
    assert "code 2" in done.stdout, done.stderr
    assert "disk is full" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "patches.zarr\n" not in done.stdout.replace(".partial-patches.zarr", "")
