"""Training, loading, mapping: real ones, of seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.settings import get_settings
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from core.models import write_model
from core.runs import make_run
from napari_histoclust.core.model.bundle import Model, load_model
from napari_histoclust.core.slides.stack import Stack, open_stack
from napari_histoclust.widgets._dialogs import NewFolderDialog, free_folder
from napari_histoclust.widgets.context import Context
from napari_histoclust.widgets.model import dock as model_dock
from napari_histoclust.widgets.model.dock import ModelDock
from napari_histoclust.widgets.model.import_dialog import ImportDialog
from napari_histoclust.widgets.validation.dock import ValidationDock
from stacks import STAINS, write_stack
from widgets.deletion import delete
from widgets.keys_and_wheel import type_over
from widgets.made import context, notifications

pytestmark = pytest.mark.gui
__all__ = ["context", "notifications"]

TWO = ("HE", "CD31")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    return open_stack(write_stack(tmp_path_factory.mktemp("slides") / "s", stains=TWO))


@pytest.fixture
def dock(qtbot: QtBot, context: Context, stack: Stack) -> ModelDock:
    context.session.set_stacks([stack])
    dock = ModelDock(context)
    qtbot.addWidget(dock)
    dock.show()
    tiny(dock)
    return dock


def tiny(dock: ModelDock, epochs: int = 2) -> None:
    """Settings of a training of a second."""
    values = {"patch_px": 16, "patches": 40, "epochs": epochs, "clusters": 3, "batch": 10, "input_px": 32}
    for name, value in values.items():
        dock.fit_form.form.editors[name].value = value


def a_model(folder: Path, stains: tuple[str, ...] = TWO) -> Model:
    write_model(folder, stains, patch_px=16)
    return load_model(folder)


def wait(qtbot: QtBot, context: Context) -> None:
    qtbot.waitUntil(lambda: context.runner.job is None, timeout=120_000)


@pytest.mark.slow
def test_train_map_embed(qtbot: QtBot, context: Context, dock: ModelDock, tmp_path: Path) -> None:
    session = context.session
    assert dock.train_button.property("primary")
    assert not dock.map_button.isEnabled()
    dock.train_button.click()
    assert dock.train_button.text() == "Cancel"
    assert not get_settings().appearance.update_status_based_on_layer
    wait(qtbot, context)
    assert get_settings().appearance.update_status_based_on_layer
    assert session.model is not None
    assert session.model.spec.stains == TWO
    assert (session.model.spec.clusters, dock.train_button.text()) == (3, "Train")
    assert dock.curves.isVisible()
    assert len(dock.curves.charts["loss"].lines[0].x) == 2
    assert dock.map_button.property("primary")

    dock.map_to(tmp_path / "run")
    wait(qtbot, context)
    assert session.run is not None
    assert session.run.path == tmp_path / "run"
    assert len(np.unique(session.run.labels)) >= 1
    assert session.model is not None
    assert dock.embed_button.property("primary")

    session.selection.set([0])
    dock.embed_button.click()
    wait(qtbot, context)
    assert session.run.embedding is not None
    assert len(session.selection) == 1


@pytest.mark.slow
def test_everything_in_one_go(qtbot: QtBot, context: Context, dock: ModelDock, tmp_path: Path) -> None:
    dock.run_everything_to(tmp_path / "run")
    assert dock.everything_button.text() == "Cancel"
    wait(qtbot, context)
    run, model = context.session.run, context.session.model
    assert run is not None
    assert model is not None
    assert run.embedding is not None
    assert model.spec.clusters == 3
    assert (tmp_path / "run" / "validation.json").is_file()
    assert list((tmp_path / "run" / "figures").glob("*.png"))


def test_a_cancelled_training_leaves_the_former_model(
    qtbot: QtBot, context: Context, dock: ModelDock, tmp_path: Path
) -> None:
    former = a_model(tmp_path / "m")
    context.session.set_model(former)
    tiny(dock, epochs=100_000)
    dock.train_button.click()
    qtbot.waitUntil(dock.curves.isVisible)
    assert "Training" in dock.train_line.text()
    dock.train_button.click()
    qtbot.waitUntil(lambda: dock.train_button.text() == "Train" and dock.train_button.isEnabled())
    assert context.session.model is former
    assert get_settings().appearance.update_status_based_on_layer
    assert not dock.curves.isVisible()  # the former model has no history


def test_a_training_that_fails_says_why_and_all_stays_usable(
    qtbot: QtBot, context: Context, dock: ModelDock, notifications: list[str], tmp_path: Path
) -> None:
    former = a_model(tmp_path / "m")
    context.session.set_model(former)
    dock.fit_form.form.editors["patch_px"].value = 4096
    dock.train_button.click()
    wait(qtbot, context)
    assert len(notifications) == 1
    assert "--" not in notifications[0]
    assert context.session.model is former
    assert dock.train_button.isEnabled()
    assert get_settings().appearance.update_status_based_on_layer


def test_settings_that_contradict_each_other_are_refused_at_once(
    context: Context, dock: ModelDock, notifications: list[str]
) -> None:
    dock.fit_form.form.editors["patches"].value = 10
    dock.fit_form.form.editors["batch"].value = 50
    dock.train_button.click()
    assert context.runner.job is None
    assert notifications[0].startswith('"Training patches" 10: only')


def test_a_closed_dock_stops_its_training(qtbot: QtBot, context: Context, stack: Stack) -> None:
    context.session.set_stacks([stack])
    dock = ModelDock(context)
    tiny(dock, epochs=100_000)
    dock.train_button.click()
    running = context.runner.job
    assert running is not None
    delete(qtbot, dock)
    wait(qtbot, context)
    assert running.has_ended
    assert context.session.model is None
    assert get_settings().appearance.update_status_based_on_layer


def test_a_model_for_other_stains_names_the_one_that_is_missing(
    context: Context, dock: ModelDock, tmp_path: Path
) -> None:
    context.session.set_model(a_model(tmp_path / "m", ("HE", "MT")))
    assert not dock.map_button.isEnabled()
    assert "stain MT is missing" in dock.map_button.toolTip()
    assert "stain MT is missing" in dock.note.text()
    assert dock.train_button.property("primary")


def test_a_model_is_saved_and_loaded_again(
    qtbot: QtBot, context: Context, dock: ModelDock, notifications: list[str], tmp_path: Path
) -> None:
    model = a_model(tmp_path / "m")
    context.session.set_model(model)
    dock.save_to(tmp_path / "copy")
    wait(qtbot, context)
    context.session.set_model(None)
    dock.load_from(tmp_path / "copy")
    wait(qtbot, context)
    assert context.session.model is not None
    assert context.session.model.checksum() == model.checksum()
    dock.load_from(tmp_path)
    wait(qtbot, context)
    assert any("is not a model" in text for text in notifications)


def test_what_is_typed_survives_the_dock(qtbot: QtBot, context: Context, dock: ModelDock) -> None:
    dock.fit_form.form.editors["clusters"].value = 7
    dock.map_form.editors["stride_px"].value = 11
    again = ModelDock(context)
    qtbot.addWidget(again)
    assert again.fit_form.value() == dock.fit_form.value()
    assert again.run_settings().stride_px == 11


def test_half_of_a_number_is_judged_when_it_is_used_and_not_before(
    qtbot: QtBot, context: Context, dock: ModelDock, notifications: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_dock, "ask_new_folder", lambda *_: pytest.fail("asked for a folder"))
    box: Any = dock.fit_form.form.editors["patch_px"].native
    box.setFocus()
    type_over(qtbot, box, "1")
    assert notifications == []
    validation = ValidationDock(context)
    qtbot.addWidget(validation)
    for button in (dock.train_button, dock.everything_button, validation.compare):
        button.click()
    sentence = '"Patch side" is 1: it must be 4 to 4,096.'
    assert notifications == [sentence] * 3
    assert context.runner.job is None
    again = ModelDock(context)
    qtbot.addWidget(again)
    assert again.fit_form.form.editors["patch_px"].native.text() == "1"
    qtbot.keyClicks(box, "6")
    assert dock.fit_form.value().patch_px == 16


def test_a_button_uses_what_was_typed_just_before(qtbot: QtBot, context: Context, dock: ModelDock) -> None:
    box: Any = dock.fit_form.form.editors["clusters"].native
    type_over(qtbot, box, "12")
    seen: list[int] = []
    dock.train_button.asked.disconnect()
    dock.train_button.asked.connect(lambda: seen.append(dock.fit_form.value().clusters))
    qtbot.mouseClick(dock.train_button, Qt.MouseButton.LeftButton)
    assert seen == [12]


def test_it_is_friendly_without_slides(qtbot: QtBot, context: Context) -> None:
    dock = ModelDock(context)
    qtbot.addWidget(dock)
    assert not dock.train_button.isEnabled()
    assert "Add the slides first" in dock.train_button.toolTip()
    assert "no model yet" in dock.note.text()


def test_a_run_of_other_size_is_followed(context: Context, dock: ModelDock, tmp_path: Path) -> None:
    context.session.load(make_run(tmp_path / "run"), ())
    assert dock.embed_button.isEnabled()
    context.session.set_run(None)
    assert not dock.embed_button.isEnabled()


def test_new_folders_are_proposed_beside_the_slides(qtbot: QtBot, tmp_path: Path) -> None:
    slides = write_stack(tmp_path / "case7")
    assert free_folder(slides, "case7-run") == tmp_path / "case7-run"
    (tmp_path / "case7-run").mkdir()
    assert free_folder(slides, "case7-run") == tmp_path / "case7-run"
    (tmp_path / "case7-run" / "x").touch()
    assert free_folder(slides, "case7-run") == tmp_path / "case7-run-2"
    dialog = NewFolderDialog("Map", "The run folder.", tmp_path / "case7-run")
    qtbot.addWidget(dialog)
    assert dialog.folder() == tmp_path / "case7-run"


def test_the_import_asks_what_the_files_do_not_say(qtbot: QtBot) -> None:
    dialog = ImportDialog()
    qtbot.addWidget(dialog)
    assert (dialog.stains(), dialog.patch_px()) == (STAINS, 128)
    line: Any = dialog._stains
    line.setText("h&e, CD 31,")
    assert dialog.stains() == TWO
    dialog.show()
    type_over(qtbot, dialog.side, "3")
    dialog.accept()
    assert dialog.isVisible()
    assert dialog.complaint.text() == '"Patch side" is 3: it must be 4 to 4,096.'
    type_over(qtbot, dialog.side, "16")
    dialog.accept()
    assert (dialog.isVisible(), dialog.patch_px()) == (False, 16)
