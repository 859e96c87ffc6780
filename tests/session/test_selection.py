"""The chosen patches and their history."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psygnal.testing import SignalTester

from napari_histoclust.session import Selection

SIZE = 21
chosen = st.sets(st.integers(0, SIZE - 1))
step = st.tuples(st.sampled_from(["set", "add", "remove", "clear", "back", "forward"]), chosen, st.booleans())


class SlowSelection:
    """The same as a list of Python sets."""

    def __init__(self) -> None:
        self.past: list[set[int]] = []
        self.future: list[set[int]] = []
        self.now: set[int] = set()

    def put(self, now: set[int]) -> None:
        if now != self.now:
            self.past, self.future, self.now = [*self.past, self.now], [], now

    def do(self, verb: str, patches: set[int]) -> None:
        if verb == "back":
            if self.past:
                self.future, self.now = [*self.future, self.now], self.past.pop()
        elif verb == "forward":
            if self.future:
                self.past, self.now = [*self.past, self.now], self.future.pop()
        else:
            new = {"set": patches, "add": self.now | patches, "remove": self.now - patches, "clear": set()}
            self.put(new[verb])


def as_array(patches: set[int], as_mask: bool) -> np.ndarray:
    ids = np.array(sorted(patches), int)
    return np.isin(np.arange(SIZE), ids) if as_mask else ids


@given(st.lists(step, max_size=40))
def test_any_gestures_match_plain_sets(steps: list[tuple[str, set[int], bool]]) -> None:
    selection, slow = Selection(SIZE), SlowSelection()
    for verb, patches, as_mask in steps:
        takes_none = verb in ("clear", "back", "forward")
        getattr(selection, verb)(*(() if takes_none else (as_array(patches, as_mask),)))
        slow.do(verb, patches)
        assert set(selection.ids.tolist()) == slow.now
        assert set(np.flatnonzero(selection.mask).tolist()) == slow.now
        assert len(selection) == len(slow.now)
        assert selection.can_go_back == bool(slow.past)
        assert selection.can_go_forward == bool(slow.future)


def test_only_a_real_change_is_told() -> None:
    selection = Selection(SIZE)
    tester = SignalTester(selection.changed)
    with tester:
        selection.set([3, 4])
        selection.set([4, 3, 3])
        selection.add([3])
        selection.remove([7])
        selection.forward()
    tester.assert_emitted_once()


def test_the_mask_cannot_be_written_to_by_a_view() -> None:
    selection = Selection(SIZE)
    given_mask = np.zeros(SIZE, bool)
    selection.set(given_mask)
    given_mask[:] = True
    assert not len(selection)
    with pytest.raises(ValueError, match="read-only"):
        selection.mask[0] = True


def test_a_mask_for_other_patches_is_refused() -> None:
    with pytest.raises(ValueError, match="20"):
        Selection(SIZE).set(np.zeros(20, bool))


def test_ids_outside_are_refused() -> None:
    with pytest.raises(IndexError):
        Selection(SIZE).set([SIZE])


def test_history_is_bounded_and_keeps_the_latest() -> None:
    selection = Selection(SIZE)
    for i in range(1000):
        selection.set([i % SIZE])
    steps = 0
    while selection.can_go_back:
        selection.back()
        steps += 1
    assert steps == 200
    assert selection.ids.tolist() == [799 % SIZE]
