"""The diffs of docs/adding.md, applied to a copy of the source: each is all that its addition takes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import napari_histoclust

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path(napari_histoclust.__file__).parent
PAGE = (ROOT / "docs" / "adding.md").read_text(encoding="utf-8")
DIFFS = dict(re.findall(r"^## An? ([^\n]+)\n.*?```diff\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE))
FIGURES = re.findall(r"^\| an? ([^|]+) \| (\d+) \| (\d+) \| (\d+) \| `([^`]+)`", PAGE, re.MULTILINE)

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="no git to apply a diff with")


def test_the_table_says_what_the_diffs_touch() -> None:
    assert {name for name, *_ in FIGURES} == set(DIFFS)
    for name, files, new, lines, test in FIGURES:
        diff = DIFFS[name]
        assert len(re.findall(r"^\+\+\+ ", diff, re.MULTILINE)) == int(files) == 1
        assert len(re.findall(r"^--- /dev/null", diff, re.MULTILINE)) == int(new)
        assert len(re.findall(r"^\+(?!\+\+ )", diff, re.MULTILINE)) == int(lines)
        assert (ROOT / test).is_file()


def applied(name: str, folder: Path) -> Path:
    """Return the source of a copy of the package to which a diff has been applied."""
    source = folder / "src"
    kept = shutil.ignore_patterns("__pycache__", "*.svg")
    shutil.copytree(PACKAGE, source / "napari_histoclust", ignore=kept)
    command = ["git", "apply", "--recount", "-C1", "-"]
    alone = os.environ | {"GIT_CEILING_DIRECTORIES": str(folder.parent)}
    subprocess.run(command, cwd=folder, input=DIFFS[name], text=True, check=True, env=alone)
    return source


def said(source: Path, code: str) -> str:
    """Return what Python prints with that source."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=os.environ | {"PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return " ".join(done.stdout.split())


@needs_git
@pytest.mark.parametrize(
    ("name", "command", "expected"),
    [
        ("export format", ("export", "--help"), "count"),
        ("encoder", ("fit", "--help"), "mean_densities"),
        ("preset", ("fit", "--help"), "sketch: the paper's network, hardly trained."),
    ],
)
def test_the_command_line_offers_it(
    tmp_path: Path, name: str, command: tuple[str, ...], expected: str
) -> None:
    look = f"from napari_histoclust.cli import run; run({list(command)!r})"
    assert expected in said(applied(name, tmp_path), look)


@needs_git
def test_a_file_of_the_new_format_is_opened(tmp_path: Path) -> None:
    np.save(tmp_path / "HE.npy", np.full((40, 50, 3), 77, np.uint8))
    look = f"""
from napari_histoclust.core.slides.registry import open_slide
print(open_slide({str(tmp_path / "HE.npy")!r}).read(0, 0, 0, 40, 50).mean())
"""
    assert said(applied("file format", tmp_path), look) == "77.0"


@needs_git
def test_the_new_index_is_computed(tmp_path: Path) -> None:
    look = """
import numpy as np
from napari_histoclust.core.validation.measures import INDICES, ClusteredPoints
points, ids = np.array([[0.0], [2.0], [10.0], [12.0]]), np.array([0, 0, 1, 1])
print(INDICES["mean_scatter"].compute(ClusteredPoints(points, ids, 2, 4.0, 100.0, None, None)))
"""
    assert said(applied("validation index", tmp_path), look) == "1.0"


@needs_git
def test_patches_are_coloured_by_it(tmp_path: Path) -> None:
    look = """
from napari_histoclust.session.colouring import COLOUR_BYS
print(COLOUR_BYS["entropy"].caption)
"""
    assert said(applied("colour-by", tmp_path), look) == "Entropy"
