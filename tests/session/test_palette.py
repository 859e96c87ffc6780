"""Names, colours and merges of clusters, with undo."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psygnal.testing import SignalTester

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.palette import Cluster, default_clusters
from napari_histoclust.core.palette import palette as colours
from napari_histoclust.session import Palette

K = 6
N = 30
ids = st.integers(1, K)


@given(st.lists(st.tuples(st.sets(ids, min_size=1), ids), max_size=8))
def test_merges_match_a_slow_union(merges: list[tuple[set[int], int]]) -> None:
    palette = Palette(default_clusters(K))
    groups = {i: i for i in range(1, K + 1)}
    for clusters, into in merges:
        palette.merge(clusters, into)
        swallowed, target = {groups[c] for c in clusters}, groups[into]
        groups = {c: target if shown in swallowed else shown for c, shown in groups.items()}
        assert palette.lookup.tolist() == [0, *groups.values()]
        assert palette.shown_ids == tuple(sorted(set(groups.values())))


def test_colours_follow_merge_and_hide() -> None:
    palette = Palette([Cluster(1, "a", "#ff0000"), Cluster(2, "b", "#00ff00"), Cluster(3, "c", "#0000ff")])
    palette.merge([1], into=3)
    palette.hide([2])
    expected = [(0, 0, 0, 0), (0, 0, 1, 1), (0, 0, 0, 0), (0, 0, 1, 1)]
    np.testing.assert_array_equal(palette.rgba(), np.array(expected, np.float32))


def test_a_merged_cluster_loses_its_marks() -> None:
    palette = Palette(default_clusters(3))
    palette.hide([2])
    palette.mark_artefact([2])
    palette.merge([2], into=1)
    assert palette.state.hidden == palette.state.artefacts == frozenset()
    assert palette.rgba()[2, 3] == 1


def test_undo_and_redo_of_everything() -> None:
    palette = Palette(default_clusters(3))
    states = [palette.state]
    palette.rename(1, "  liver ")
    states.append(palette.state)
    palette.recolour(2, "#ABCDEF")
    states.append(palette.state)
    palette.merge([3], into=1)
    states.append(palette.state)
    palette.hide([2])
    states.append(palette.state)
    palette.mark_artefact([2])
    states.append(palette.state)
    assert palette.state.names[0] == "liver"
    assert palette.state.colours[1] == "#abcdef"
    for state in states[-2::-1]:
        palette.undo()
        assert palette.state == state
    assert not palette.can_undo
    for state in states[1:]:
        palette.redo()
        assert palette.state == state
    assert not palette.can_redo


def test_only_a_real_change_is_told() -> None:
    palette = Palette(default_clusters(3))
    tester = SignalTester(palette.changed)
    with tester:
        palette.hide([1])
        palette.hide([1])
        palette.merge([2], into=2)
        palette.redo()
    tester.assert_emitted_once()


@pytest.mark.parametrize("name", ["", "  ", "Cluster 2"])
def test_a_name_must_tell_clusters_apart(name: str) -> None:
    with pytest.raises(HistoclustError, match="Cluster 1"):
        Palette(default_clusters(3)).rename(1, name)


def test_the_name_of_a_swallowed_cluster_is_free() -> None:
    palette = Palette(default_clusters(3))
    palette.merge([2], into=1)
    palette.rename(1, "Cluster 2")
    assert palette.state.names[0] == "Cluster 2"


@pytest.mark.parametrize("colour", ["red", "#12345", "#1234567", "#12345g"])
def test_colours_are_hex(colour: str) -> None:
    with pytest.raises(HistoclustError, match="#rrggbb"):
        Palette(default_clusters(3)).recolour(1, colour)


def test_ids_must_be_one_to_k() -> None:
    with pytest.raises(ValueError, match=r"1\.\.1"):
        Palette([Cluster(2, "b", "#00ff00")])


Moment = tuple[list[int], list[int], int]


class SlowPalette:
    """Each patch holds the name of its cluster; each step keeps a copy of everything before it."""

    def __init__(self, labels: list[int]) -> None:
        self.ids = list(range(1, K + 1))
        self.of = list(labels)
        self.next = K + 1
        self.past: list[Moment] = []
        self.future: list[Moment] = []

    def _now(self) -> Moment:
        return list(self.ids), list(self.of), self.next

    def _step(self) -> None:
        self.past.append(self._now())
        self.future.clear()

    def merge(self, clusters: set[int], into: int) -> None:
        if clusters - {into}:
            self._step()
            self.of = [into if i in clusters else i for i in self.of]
            self.ids = [i for i in self.ids if i == into or i not in clusters]

    def split(self, cluster: int, parts: list[int]) -> None:
        self._step()
        ids = {
            part: cluster if rank == 0 else self.next + rank - 1
            for rank, part in enumerate(sorted(set(parts)))
        }
        remaining = iter(parts)
        self.of = [ids[next(remaining)] if i == cluster else i for i in self.of]
        self.ids += [i for i in ids.values() if i != cluster]
        self.next += len(ids) - 1

    def carve(self, chosen: list[bool]) -> None:
        self._step()
        self.of = [self.next if choose else i for i, choose in zip(self.of, chosen, strict=True)]
        self.ids.append(self.next)
        self.next += 1

    def move(self, source: list[Moment], target: list[Moment]) -> None:
        if source:
            target.append(self._now())
            self.ids, self.of, self.next = source.pop()


@given(st.data(), st.lists(ids, min_size=N, max_size=N))
def test_any_sequence_of_edits_matches_a_slow_model(data: st.DataObject, labels: list[int]) -> None:
    palette, slow = Palette(default_clusters(K), np.array(labels, np.int16)), SlowPalette(labels)
    for step in data.draw(
        st.lists(st.sampled_from(["merge", "split", "carve", "undo", "redo"]), max_size=12)
    ):
        if step == "merge":
            shown = st.sampled_from(sorted(slow.ids))
            clusters, into = data.draw(st.sets(shown, min_size=1)), data.draw(shown)
            palette.merge(clusters, into)
            slow.merge(clusters, into)
        elif step == "split":
            cluster = data.draw(st.sampled_from(sorted(slow.ids)))
            size = slow.of.count(cluster)
            parts = data.draw(st.lists(st.integers(0, 3), min_size=size, max_size=size))
            if len(set(parts)) < 2:
                with pytest.raises(HistoclustError, match="does not fall into parts"):
                    palette.split(cluster, np.array(parts, int))
            else:
                palette.split(cluster, np.array(parts))
                slow.split(cluster, parts)
        elif step == "carve":
            chosen = data.draw(st.lists(st.booleans(), min_size=N, max_size=N))
            if any(chosen):
                assert palette.carve(np.array(chosen)) == slow.next
                slow.carve(chosen)
        elif step == "undo":
            palette.undo()
            slow.move(slow.past, slow.future)
        else:
            palette.redo()
            slow.move(slow.future, slow.past)
        check_against(palette, slow)


def check_against(palette: Palette, slow: SlowPalette) -> None:
    state = palette.state
    assert palette.shown_labels.tolist() == slow.of
    assert palette.shown_ids == tuple(sorted(slow.ids))
    assert (palette.can_undo, palette.can_redo) == (bool(slow.past), bool(slow.future))
    assert (bool(palette.undo_text), bool(palette.redo_text)) == (bool(slow.past), bool(slow.future))
    assert len(state.names) == len(state.colours) == len(state.shown_as) == slow.next - 1
    assert len({state.names[i - 1] for i in palette.shown_ids}) == len(palette.shown_ids)
    assert palette.rgba().shape == (slow.next, 4)


def test_parts_have_free_names_other_colours_and_the_marks_of_the_whole() -> None:
    palette = Palette(default_clusters(3), np.array([1, 2, 2, 2, 3], np.int16))
    palette.rename(3, "Cluster 2 b")
    palette.hide([2])
    palette.mark_artefact([2])
    palette.split(2, np.array([5, 0, 5]))
    assert palette.state.names == ("Cluster 1", "Cluster 2 a", "Cluster 2 b", "Cluster 2 c")
    assert palette.labels.tolist() == [1, 4, 2, 4, 3]
    assert len(set(palette.state.colours)) == 4
    assert palette.state.hidden == palette.state.artefacts == {2, 4}


def test_a_hundred_parts_need_no_more_colours_than_there_are() -> None:
    palette = Palette(default_clusters(2), np.ones(300, np.int16))
    palette.split(1, np.arange(300))
    assert palette.shown_labels.tolist() == [1, *range(3, 302)]
    assert all(colour in colours(64) for colour in palette.state.colours)


def test_a_carved_cluster() -> None:
    palette = Palette(default_clusters(2), np.array([1, 1, 2, 2], np.int16))
    assert palette.carve(np.array([False, True, True, False])) == 3
    assert palette.carve(np.array([True, False, False, False])) == 4
    assert palette.carve(np.array([False, False, False, True]), " vessels ") == 5
    assert palette.shown_labels.tolist() == [4, 3, 3, 5]
    assert palette.state.names[2:] == ("New cluster", "New cluster 2", "vessels")


@pytest.mark.parametrize("name", ["", " ", "Cluster 2", " Cluster 1"])
def test_a_carved_cluster_needs_a_name_of_its_own(name: str) -> None:
    palette = Palette(default_clusters(2), np.array([1, 1, 2, 2], np.int16))
    with pytest.raises(HistoclustError, match="empty or taken"):
        palette.carve(np.array([True, False, False, False]), name)


def test_nothing_cannot_be_carved() -> None:
    palette = Palette(default_clusters(2), np.array([1, 2], np.int16))
    with pytest.raises(HistoclustError, match="nothing is selected"):
        palette.carve(np.zeros(2, bool))


def test_show_only_is_one_step() -> None:
    palette = Palette(default_clusters(4))
    palette.hide([2])
    palette.show_only([2, 3])
    assert palette.state.hidden == {1, 4}
    palette.undo()
    assert palette.state.hidden == {2}


def test_a_name_may_be_typed_again() -> None:
    palette = Palette(default_clusters(3))
    palette.rename(2, " Cluster 2 ")
    assert not palette.can_undo


def test_undo_says_what_it_takes_back() -> None:
    palette = Palette(default_clusters(4), np.array([1, 2, 3, 4, 4], np.int16))
    assert palette.undo_text == palette.redo_text == ""
    steps: list[tuple[Callable[[], object], str]] = [
        (lambda: palette.rename(1, "liver"), "renaming of Cluster 1"),
        (lambda: palette.recolour(1, "#010203"), "recolouring of liver"),
        (lambda: palette.hide([2, 3]), "hiding"),
        (lambda: palette.hide([2], False), "showing"),
        (lambda: palette.show_only([3]), "showing only some"),
        (lambda: palette.mark_artefact([2]), "marking as artefact"),
        (lambda: palette.mark_artefact([2], False), "taking back of the artefact mark"),
        (lambda: palette.merge([2], into=1), "merging into liver"),
        (lambda: palette.split(4, np.array([0, 1])), "splitting of Cluster 4"),
        (lambda: palette.carve(np.arange(5) > 3), "making of New cluster"),
    ]
    for act, text in steps:
        act()
        assert palette.undo_text == text
        palette.undo()
        assert palette.redo_text == text
        palette.redo()
