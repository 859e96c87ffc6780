"""One record makes an index: figures, files, reports, the command line and the window follow it."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from core.runs import make_run
from core.validation.literal import blobs
from napari_histoclust.cli import run as run_command
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.report.sections import validation
from napari_histoclust.core.validation.k_choice import Clustering, KChoice, summarise
from napari_histoclust.core.validation.measures import INDICES, ClusteredPoints, Index, measures
from napari_histoclust.core.validation.report import validate_run


def mean_scatter(of: ClusteredPoints) -> float:
    return of.within_ss / len(of.points)


TOY = Index("mean_scatter", "Mean scatter", "low", "How far a patch lies from its centre.", mean_scatter)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(INDICES, TOY.name, TOY)
    return TOY.name


def test_names_are_one_each() -> None:
    assert all(name == measure.name for name, measure in measures().items())
    assert len({measure.title for measure in measures().values()}) == len(measures()) == len(INDICES) + 6


def test_the_command_line_prints_it(tmp_path: Path, toy: str, capsys: pytest.CaptureFixture[str]) -> None:
    points, labels = blobs(60, 2, 3)
    np.savetxt(tmp_path / "t.csv", np.column_stack([points, labels, np.ones(60)]), delimiter=",")
    with suppress(SystemExit):  # cyclopts leaves so after what it has printed
        run_command(["validate", "--features", str(tmp_path / "t.csv"), "--json"])
    figures = json.loads(capsys.readouterr().out)["indices"]
    scatter = sum(points[labels == i].var(axis=0).sum() * (labels == i).sum() for i in set(labels))
    assert figures[toy] == pytest.approx(scatter / 60)


def test_the_report_has_its_line(tmp_path: Path, toy: str) -> None:
    run = make_run(tmp_path / "run")
    report = drive(validate_run(run))
    section = validation(run)
    assert section is not None
    lines = [row for block in section.blocks for row in getattr(block, "rows", ())]
    assert [TOY.title, "lower"] == list(lines[-1][:2])
    assert lines[-1][2] == format(report.indices.values[toy], ".4g")


def test_numbers_of_clusters_are_compared_by_it(toy: str) -> None:
    labels = np.array([0, 1, 1])
    runs = [Clustering(k, 1, labels, {"common": dict.fromkeys(INDICES, float(k))}) for k in (2, 3)]
    choice = KChoice((2, 3), (1,), 3, summarise(runs))
    assert choice.best(toy) == (2, (2,))  # the lower is better
    assert f"{toy} 2" in choice.sentence
