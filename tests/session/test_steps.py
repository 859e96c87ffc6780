"""What comes next, at every place a session can be in."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.models import write_model
from core.runs import make_run
from napari_histoclust.core.model.bundle import load_model
from napari_histoclust.core.run.run import write_embedding
from napari_histoclust.core.slides.stack import open_stack
from napari_histoclust.session import Session
from napari_histoclust.session.steps import fit_hindrance, map_hindrance, next_step
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


def test_slides_of_different_stains_cannot_train_one_model(tmp_path: Path) -> None:
    session = Session()
    folders = [write_stack(tmp_path / "a"), write_stack(tmp_path / "b", stains=("HE", "CD31"))]
    session.set_stacks([open_stack(folder) for folder in folders])
    assert "is missing" in fit_hindrance(session)


def test_a_run_without_its_images_can_be_explored(tmp_path: Path) -> None:
    session = Session()
    session.take_up(make_run(tmp_path / "run", embedding=True), ())
    assert next_step(session) == "explore"
