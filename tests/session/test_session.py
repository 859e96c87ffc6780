"""Setting a result drops what was computed from the one before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from psygnal.testing import SignalTester

from napari_histoclust.core.palette import Cluster, default_clusters
from napari_histoclust.session import Session
from napari_histoclust.session.session import Aspect


@dataclass(frozen=True)
class Fingerprinted:
    fingerprint: str


@dataclass(frozen=True, eq=False)
class SmallRun:
    """As much of a run as the session may look at."""

    path: Path = Path("run")
    manifest: Fingerprinted = Fingerprinted("one")
    clusters: tuple[Cluster, ...] = dataclass_field(default_factory=lambda: default_clusters(2))
    patches: int = 5

    @property
    def labels(self) -> NDArray[np.int16]:
        return np.ones(self.patches, np.int16)

    def __len__(self) -> int:
        return self.patches

    def __eq__(self, other: object) -> bool:
        raise AssertionError("results are told apart by identity")

    __hash__ = None  # type: ignore[assignment]


RESULTS = {Aspect.STACKS, Aspect.SLIDE, Aspect.MODEL, Aspect.RUN}
OF_RUN = {Aspect.RUN, Aspect.SELECTION, Aspect.PALETTE, Aspect.FOCUS, Aspect.COLOUR_BY}


@contextmanager
def changes(session: Session) -> Iterator[set[Aspect]]:
    """Collect what has changed; it is notified of in one event."""
    heard: set[Aspect] = set()
    with SignalTester(session.changed) as tester:
        yield heard
    assert tester.emit_count <= 1
    for (changed,) in tester.emit_args_list:
        heard |= changed


@pytest.fixture
def session() -> Session:
    session = Session()
    session.load(SmallRun(), [object(), object()], object())
    return session


def test_everything_arrives_together() -> None:
    session = Session()
    with changes(session) as heard:
        session.load(SmallRun(), [object()], object())
    assert heard == RESULTS | OF_RUN
    assert session.selection.mask.shape == (5,)
    assert session.palette.state.names == ("Cluster 1", "Cluster 2")


def test_new_stacks_drop_the_run_but_not_the_model(session: Session) -> None:
    session.show_slide(1)
    session.selection.set([1])
    model = session.model
    with changes(session) as heard:
        session.set_stacks([object()])
    assert heard == {Aspect.STACKS, Aspect.SLIDE, *OF_RUN}
    assert (session.run, session.model, session.slide) == (None, model, 0)
    assert session.selection.mask.shape == (0,)


def test_a_new_model_drops_the_run_but_not_the_stacks(session: Session) -> None:
    stacks = session.stacks
    with changes(session) as heard:
        session.set_model(object())
    assert heard == {Aspect.MODEL, *OF_RUN}
    assert session.run is None
    assert session.stacks is stacks


def test_the_same_run_read_again_keeps_selection_and_palette(session: Session) -> None:
    session.selection.set([2])
    session.palette.rename(1, "liver")
    with changes(session) as heard:
        session.set_run(SmallRun())
    assert heard == {Aspect.RUN}
    assert session.selection.ids.tolist() == [2]
    assert session.palette.state.names[0] == "liver"


@pytest.mark.parametrize("other", [SmallRun(path=Path("b")), SmallRun(manifest=Fingerprinted("two"))])
def test_another_run_starts_with_nothing_selected(session: Session, other: SmallRun) -> None:
    session.selection.set([2])
    session.palette.rename(1, "liver")
    session.set_run(other)
    assert len(session.selection) == 0
    assert not session.selection.can_go_back
    assert session.palette.state.names[0] == "Cluster 1"
    assert not session.palette.can_undo


@pytest.mark.parametrize("other", [SmallRun(path=Path("b")), SmallRun(manifest=Fingerprinted("two")), None])
def test_another_run_may_lack_what_the_last_was_coloured_by(session: Session, other: SmallRun | None) -> None:
    session.set_colour_by("CD31")
    session.set_run(SmallRun())
    assert session.colour_by == "CD31", "the same run read again has the stain still"
    session.set_run(other)
    assert session.colour_by == "cluster"


def test_the_model_of_a_run_may_come_later(session: Session) -> None:
    run, late = session.run, object()
    with changes(session) as heard:
        session.load(run, session.stacks, late)
    assert heard == {Aspect.MODEL}
    assert session.run is run


def test_setting_the_same_thing_again_says_nothing(session: Session) -> None:
    with changes(session) as heard:
        session.load(session.run, list(session.stacks), session.model)
        session.show_slide(0)
    assert not heard


def test_everything_stands_when_the_event_goes_out() -> None:
    session = Session()
    seen: list[tuple[bool, bool, int]] = []

    def look(_: object) -> None:
        seen.append((session.model is not None, session.run is not None, session.selection.mask.size))

    session.changed.connect(look)
    session.load(SmallRun(), [object()], object())
    assert seen == [(True, True, 5)]


def test_there_are_only_so_many_slides(session: Session) -> None:
    with changes(session) as heard:
        session.show_slide(1)
    assert heard == {Aspect.SLIDE}
    with pytest.raises(IndexError, match="slide 2 of 2"):
        session.show_slide(2)


def test_what_is_done_to_selection_and_palette_is_notified_of(session: Session) -> None:
    for act, aspect in (
        (lambda: session.selection.set([1]), Aspect.SELECTION),
        (lambda: session.palette.rename(1, "liver"), Aspect.PALETTE),
        (lambda: session.load_edits(session.palette.state), Aspect.PALETTE),
        (lambda: session.set_focus(1), Aspect.FOCUS),
        (lambda: session.set_colour_by("slide"), Aspect.COLOUR_BY),
        (session.mark_saved, Aspect.SAVED),
    ):
        with changes(session) as heard:
            act()
        assert heard == {aspect}
