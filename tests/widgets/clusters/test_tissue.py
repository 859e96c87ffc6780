"""What the dock of clusters says of neighbours and slides."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from core.runs import write_run
from napari_histoclust.core.patches.grid import PatchGrid
from napari_histoclust.core.run.run import Run
from napari_histoclust.widgets.clusters.tissue import TissueLine
from napari_histoclust.widgets.context import Context

pytestmark = pytest.mark.gui


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Cluster 1 in the middle of 2, 3 far from both; the second slide is all 2."""
    row, col = (axis.ravel().astype(np.int32) for axis in np.indices((20, 40)))
    grid = PatchGrid((20, 40), 16, 16, 0, 1.0, row, col, np.ones(800, np.float32))
    picture = np.full((20, 40), 3, np.int16)
    picture[:, :20] = 2
    picture[5:15, 5:15] = 1
    labels = np.concatenate([picture.ravel(), np.full(800, 2, np.int16)])
    return write_run(tmp_path_factory.mktemp("tissue") / "run", [grid, grid], labels, 3)


@pytest.fixture
def line(context: Context, qtbot: QtBot) -> TissueLine:
    line = TissueLine(context)
    for widget in (line, line.button):
        qtbot.addWidget(widget)
    with qtbot.waitSignal(context.runner.released, timeout=120_000):
        line.button.click()
    return line


def test_neighbours_and_slides_are_told(line: TissueLine) -> None:
    line.show_chosen([1])
    words = line.note.text()
    assert "Less often: Cluster 3" in words or "Less often: Cluster 2" in words
    assert "Keeps together" in words
    assert "1,000 random arrangements" in words
    assert "On 1 of 2 slides, most on slide 1 (12%)." in words


def test_names_and_colours_change_nothing_but_the_words(line: TissueLine, context: Context) -> None:
    line.show_chosen([1])
    context.session.palette.rename(3, "far away")
    assert line.button.isHidden()
    assert "Cluster 3" not in line.note.text()
    context.session.mark_saved()


def test_other_clusters_make_it_stale(line: TissueLine, context: Context) -> None:
    context.session.palette.merge([3], into=2)
    assert not line.button.isHidden()
    assert line.note.text() == ""
    context.session.mark_saved()


def test_several_clusters_have_no_sentence(line: TissueLine) -> None:
    line.show_chosen([1, 2])
    assert line.note.text().startswith("Choose one cluster")
