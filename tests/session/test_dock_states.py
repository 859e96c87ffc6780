"""What comes next and what the docks show, at every place a session can be in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from core.models import robust_model, write_model
from core.runs import make_run
from napari_histoclust.core.config import PRESETS
from napari_histoclust.core.model.bundle import load_model
from napari_histoclust.core.model.card import Card, CardLine
from napari_histoclust.core.model.spec import ModelSpec
from napari_histoclust.core.run.embedding import write_embedding
from napari_histoclust.core.slides.stack import open_stack
from napari_histoclust.session import Session
from napari_histoclust.session.cluster_table import RowCounter, resolve_clusters
from napari_histoclust.session.dock_states import (
    NO_MODEL,
    NO_SLIDES,
    describe_model,
    read_indices,
    resolve_bar,
    resolve_gallery,
    resolve_model,
    resolve_results,
    resolve_scatter,
    resolve_slides,
    resolve_validation,
)
from napari_histoclust.session.next_step import fit_hindrance, map_hindrance, map_warning, next_step
from napari_histoclust.session.shown import differing
from stacks import STAINS, write_stack


def test_step_after_step(tmp_path: Path) -> None:
    session = Session()
    assert (next_step(session), bool(fit_hindrance(session)), bool(map_hindrance(session))) == (
        "slides",
        True,
        True,
    )
    session.set_stacks([open_stack(write_stack(tmp_path / "s"))])
    assert (next_step(session), fit_hindrance(session)) == ("model", "")
    assert map_hindrance(session) == "Train or load a model first."
    write_model(tmp_path / "model", STAINS)
    session.set_model(load_model(tmp_path / "model"))
    assert (next_step(session), map_hindrance(session)) == ("map", "")
    run = make_run(tmp_path / "run")
    session.set_run(run)
    assert next_step(session) == "umap"
    session.set_run(write_embedding(run, np.zeros((len(run), 2), np.float32)))
    assert next_step(session) == "explore"


def test_a_model_for_other_stains_names_the_one_that_is_missing(tmp_path: Path) -> None:
    session = Session()
    session.set_stacks([open_stack(write_stack(tmp_path / "s", stains=("HE", "CD31")))])
    write_model(tmp_path / "model", ("HE", "MT"))
    session.set_model(load_model(tmp_path / "model"))
    assert next_step(session) == "model"
    assert "stain MT is missing" in map_hindrance(session)
    assert fit_hindrance(session) == ""


def test_a_slide_without_a_stain_can_be_mapped_and_it_is_said_what_it_costs(tmp_path: Path) -> None:
    session = Session()
    session.set_stacks([open_stack(write_stack(tmp_path / "case 9", stains=("HE", "CD31")))])
    model = robust_model(("HE", "CD31", "MT"))
    session.set_model(model)
    assert (next_step(session), map_hindrance(session)) == ("map", "")
    assert "case 9 lacks MT" in map_warning(session)
    line = CardLine(change="missing", stain="MT", kept=0.84, uncalibrated=0.84)
    card = Card(patches=500, seconds=3.0, lines=(line,))
    session.set_model(replace(model, spec=model.spec.model_copy(update={"card": card})))
    assert "84% of the training slides' patches kept their cluster" in map_warning(session)
    shown = resolve_model(session)
    assert shown.note == f"⚠ {map_warning(session)}"
    assert shown.description["Labels kept"] == "84% MT missing"
    session.set_model(robust_model(("HE", "MT", "CD31")))
    assert "stain MT is missing" in map_hindrance(session)
    assert map_warning(session) == ""


def test_slides_of_different_stains_cannot_train_one_model(tmp_path: Path) -> None:
    session = Session()
    folders = [write_stack(tmp_path / "a"), write_stack(tmp_path / "b", stains=("HE", "CD31"))]
    session.set_stacks([open_stack(folder) for folder in folders])
    assert "is missing" in fit_hindrance(session)


def test_a_model_says_which_encoder_it_has_and_whether_it_was_trained() -> None:
    taught = {"stains": ("HE",), "patch_px": 128, "clusters": 3, "architecture": "neighbours_3"}
    settings = PRESETS["robust"].settings
    trained = describe_model(ModelSpec(**taught, format=2, settings=settings))
    assert (trained["Encoder"], trained["Epochs"]) == ("neighbours", "24")
    statistics = describe_model(ModelSpec(**taught, format=3, encoder="statistics", settings=settings))
    assert statistics["Encoder"] == "statistics"
    assert "not trained" in statistics["Epochs"]
    assert "Encoder" not in describe_model(ModelSpec(stains=("HE",), patch_px=128, clusters=3))


def test_a_run_without_its_images_can_be_explored(tmp_path: Path) -> None:
    session = Session()
    session.load(make_run(tmp_path / "run", embedding=True), ())
    assert next_step(session) == "explore"


def test_an_empty_session_says_what_is_missing() -> None:
    session = Session()
    slides, model = resolve_slides(session, is_busy=False), resolve_model(session)
    assert (slides.hint, slides.is_next, slides.can_remove) == (NO_SLIDES, True, False)
    assert (model.note, model.description, model.history) == (NO_MODEL, {}, ())
    assert all(model.hindrances.values())
    validation = resolve_validation(session, read_indices(session.run), None)
    assert validation.note == validation.hindrances["validate"]
    results = resolve_results(session, has_format=True, is_of_selection=False)
    assert not results.has_run
    assert set(results.hindrances.values()) == {"There is no run yet."}


def test_what_is_to_be_exported_decides_what_stands_in_the_way(tmp_path: Path) -> None:
    session = Session()
    session.load(make_run(tmp_path / "run"), ())
    assert resolve_results(session, True, False).hindrances["export"] == ""
    assert "Tick" in resolve_results(session, False, False).hindrances["export"]
    assert "Nothing is selected" in resolve_results(session, True, True).hindrances["export"]
    session.selection.set([0])
    assert resolve_results(session, True, True).hindrances["export"] == ""


def test_the_slides_cannot_be_removed_from_under_a_job(tmp_path: Path) -> None:
    session = Session()
    session.set_stacks([open_stack(write_stack(tmp_path / "s"))])
    assert resolve_slides(session, is_busy=False).can_remove
    assert not resolve_slides(session, is_busy=True).can_remove


def test_a_checked_slide_keeps_its_alignment_while_it_lives(tmp_path: Path) -> None:
    session = Session()
    stacks = [open_stack(write_stack(tmp_path / name)) for name in "ab"]
    session.set_stacks(stacks)
    session.notes.alignments[stacks[0]] = ()
    assert resolve_slides(session, False).alignment == (stacks[0], ())
    session.show_slide(1)
    assert resolve_slides(session, False).alignment is None


def test_only_what_differs_is_to_be_painted(tmp_path: Path) -> None:
    """For each change, the fields that differ, dock by dock."""
    session, counter = Session(), None
    session.load(make_run(tmp_path / "run", clusters=3, embedding=True), ())
    counter = RowCounter(session)

    def states() -> list[Any]:
        return [
            resolve_slides(session, False),
            resolve_model(session),
            resolve_validation(session, None, None),
            resolve_results(session, True, False),
            resolve_clusters(session, counter),
            resolve_scatter(session),
            resolve_gallery(session),
            resolve_bar(session),
        ]

    def changed_by(act: Callable[[], None]) -> set[str]:
        before = states()
        act()
        return {
            f"{type(now).__name__}.{name}"
            for then, now in zip(before, states(), strict=True)
            for name in differing(then, now)
        }

    assert changed_by(lambda: None) == set()
    assert changed_by(lambda: session.set_focus(2)) == {"ScatterState.focus", "GalleryState.focus"}
    assert changed_by(lambda: session.set_colour_by("confidence")) == {
        "ScatterState.colours",
        "BarState.colour_by",
    }
    assert changed_by(lambda: session.palette.rename(1, "liver")) == {
        "ResultsState.save_caption",
        "ClusterTableState.table",
        "ScatterState.names",
    }
    assert changed_by(session.mark_saved) == {"ResultsState.save_caption"}
    assert changed_by(lambda: session.selection.set([0, 1])) >= {
        "ClusterTableState.table",
        "ScatterState.selection",
        "BarState.status",
    }
    assert changed_by(lambda: session.set_run(replace(session.run))) == {
        "ClusterTableState.table",
        "ScatterState.run",
        "GalleryState.run",
        "BarState.map",
    }
