"""Indices of a run, and the choice of K."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from core.runs import make_run
from napari_histoclust.core.slides.stack import open_stack
from napari_histoclust.core.validation.measures import INDICES, Index
from napari_histoclust.session.dock_states import answered, titled
from napari_histoclust.widgets.context import Context
from napari_histoclust.widgets.model.dock import ModelDock
from napari_histoclust.widgets.validation import dock as validation_dock
from napari_histoclust.widgets.validation.dock import ValidationDock
from stacks import write_stack
from widgets.keys_and_wheel import type_over
from widgets.made import context, notifications

pytestmark = pytest.mark.gui
__all__ = ["context", "notifications"]


@pytest.fixture
def dock(qtbot: QtBot, context: Context) -> ValidationDock:
    dock = ValidationDock(context)
    qtbot.addWidget(dock)
    dock.show()
    return dock


def wait(qtbot: QtBot, context: Context) -> None:
    qtbot.waitUntil(lambda: context.runner.job is None, timeout=120_000)


def cells(dock: ValidationDock, row: int) -> list[str]:
    table: Any = dock.table
    return [table.item(row, column).text() for column in range(table.columnCount())]


def test_without_a_run_it_says_what_to_do(dock: ValidationDock) -> None:
    assert "no run yet" in dock.note.text()
    assert not dock.compute.isEnabled()
    assert not dock.table.isVisible()
    assert not dock.compare.isEnabled()


def test_indices_are_computed_shown_and_there_again(
    qtbot: QtBot, context: Context, dock: ValidationDock, tmp_path: Path
) -> None:
    context.session.load(make_run(tmp_path / "run"), ())
    assert "have not been computed" in dock.note.text()
    dock.compute.click()
    wait(qtbot, context)
    assert dock.table.isVisible()
    assert cells(dock, 0)[:2] == ["Calinski-Harabasz", "↑"]
    assert cells(dock, 2)[:2] == ["C-index", "↓"]
    assert all(float(text) == float(text) for text in cells(dock, 0)[2:])
    assert "better than k-means on" in dock.note.text()
    again = ValidationDock(context)
    qtbot.addWidget(again)
    assert cells(again, 6) == cells(dock, 6)
    context.session.load(make_run(tmp_path / "other"), ())
    assert not dock.table.isVisible()


def test_an_index_that_is_added_has_a_row_and_a_curve(
    qtbot: QtBot, context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = Index("scatter", "Scatter", "low", "How far a patch lies from its centre.", lambda of: of.within_ss)
    monkeypatch.setitem(INDICES, toy.name, toy)
    dock = ValidationDock(context)
    qtbot.addWidget(dock)
    context.session.load(make_run(tmp_path / "run"), ())
    dock.compute.click()
    wait(qtbot, context)
    item: Any = dock.table.item(len(INDICES) - 1, 0)
    assert (item.text(), item.toolTip()) == ("Scatter", f"{toy.meaning} The lower the better.")
    assert dock.curves.measure.findText("Scatter (lower is better)") >= 0


def test_sentences_of_the_core_in_the_window_s_words() -> None:
    assert (
        titled("best is davies_bouldin 4: give more seeds.") == "best is Davies-Bouldin 4: give more seeds."
    )


def test_the_range_is_shaded_and_said_before_all_else(dock: ValidationDock) -> None:
    figures = [
        {"k": k, "series": series, "measure": "halves_agreement", "mean": mean, "spread": 0.1}
        for series, mean in (("common", 0.9), ("shuffled", 0.2))
        for k in range(2, 9)
    ]
    comparison = {
        "figures": figures, "series": {}, "sentence": "3 to 5 clusters: so. Best is davies_bouldin 4.",
        "range": {"first": 3, "last": 5, "suggested": 4, "sentence": "3 to 5 clusters: so."},
    }  # fmt: skip
    assert answered(comparison) == ("3 to 5 clusters: so.", "Best is Davies-Bouldin 4.")
    curves = dock.curves
    curves.show_document(comparison)
    assert [curves.measure.itemData(i) for i in range(curves.measure.count())] == ["halves_agreement"]
    assert [line.name for line in curves.chart.lines] == ["models", "shuffled"]
    assert curves.chart.shaded == (2.5, 5.5)
    picture = curves.chart.grab().toImage()
    between = round(0.55 * picture.height())  # of both lines
    inside, outside = (
        picture.pixelColor(round(at * picture.width()), between).getRgb() for at in (0.4, 0.95)
    )
    assert inside != outside
    del comparison["range"]
    curves.show_document(comparison)
    assert curves.chart.shaded is None


@pytest.mark.parametrize(
    ("box", "typed", "sentence"),
    [
        ("first", "1", '"Clusters" is 1: it must be 2 to 200.'),
        ("last", "201", '"Clusters" is 201: it must be 2 to 200.'),
        ("seeds", "0", '"Seeds" is 0: it must be 1 to 100.'),
    ],
)
def test_numbers_that_cannot_be_are_refused_before_a_folder_is_asked_for(
    qtbot: QtBot, context: Context, dock: ValidationDock, notifications: list[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, box: str, typed: str, sentence: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(validation_dock, "ask_new_folder", lambda *_: pytest.fail("asked for a folder"))
    context.session.set_stacks([open_stack(write_stack(tmp_path / "s", stains=("HE", "CD31")))])
    type_over(qtbot, getattr(dock, box), typed)
    dock.compare.click()
    dock.compare_into(tmp_path / "choice")
    assert notifications == [sentence] * 2
    assert context.runner.job is None


@pytest.mark.slow
def test_numbers_of_clusters_are_compared(
    qtbot: QtBot, context: Context, dock: ValidationDock, tmp_path: Path
) -> None:
    stack = open_stack(write_stack(tmp_path / "s", stains=("HE", "CD31")))
    context.session.set_stacks([stack])
    model_dock = ModelDock(context)
    qtbot.addWidget(model_dock)
    for name, value in {"patch_px": 16, "patches": 40, "epochs": 1, "batch": 10}.items():
        model_dock.fit_form.form.editors[name].value = value
    dock.first.setValue(3)
    dock.last.setValue(2)
    dock.seeds.setValue(2)
    dock.compare_into(tmp_path / "choice")
    wait(qtbot, context)
    assert context.session.notes.choose_k_folder == tmp_path / "choice"
    assert "In the common space the best K is" in dock.verdict.text()
    assert dock.answer.text()
    assert dock.answer.text() not in dock.verdict.text()
    assert "calinski_harabasz" not in dock.verdict.text()
    for measure in range(dock.curves.measure.count()):
        dock.curves.measure.setCurrentIndex(measure)
        assert dock.curves.chart.lines
        assert set(dock.curves.chart.lines[0].x) <= {2.0, 3.0}
