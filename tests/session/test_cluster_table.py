"""The lines of the table against counting patch by patch; no Qt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.runs import make_run
from napari_histoclust.session import Session
from napari_histoclust.session import cluster_table as module
from napari_histoclust.session.cluster_table import RowCounter, columns_of, wholly_selected


@pytest.fixture
def session(tmp_path: Path) -> Session:
    session = Session()
    session.load(make_run(tmp_path / "run", clusters=5, slides=2), ())
    return session


def check(session: Session, counter: RowCounter) -> None:
    """Against loops over the patches."""
    shown, chosen = session.palette.shown_labels.tolist(), session.selection.mask.tolist()
    rows = counter.rows()
    assert [row.id for row in rows] == sorted(set(session.palette.state.shown_as))
    for row in rows:
        mine = [i for i, label in enumerate(shown) if label == row.id]
        assert row.summary.patches == len(mine)
        assert row.selected == sum(chosen[i] for i in mine)
        assert row.is_hidden == (row.id in session.palette.state.hidden)
        assert row.summary.cluster.artefact == (row.id in session.palette.state.artefacts)


def test_rows_follow_every_edit(session: Session) -> None:
    counter, palette = RowCounter(session), session.palette
    check(session, counter)
    session.selection.set(np.arange(0, len(session.run or ()), 3))
    check(session, counter)
    palette.merge([1, 3], into=5)
    palette.hide([2])
    palette.mark_artefact([5])
    check(session, counter)
    palette.split(5, np.arange((palette.shown_labels == 5).sum()) % 3)
    check(session, counter)
    palette.carve(session.selection.mask)
    check(session, counter)
    for _ in range(5):
        palette.undo()
        check(session, counter)


def test_only_labels_and_selection_are_counted_anew(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A merge must never go through the patches."""
    counted = []
    count = module.count_clusters
    monkeypatch.setattr(module, "count_clusters", lambda *given: counted.append(1) or count(*given))
    counter, palette = RowCounter(session), session.palette
    for act in (
        lambda: palette.rename(1, "liver"),
        lambda: palette.merge([2], into=1),
        lambda: palette.hide([1]),
        lambda: session.selection.set([1, 2, 3]),
        palette.undo,
    ):
        counter.rows()
        act()
    counter.rows()
    assert len(counted) == 1
    palette.carve(session.selection.mask)
    counter.rows()
    assert len(counted) == 2


def test_another_run_and_none(session: Session, tmp_path: Path) -> None:
    counter = RowCounter(session)
    check(session, counter)
    session.load(make_run(tmp_path / "other", clusters=3, seed=1), ())
    check(session, counter)
    session.set_run(None)
    assert counter.rows() == ()


def test_a_selection_of_whole_clusters_is_known(session: Session) -> None:
    counter, shown = RowCounter(session), session.palette.shown_labels
    for chosen, expected in (
        (np.isin(shown, [2, 4]), {2, 4}),
        (np.isin(shown, [2, 4]) & (np.arange(len(shown)) != np.flatnonzero(shown == 4)[0]), set()),
        (np.zeros(len(shown), bool), set()),
        (np.ones(len(shown), bool), {1, 2, 3, 4, 5}),
    ):
        session.selection.set(chosen)
        assert wholly_selected(counter.rows()) == expected


@pytest.mark.parametrize(("um_per_px", "title"), [(0.5, "mm²"), (None, "Mpx")])
def test_columns(tmp_path: Path, um_per_px: float | None, title: str) -> None:
    session = Session()
    run = make_run(tmp_path / "run", um_per_px=um_per_px, patch_px=500)
    session.load(run, ())
    columns = {column.title: column for column in columns_of(run)}
    assert list(columns)[3:] == ["Sel.", title, "Conf.", "HE", "CD31", *run.dyes]
    assert run.dyes == ("HE haematoxylin", "HE eosin", "CD31 haematoxylin", "CD31 DAB")
    row = RowCounter(session).rows()[0]
    assert run.stain_od is not None
    expected = float(run.stain_od[run.labels == 1, 1].astype(float).mean())
    assert columns["CD31"].value(row) == pytest.approx(expected)
    spread = float(run.stain_od[run.labels == 1, 1].astype(float).std())
    assert f"standard deviation {spread:.3f} over its patches" in columns["CD31"].hint_for(row)
    area = row.summary.patches * 500**2 * (1e-6 if um_per_px is None else (0.5 / 1000) ** 2)
    assert columns[title].value(row) == pytest.approx(area)


@pytest.mark.parametrize(
    ("area", "text"), [(0, "0.000"), (0.0126, "0.013"), (2.345, "2.35"), (31.44, "31.4"), (1234.5, "1,234")]
)
def test_areas_in_few_digits(tmp_path: Path, area: float, text: str) -> None:
    column = columns_of(make_run(tmp_path / "run"))[5]
    assert column.text(area) == text


def test_a_run_that_did_not_measure_the_stains(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    run = replace(run, stain_od=None, stains=(), dye_od=None, dyes=())
    columns = columns_of(run)[7:]
    assert [column.title for column in columns] == ["HE", "CD31", "CK19", "Ki67", "MT"]
    assert all("map the slide again to measure it" in column.hint for column in columns)
    session = Session()
    session.load(run, ())
    assert columns[0].value(RowCounter(session).rows()[0]) is None
