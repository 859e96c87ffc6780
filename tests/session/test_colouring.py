"""What patches are coloured by: one record each, and what is written beside the colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.runs import STAINS, make_run
from napari_histoclust.core.run.run import Run
from napari_histoclust.session import Session
from napari_histoclust.session.colouring import COLOUR_BYS, ColourBy, Colouring, captions, colour, scale


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return make_run(tmp_path / "run")


@pytest.fixture
def session(run: Run) -> Session:
    session = Session()
    session.load(run, ())
    return session


def test_a_run_is_coloured_by_what_it_has(tmp_path: Path, run: Run) -> None:
    assert captions(None) == {}
    assert list(captions(run)) == ["cluster", "confidence", *STAINS]
    assert captions(run)["HE"] == "HE density"
    two = make_run(tmp_path / "two", slides=2)
    assert list(captions(two))[:3] == [
        "cluster",
        "confidence",
        "slide",
    ]


def test_only_clusters_follow_the_palette(session: Session) -> None:
    session.set_colour_by("confidence")
    before = colour(session)
    session.palette.recolour(1, "#123456")
    assert colour(session) is before
    assert before.limits is not None
    session.set_colour_by("cluster")
    assert (colour(session).table[1, :3] * 255).round().tolist() == [0x12, 0x34, 0x56]


def test_what_a_run_does_not_have_is_shown_as_its_clusters(session: Session, run: Run) -> None:
    for name in ("PAS", "slide"):
        session.set_colour_by(name)
        np.testing.assert_array_equal(colour(session).codes, run.labels)


def test_clusters_are_coloured_without_a_look_at_the_disk(session: Session, run: Run) -> None:
    (run.path / "patches.zarr").rename(run.path / "elsewhere")
    np.testing.assert_array_equal(colour(session).codes, run.labels)


def test_a_record_is_all_that_a_colouring_takes(
    session: Session, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = ColourBy("entropy", "Entropy", lambda run, _: scale(run.entropy))
    monkeypatch.setitem(COLOUR_BYS, toy.name, toy)
    assert captions(run)["entropy"] == "Entropy"
    session.set_colour_by("entropy")
    colouring: Colouring = colour(session)
    assert colouring.limits == pytest.approx(np.percentile(run.entropy, (1, 99)))
    assert (np.diff(colouring.codes[np.argsort(run.entropy)].astype(int)) >= 0).all()
