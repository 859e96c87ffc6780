"""Dividing patches by their latent vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core.runs import make_run
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.run import recluster as module
from napari_histoclust.core.run.reader import read_latent
from napari_histoclust.core.run.recluster import recluster
from napari_histoclust.core.run.run import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_run(tmp_path_factory.mktemp("recluster") / "run", rows=80, cols=90, clusters=3)


def sum_of_squares(points: NDArray[np.float32], parts: NDArray[np.intp]) -> float:
    """Literally."""
    total = 0.0
    for part in set(parts.tolist()):
        own = points[parts == part].astype(float)
        total += float(((own - own.mean(0)) ** 2).sum())
    return total


@pytest.mark.parametrize("fitted_at_most", [10_000, 1500])
def test_it_finds_clouds_that_are_apart(
    run: Run, monkeypatch: pytest.MonkeyPatch, fitted_at_most: int
) -> None:
    """The clusters of the run are clouds of its latent space; asked for as many parts, they come back."""
    monkeypatch.setattr(module, "_FITTED_AT_MOST", fitted_at_most)
    monkeypatch.setattr(module, "_BLOCK", 1000)
    rows = np.flatnonzero(np.arange(len(run)) % 3 > 0)  # over several chunks of the store
    parts = drive(recluster(run, rows, 3))
    pairs = set(zip(parts.tolist(), run.labels[rows].tolist(), strict=True))
    assert len(pairs) == 3
    assert {part for part, _ in pairs} == {0, 1, 2}


def test_parts_are_numbered_by_falling_size(run: Run) -> None:
    parts = drive(recluster(run, np.arange(len(run)), 5))
    counts = np.bincount(parts, minlength=5)
    assert counts.tolist() == sorted(counts.tolist(), reverse=True)
    assert counts.min() > 0


def test_it_is_no_worse_than_any_of_twenty_plain_starts(run: Run) -> None:
    from sklearn.cluster import KMeans

    rows = np.flatnonzero(run.labels == 2)
    points = drive(read_latent(run))[rows]
    mine = sum_of_squares(points, drive(recluster(run, rows, 2)))
    plain = [
        sum_of_squares(points, KMeans(2, n_init=1, random_state=s).fit(points).labels_) for s in range(20)
    ]
    assert mine <= np.median(plain) * (1 + 1e-6)


def test_the_same_seed_gives_the_same_parts(run: Run) -> None:
    rows = np.flatnonzero(run.labels == 1)
    first, second = (drive(recluster(run, rows, 4, seed=7)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_too_few_patches(run: Run) -> None:
    with pytest.raises(HistoclustError, match="2 patches cannot be divided into 3"):
        drive(recluster(run, np.array([1, 5]), 3))


def test_patches_that_are_all_alike(tmp_path: Path) -> None:
    import zarr

    run = make_run(tmp_path / "run")
    latent = zarr.open_group(run.path / "patches.zarr", mode="r+")["obsm/latent"]
    latent[:] = np.full(latent.shape, 1 / 128, np.float32)  # type: ignore[index, union-attr]
    with pytest.raises(HistoclustError, match="look alike"):
        drive(recluster(run, np.arange(len(run)), 2))


@pytest.mark.parametrize("parts", [1, 9])
def test_impossible_numbers_of_parts(run: Run, parts: int) -> None:
    with pytest.raises(ValueError, match="2 to 8"):
        drive(recluster(run, np.arange(100), parts))


def test_it_can_be_cancelled_at_each_yield(run: Run) -> None:
    whole = sum(1 for _ in recluster(run, np.arange(len(run)), 2))
    assert whole >= 7
    for stop in range(1, whole + 1):
        job = recluster(run, np.arange(len(run)), 2)
        for _ in range(stop):
            next(job)
        job.close()
