"""Another number of clusters from the command line, and what the exports then hold."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from core.runs import make_every_k_run, make_run
from napari_histoclust import cli
from napari_histoclust.core.run.edits import save_edits
from napari_histoclust.core.run.saved import saved_run
from napari_histoclust.session import Palette


def call(*arguments: str | Path) -> int:
    """Run a command as a shell does and return its exit code."""
    try:
        return cli.run([str(argument) for argument in arguments])
    except SystemExit as ended:
        return int(ended.code or 0)


def test_exports_follow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_every_k_run(tmp_path / "run")
    assert call("recluster", run.path, "--clusters", "9", "--quiet") == 0
    assert call("export", run.path, "--to", "csv", "--out", tmp_path / "out", "--quiet") == 0
    rows = list(csv.DictReader((tmp_path / "out" / "patches.csv").read_text().splitlines()))
    shown = saved_run(run.path)
    assert [int(row["cluster"]) for row in rows] == shown.labels.tolist()
    assert [float(row["confidence"]) for row in rows] == pytest.approx(shown.confidence.tolist(), rel=1e-4)
    assert len(shown.clusters) == 9


def test_what_cannot_be_done_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, plain = make_every_k_run(tmp_path / "run"), make_run(tmp_path / "plain")
    palette = Palette(run.clusters, run.labels)
    palette.merge([2], into=1)
    save_edits(run.path, palette.state)
    for folder, k, words in (
        (run.path, "9", "holds merges made in the window"),
        (run.path, "99", "--clusters 99: the model of"),
        (plain.path, "9", "own number of clusters only"),
        (tmp_path / "nowhere", "9", "nowhere: no such folder"),
    ):
        assert call("recluster", folder, "--clusters", k, "--quiet") == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert words in line
    assert call("recluster", run.path, "--clusters", "9", "--drop-edits", "--quiet") == 0
