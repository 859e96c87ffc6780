"""Setting a result drops what was computed from the one before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from psygnal.testing import SignalTester

from napari_histoclust.core.palette import Cluster, default_clusters
from napari_histoclust.session import Session


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


SIGNALS = ("stacks_changed", "slide_changed", "model_changed", "run_changed")


@contextmanager
def told(session: Session) -> Iterator[set[str]]:
    """Collect which signals went out; each at most once."""
    signals = {name: getattr(session, name) for name in SIGNALS}
    signals |= {"selection": session.selection.changed, "palette": session.palette.changed}
    heard: set[str] = set()
    with ExitStack() as testers:
        counts = {name: testers.enter_context(SignalTester(signal)) for name, signal in signals.items()}
        yield heard
    for name, tester in counts.items():
        assert tester.emit_count <= 1, name
        if tester.emit_count:
            heard.add(name)


@pytest.fixture
def session() -> Session:
    session = Session()
    session.take_up(SmallRun(), [object(), object()], object())
    return session


def test_everything_arrives_together() -> None:
    session = Session()
    with told(session) as heard:
        session.take_up(SmallRun(), [object()], object())
    assert heard == {*SIGNALS, "selection", "palette"}
    assert session.selection.mask.shape == (5,)
    assert session.palette.state.names == ("Cluster 1", "Cluster 2")


def test_new_stacks_drop_the_run_but_not_the_model(session: Session) -> None:
    session.show_slide(1)
    session.selection.set([1])
    model = session.model
    with told(session) as heard:
        session.set_stacks([object()])
    assert heard == {"stacks_changed", "slide_changed", "run_changed", "selection", "palette"}
    assert (session.run, session.model, session.slide) == (None, model, 0)
    assert session.selection.mask.shape == (0,)


def test_a_new_model_drops_the_run_but_not_the_stacks(session: Session) -> None:
    stacks = session.stacks
    with told(session) as heard:
        session.set_model(object())
    assert heard == {"model_changed", "run_changed", "selection", "palette"}
    assert session.run is None
    assert session.stacks is stacks


def test_the_same_run_read_again_keeps_selection_and_palette(session: Session) -> None:
    session.selection.set([2])
    session.palette.rename(1, "liver")
    with told(session) as heard:
        session.set_run(SmallRun())
    assert heard == {"run_changed"}
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


def test_the_model_of_a_run_may_come_later(session: Session) -> None:
    run, late = session.run, object()
    with told(session) as heard:
        session.take_up(run, session.stacks, late)
    assert heard == {"model_changed"}
    assert session.run is run


def test_setting_the_same_thing_again_says_nothing(session: Session) -> None:
    with told(session) as heard:
        session.take_up(session.run, list(session.stacks), session.model)
        session.show_slide(0)
    assert not heard


def test_everything_stands_when_the_first_signal_goes_out() -> None:
    session = Session()
    seen: list[tuple[bool, bool, int]] = []

    def look() -> None:
        seen.append((session.model is not None, session.run is not None, session.selection.mask.size))

    session.stacks_changed.connect(look)
    session.take_up(SmallRun(), [object()], object())
    assert seen == [(True, True, 5)]


def test_there_are_only_so_many_slides(session: Session) -> None:
    with told(session) as heard:
        session.show_slide(1)
    assert heard == {"slide_changed"}
    with pytest.raises(IndexError, match="slide 2 of 2"):
        session.show_slide(2)
