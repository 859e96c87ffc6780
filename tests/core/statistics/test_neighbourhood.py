"""Neighbours by cluster against a count written out and the exact mean under permutation.

tests/core/export/test_scverse.py has squidpy count the same.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.runs import make_run, write_run
from napari_histoclust.core.errors import Cancelled, HistoclustError
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.patches.grid import PatchGrid
from napari_histoclust.core.run.run import Run
from napari_histoclust.core.statistics.neighbourhood import neighbour_pairs, neighbourhood


def lattice(mask: NDArray[np.bool_], patch_px: int = 10, stride_px: int = 10) -> PatchGrid:
    row, col = (index.astype(np.int32) for index in np.nonzero(mask))
    return PatchGrid(mask.shape, patch_px, stride_px, 0, 1.0, row, col, np.ones(len(row), np.float32))  # type: ignore[arg-type]


def counted_by_hand(run: Run, labels: NDArray[np.int16], step: int = 1) -> NDArray[np.int64]:
    """Every patch asks its four neighbours."""
    place = {cluster.id: i for i, cluster in enumerate(run.clusters)}
    counts = np.zeros((len(place), len(place)), np.int64)
    for slide, grid in enumerate(run.grids):
        own = labels[run.rows(slide)]
        at = {
            (r, c): place[i]
            for r, c, i in zip(grid.row.tolist(), grid.col.tolist(), own.tolist(), strict=True)
        }
        for (r, c), mine in at.items():
            for other in ((r - step, c), (r + step, c), (r, c - step), (r, c + step)):
                if other in at:
                    counts[mine, at[other]] += 1
    return counts


@pytest.mark.parametrize(("stride_px", "step"), [(32, 1), (16, 2), (20, 2), (48, 1)])
def test_counts(tmp_path: Path, stride_px: int, step: int) -> None:
    """Overlapping patches are no neighbours; over two slides, with ids that have a gap."""
    run = make_run(tmp_path / "run", slides=2, stride_px=stride_px)
    kept = tuple(cluster for cluster in run.clusters if cluster.id != 2)
    run = dataclasses.replace(run, clusters=kept, labels=np.where(run.labels == 2, 4, run.labels))
    result = drive(neighbourhood(run, 10))
    np.testing.assert_array_equal(result.counts, counted_by_hand(run, run.labels, step))
    assert result.clusters == kept


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_each_pair_once(rows: int, cols: int, seed: int, step: int) -> None:
    mask = np.random.default_rng(seed).random((rows, cols)) < 0.7
    grid = lattice(mask, patch_px=10 * step)
    seen = {frozenset(pair) for pair in zip(*(side.tolist() for side in neighbour_pairs(grid)), strict=True)}
    assert len(seen) == len(neighbour_pairs(grid)[0])
    places = list(zip(grid.row.tolist(), grid.col.tolist(), strict=True))
    expected = {
        frozenset((i, j))
        for i, (y, x) in enumerate(places)
        for j, (v, u) in enumerate(places)
        if (abs(y - v), abs(x - u)) in ((step, 0), (0, step))
    }
    assert seen == expected


def exact_mean(run: Run) -> NDArray[np.float64]:
    """Mean counts over all arrangements: a pair has labels i, j with the odds of two draws without return."""
    total = np.zeros((len(run.clusters),) * 2)
    for slide, grid in enumerate(run.grids):
        sizes = np.array([(run.labels[run.rows(slide)] == cluster.id).sum() for cluster in run.clusters])
        n, pairs = len(grid), len(neighbour_pairs(grid)[0])
        both = np.outer(sizes, sizes) - np.diag(sizes)
        total += 2 * pairs * both / (n * (n - 1))
    return total


def test_mean_and_spread_over_permutations(tmp_path: Path) -> None:
    """The mean against the exact one, within five standard errors; the spread against a literal shuffle."""
    run = make_run(tmp_path / "run", slides=2)
    result = drive(neighbourhood(run, 2000))
    error = result.spread / np.sqrt(result.permutations)
    assert (np.abs(result.expected - exact_mean(run)) < 5 * error).all()
    literal = np.stack([counted_by_hand(run, shuffled(run, seed)) for seed in range(200)])
    np.testing.assert_allclose(result.spread, literal.std(0), rtol=0.25)  # of 200: five standard errors
    np.testing.assert_allclose(result.z, (result.counts - result.expected) / result.spread)


def shuffled(run: Run, seed: int) -> NDArray[np.int16]:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.permutation(run.labels[run.rows(slide)]) for slide in range(len(run.slides))])


def test_clusters_that_keep_to_themselves_and_a_chessboard(tmp_path: Path) -> None:
    grid = lattice(np.ones((20, 20), bool))
    halves = write_run(tmp_path / "halves", [grid], (grid.col >= 10).astype(np.int16) + 1, 2)
    apart = drive(neighbourhood(halves, 99))
    assert apart.z[0, 0] > 10
    assert apart.z[0, 1] < -10
    board = write_run(tmp_path / "board", [grid], ((grid.row + grid.col) % 2).astype(np.int16) + 1, 2)
    mixed = drive(neighbourhood(board, 99))
    assert mixed.z[0, 0] < -10
    assert mixed.z[0, 1] > 10
    assert (mixed.p == 2 / 100).all()


def test_chance_looks_like_chance(tmp_path: Path) -> None:
    grid = lattice(np.ones((30, 30), bool))
    labels = np.random.default_rng(1).integers(1, 5, len(grid)).astype(np.int16)
    result = drive(neighbourhood(write_run(tmp_path / "run", [grid], labels, 4), 500))
    assert np.abs(result.z).max() < 4
    assert np.median(result.p) > 0.1


def test_the_seed_alone_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path / "run")
    first = drive(neighbourhood(run, 57, seed=3))
    monkeypatch.setattr("os.cpu_count", lambda: 5)
    same, other = drive(neighbourhood(run, 57, seed=3)), drive(neighbourhood(run, 57, seed=4))
    np.testing.assert_array_equal(first.expected, same.expected)
    np.testing.assert_array_equal(first.p, same.p)
    assert (first.expected != other.expected).any()


def test_one_slide_of_several(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", slides=2)
    parts = [drive(neighbourhood(run, 10, slides=[slide])).counts for slide in (0, 1)]
    np.testing.assert_array_equal(sum(parts), drive(neighbourhood(run, 10)).counts)


def test_a_cluster_without_a_patch_has_no_z(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    run = dataclasses.replace(run, labels=np.where(run.labels == 2, 1, run.labels))
    result = drive(neighbourhood(run, 20))
    assert np.isnan(result.z[1]).all()
    assert (result.p[1] == 1).all()
    assert not np.isnan(np.delete(np.delete(result.z, 1, 0), 1, 1)).any()


def test_too_few_permutations_and_cancelling(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    with pytest.raises(HistoclustError, match=r"permutations=1: give at least 2"):
        drive(neighbourhood(run, 1))
    with pytest.raises(Cancelled):
        drive(neighbourhood(run), cancelled=lambda: True)
