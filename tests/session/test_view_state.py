from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.models import write_model
from core.runs import STAINS, make_run
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import drive
from napari_histoclust.session import Session
from napari_histoclust.session.opening import open_run_folder
from napari_histoclust.session.view_state import ViewState, load_selection, load_view, save_view


def test_a_view_and_its_selection_come_back(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    view = ViewState(
        fingerprint=run.manifest.fingerprint, stain="HE", share=0.25, colour_by="CD31", focus=3, zoom=2.5
    )
    chosen = np.random.default_rng(0).random(len(run)) < 0.3
    save_view(run.path, view, chosen)
    assert load_view(run) == view
    np.testing.assert_array_equal(load_selection(run), chosen)


def test_a_run_without_a_view_has_none(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    assert load_view(run) is None
    assert not load_selection(run).any()


def test_the_view_of_an_earlier_mapping_is_left_alone(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    save_view(run.path, ViewState(fingerprint="another", focus=10**6), np.ones(5, bool))
    assert load_view(run) is None
    assert not load_selection(run).any()


def test_a_damaged_view_is_named(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    save_view(run.path, ViewState(), np.zeros(len(run), bool))
    (run.path / "session" / "view.json").write_text('{"zoom": "near"}')
    with pytest.raises(HistoclustError, match=r"view\.json: is damaged, delete it"):
        load_view(run)


def test_unsaved_edits_are_known(tmp_path: Path) -> None:
    run, session = make_run(tmp_path / "run"), Session()
    session.load(run, [])
    assert not session.has_unsaved_edits
    session.palette.rename(1, "liver")
    assert session.has_unsaved_edits
    session.mark_saved()
    assert not session.has_unsaved_edits
    session.palette.undo()
    assert session.has_unsaved_edits
    session.palette.redo()
    assert not session.has_unsaved_edits


def test_another_split_with_the_same_names_is_another_edit(tmp_path: Path) -> None:
    run, session = make_run(tmp_path / "run"), Session()
    session.load(run, [])
    members = int((run.labels == 1).sum())
    session.palette.split(1, np.arange(members) % 2)
    session.mark_saved()
    session.palette.undo()
    session.palette.split(1, np.arange(members) // 2 % 2)
    assert session.has_unsaved_edits


def test_a_run_without_its_model_is_refused(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    (run.path / "model").mkdir(exist_ok=True)
    with pytest.raises(HistoclustError, match="is not a model"):
        drive(open_run_folder(run.path))


def test_a_moved_slide_is_a_warning_not_an_error(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    write_model(run.path / "model", STAINS)
    opened = drive(open_run_folder(run.path))
    assert opened.stacks == ()
    assert len(opened.warnings) == 1
    assert "no longer there" in opened.warnings[0]
    assert len(opened.run) == len(run)
