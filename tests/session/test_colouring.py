"""What patches are coloured by: one record each, and what is written beside the colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.runs import STAINS, make_run
from napari_histoclust.core.run.run import Run
from napari_histoclust.session import Session
from napari_histoclust.session.colouring import COLOUR_BYS, ColourBy, Colouring, captions, colour, scale
from napari_histoclust.session.summary import describe_patch


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


def test_outliers_are_shown_where_a_run_knows_them(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", every_outlier=4)
    assert list(captions(run))[:4] == ["cluster", "confidence", "distance", "outlier"]
    session = Session()
    session.load(run, ())
    session.set_colour_by("outlier")
    shown = colour(session)
    assert [shown.names[code - 1] for code in shown.codes[:5]] == ["Outlier", *["Familiar"] * 3, "Outlier"]
    assert describe_patch(session, 0).count("outlier") == 1
    assert "outlier" not in describe_patch(session, 1)
    session.set_colour_by("distance")
    assert colour(session).limits == (1, 3)


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
