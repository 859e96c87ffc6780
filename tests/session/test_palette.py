"""Names, colours and merges of clusters, with undo."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psygnal.testing import SignalTester

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.palette import Cluster, default_clusters
from napari_histoclust.session import Palette

K = 6
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
