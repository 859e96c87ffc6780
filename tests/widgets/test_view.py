"""The bar above the canvas and the results dock, driven by the mouse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QPushButton

from core.runs import STAINS, make_run
from napari_histoclust.core.export.format import Format
from napari_histoclust.core.export.formats.tables import write_csv
from napari_histoclust.core.export.registry import FORMATS as EXPORTS
from napari_histoclust.core.run.run import Run
from napari_histoclust.session.colouring import COLOUR_BYS, ColourBy, colour, scale
from napari_histoclust.widgets.context import Context, context_of
from napari_histoclust.widgets.results.choices import SELECTED, SHOWN, ExportChoices
from napari_histoclust.widgets.results.dock import ResultsDock
from napari_histoclust.widgets.scatter.legend import ColourBar
from napari_histoclust.widgets.view import ViewBar
from viewer.pyramids import plain, write_stack

pytestmark = pytest.mark.gui

Viewers = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    stack = write_stack(tmp_path / "block", {stain: plain(400, 500) for stain in STAINS})
    return make_run(tmp_path / "run", paths=[stack])


@pytest.fixture
def context(make_napari_viewer_proxy: Viewers) -> Context:
    return context_of(make_napari_viewer_proxy())


@pytest.fixture
def bar(context: Context, run: Run, qtbot: QtBot) -> ViewBar:
    bar = ViewBar(context)
    qtbot.addWidget(bar)
    context.session.load(run, [run.open_stack(0)])
    return bar


def stain_buttons(bar: ViewBar) -> dict[str, QPushButton]:
    return {button.text(): button for button in bar.findChildren(QPushButton) if button.isCheckable()}


def test_a_button_a_stain_and_the_one_seen_is_pressed(bar: ViewBar, context: Context, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: set(stain_buttons(bar)) == set(STAINS))
    qtbot.mouseClick(stain_buttons(bar)["CD31"], Qt.MouseButton.LeftButton)
    assert context.scene.stains.shown == "CD31"
    context.scene.stains.show("HE")
    assert stain_buttons(bar)["HE"].isChecked()
    assert not stain_buttons(bar)["CD31"].isChecked()


def test_the_slider_blends(bar: ViewBar, context: Context) -> None:
    bar.share.setValue(40)
    stains = context.scene.stains
    assert (stains.shown, stains.blended, stains.share) == ("HE", "CD31", 0.4)
    stains.show("CD31")
    assert bar.share.value() == 0


def test_the_overlay_fades(bar: ViewBar, context: Context) -> None:
    bar.opacity.setValue(20)
    assert context.scene.patches.clusters.opacity == pytest.approx(0.2)


def test_colours_are_chosen_by_what_the_run_has(bar: ViewBar, context: Context, qtbot: QtBot) -> None:
    choices = [bar.colour_by.itemData(i) for i in range(bar.colour_by.count())]
    assert choices == ["cluster", "confidence", *STAINS]
    bar.colour_by.setCurrentIndex(2)
    bar.colour_by.activated.emit(2)
    assert context.session.colour_by == "HE"
    context.session.set_colour_by("confidence")
    assert bar.colour_by.currentData() == "confidence"


def test_a_colouring_that_is_added_is_offered(
    bar: ViewBar, context: Context, run: Run, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = ColourBy("entropy", "Entropy", lambda run, _: scale(run.entropy))
    monkeypatch.setitem(COLOUR_BYS, toy.name, toy)
    again, plot = ViewBar(context), ColourBar(context.session)
    for widget in (again, plot):
        qtbot.addWidget(widget)
    plot.offer()
    for combo in (again.colour_by, plot.combo):
        assert combo.itemText(combo.findData("entropy")) == "Entropy"
    again.colour_by.setCurrentIndex(again.colour_by.findData("entropy"))
    again.colour_by.activated.emit(again.colour_by.currentIndex())
    plot.show_colouring(colour(context.session))
    assert plot.combo.currentText() == "Entropy"
    assert len(plot.legend.texts) == 2


def test_nothing_in_the_bar_is_cut_off_silently(context: Context, run: Run, qtbot: QtBot) -> None:
    bar = ViewBar(context)
    qtbot.addWidget(bar)
    bar.resize(1350, bar.sizeHint().height())
    with qtbot.waitExposed(bar):
        bar.show()
    context.session.load(run, [run.open_stack(0)])
    qtbot.waitUntil(lambda: bar.colour_by.width() >= bar.colour_by.sizeHint().width())
    written = [bar.colour_by.itemText(k) for k in range(bar.colour_by.count())]
    room = bar.colour_by.width() - 20  # beside the arrow
    assert room > max(bar.colour_by.fontMetrics().horizontalAdvance(text) for text in written)
    bar.resize(bar.minimumSizeHint().width() + 100, bar.height())
    qtbot.waitUntil(lambda: QLabel.text(bar.status).endswith("…"))  # what is painted
    assert bar.status.toolTip() == bar.status.text()


def test_the_status_says_what_is_chosen(bar: ViewBar, context: Context, run: Run) -> None:
    assert "sweep over the plot" in bar.status.text()
    context.session.selection.set(np.isin(run.labels, [1, 2]))
    assert bar.status.text().startswith(f"{np.isin(run.labels, [1, 2]).sum()} patches, ")
    assert bar.status.text().endswith("2 clusters")


def test_without_a_run_nothing_can_be_coloured(context: Context, qtbot: QtBot) -> None:
    bar = ViewBar(context)
    qtbot.addWidget(bar)
    assert not bar.colour_by.isEnabled()
    assert bar.status.text() == ""


def tick(dock: ResultsDock, *formats: str) -> None:
    for name, box in dock.choices.boxes.items():
        box.setChecked(name in formats)


class TestResults:
    @pytest.fixture
    def dock(self, context: Context, run: Run, qtbot: QtBot) -> ResultsDock:
        dock = ResultsDock(context)
        qtbot.addWidget(dock)
        context.session.load(run, [])
        return dock

    def test_without_a_run_it_says_what_to_do(self, context: Context, qtbot: QtBot) -> None:
        dock = ResultsDock(context)
        qtbot.addWidget(dock)
        assert "Map a slide" in dock.location.text()
        assert not dock.save_button.isEnabled()

    def test_unsaved_changes_are_marked_and_saved(
        self, dock: ResultsDock, context: Context, run: Run
    ) -> None:
        context.session.palette.rename(1, "liver")
        assert dock.save_button.text() == "Save *"
        dock.save_button.click()
        assert dock.save_button.text() == "Save"
        assert (run.path / "session" / "view.json").is_file()

    def test_an_export_has_the_names_of_the_window(
        self, dock: ResultsDock, context: Context, run: Run, tmp_path: Path, qtbot: QtBot
    ) -> None:
        context.session.palette.rename(1, "liver")
        context.session.palette.merge([2], into=1)
        with qtbot.waitSignal(context.runner.released):
            tick(dock, "csv")
            dock.export_to(tmp_path / "out")
        table = pd.read_csv(tmp_path / "out" / "patches.csv")
        assert set(table.loc[np.isin(run.labels, [1, 2]), "cluster_name"]) == {"liver"}
        assert "patches.csv" in dock.written.text()
        context.session.mark_saved()

    def test_a_copy_is_a_run_of_its_own(
        self, dock: ResultsDock, context: Context, run: Run, tmp_path: Path, qtbot: QtBot
    ) -> None:
        context.session.palette.rename(1, "liver")
        with qtbot.waitSignal(context.runner.released):
            dock.copy_to(tmp_path / "copy")
        names = {p.relative_to(run.path) for p in run.path.rglob("*")}
        assert {p.relative_to(tmp_path / "copy") for p in (tmp_path / "copy").rglob("*")} == names
        with qtbot.waitSignal(context.runner.released):
            dock.copy_to(tmp_path / "copy")  # is there already: told, not replaced
        assert dock.written.text() == ""

    def test_the_selection_alone_can_be_exported(
        self, dock: ResultsDock, context: Context, run: Run, tmp_path: Path, qtbot: QtBot
    ) -> None:
        tick(dock, "csv")
        dock.choices.scope.setCurrentText(SELECTED)
        assert not dock.export_button.isEnabled()
        assert "Nothing is selected" in dock.export_button.toolTip()
        context.session.selection.set(np.arange(len(run)) % 5 == 0)
        assert dock.export_button.isEnabled()
        with qtbot.waitSignal(context.runner.released):
            dock.export_to(tmp_path / "out")
        table = pd.read_csv(tmp_path / "out" / "patches.csv")
        assert table["patch"].tolist() == list(range(0, len(run), 5))

    def test_hidden_clusters_can_be_left_out(
        self, dock: ResultsDock, context: Context, run: Run, tmp_path: Path, qtbot: QtBot
    ) -> None:
        tick(dock, "csv")
        context.session.palette.hide([2])
        dock.choices.scope.setCurrentText(SHOWN)
        with qtbot.waitSignal(context.runner.released):
            dock.export_to(tmp_path / "out")
        table = pd.read_csv(tmp_path / "out" / "patches.csv")
        assert len(table) == np.count_nonzero(run.labels != 2)
        assert 2 not in set(table["cluster"])
        context.session.mark_saved()

    def test_every_format_has_a_box_and_none_is_too_much(self, dock: ResultsDock) -> None:
        assert set(dock.choices.boxes) == set(EXPORTS) - {"spatialdata"}  # an extra
        tick(dock)
        assert dock.export_button.toolTip() == "Tick at least one format."

    def test_a_format_that_is_added_gets_a_box(self, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
        toy = Format("count", write_csv, ("count.txt",), "Count", "How many patches.")
        monkeypatch.setitem(EXPORTS, toy.name, toy)
        choices = ExportChoices()
        qtbot.addWidget(choices)
        assert choices.boxes["count"].text() == "Count"
        choices.boxes["count"].click()
        assert "count" in choices.formats()

    def test_stains_of_the_run_are_offered(self, dock: ResultsDock, run: Run) -> None:
        assert dock.choices.options().stain is None
        editor = dock.choices.form.editors["stain"]
        editor.value = run.stains[1]
        assert dock.choices.options().stain == run.stains[1]
