"""The tree across K against counting by hand, and its layout."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from core.runs import make_every_k_run
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.run.recluster import EveryK, every_k
from napari_histoclust.core.statistics.k_tree import KTree, count_tree


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> EveryK:
    return drive(every_k(make_every_k_run(tmp_path_factory.mktemp("tree") / "run")))


@pytest.fixture(scope="module")
def tree(many: EveryK) -> KTree:
    return drive(count_tree(many))


def test_counts_are_those_of_the_patches(many: EveryK, tree: KTree) -> None:
    assert tree.ks == many.solutions.ks
    for k in (2, 5, 9):
        one, other = many.at(k).labels, many.at(k + 1).labels
        for i in range(1, k + 1):
            assert tree.sizes[k - 2][i - 1] == sum(one == i)
            for j in range(1, k + 2):
                assert tree.shared[k - 2][i - 1, j - 1] == sum((one == i) & (other == j))


def test_each_stands_beside_the_one_it_comes_from(tree: KTree) -> None:
    assert sorted(tree.order) == list(range(1, tree.ks[-1] + 1))
    for number, parent in tree.parents.items():
        older = [n for n in tree.order if n <= number]
        assert older.index(number) == older.index(parent) + 1


def test_bars_and_bands_have_the_heights_of_their_patches(tree: KTree) -> None:
    whole = int(tree.sizes[0].sum())
    heights = {(node.k, node.number): node for node in tree.nodes}
    unit = (heights[2, 1].bottom - heights[2, 1].top) / heights[2, 1].patches
    for k in tree.ks:
        column = [node for node in tree.nodes if node.k == k]
        assert sum(node.patches for node in column) == whole
        assert column[0].top >= 0
        assert column[-1].bottom <= 1 + 1e-9
        assert all(one.bottom < other.top for one, other in pairwise(column))
        assert all(node.bottom - node.top == pytest.approx(node.patches * unit) for node in column)
    for band in tree.bands:
        one, other = heights[band.k, band.source], heights[band.k + 1, band.target]
        assert one.top - 1e-9 <= band.left[0] < band.left[1] <= one.bottom + 1e-9
        assert other.top - 1e-9 <= band.right[0] < band.right[1] <= other.bottom + 1e-9
        assert band.left[1] - band.left[0] == pytest.approx(band.patches * unit)


def test_what_lies_at_a_place_and_where_it_comes_from(many: EveryK, tree: KTree) -> None:
    for node in tree.nodes:
        if node.patches:
            assert tree.node_at(node.k, (node.top + node.bottom) / 2) is node
    assert tree.node_at(4, -0.5) is None
    assert tree.sources(2, 1) == []
    before, after = many.at(5).labels, many.at(6).labels
    found = tree.sources(6, 6)
    shares = np.bincount(before[after == 6], minlength=6)[1:] / (after == 6).sum()
    assert dict(found) == {i + 1: pytest.approx(share) for i, share in enumerate(shares) if share}
    assert found[0][1] == shares.max()


def test_the_figure_is_drawn_for_runs_that_know_every_k(tmp_path: Path) -> None:
    from matplotlib.image import imread

    from core.runs import make_run
    from napari_histoclust.core.figures.run_figures import draw_figures

    run = make_every_k_run(tmp_path / "run")
    names = {path.name for path in drive(draw_figures(run, file_format="svg"))}
    assert "k_tree.svg" in names
    picture = imread(next(path for path in drive(draw_figures(run)) if path.stem == "k_tree"))
    for cluster in run.clusters:
        wanted = np.array([int(cluster.colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        assert (np.abs(picture[..., :3] - wanted).max(-1) < 0.02).any()
    assert "k_tree.png" not in {path.name for path in drive(draw_figures(make_run(tmp_path / "plain")))}
