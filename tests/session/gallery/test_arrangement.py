"""Orders against literal versions."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from core.runs import make_run
from napari_histoclust.core.jobs import Progress, drive
from napari_histoclust.core.run.reader import LatentSpace, read_latent
from napari_histoclust.core.run.run import Run
from napari_histoclust.session.gallery import arrangement
from napari_histoclust.session.gallery.arrangement import Order, medoid, neighbours, ordered


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_run(tmp_path_factory.mktemp("run"))


@pytest.fixture
def ids(run: Run) -> np.ndarray:
    return np.flatnonzero(run.labels != 2)


@cache
def latent_of(run: Run) -> np.ndarray:
    return drive(read_latent(run))


def distance(run: Run, a: int, b: int) -> float:
    return float(np.linalg.norm(latent_of(run)[a].astype(float) - latent_of(run)[b]))


def literal_medoid(run: Run, ids: list[int]) -> int:
    return min(ids, key=lambda a: sum(distance(run, a, b) for b in ids))


def test_the_medoid_of_few_is_exact(run: Run, ids: np.ndarray) -> None:
    assert medoid(latent_of(run), ids) == literal_medoid(run, ids.tolist())


def test_of_many_the_medoid_of_a_sample_is_taken(
    run: Run, ids: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrangement, "SAMPLE", 20)
    found = medoid(latent_of(run), ids)
    assert found == medoid(latent_of(run), ids)
    assert found in ids
    exact = literal_medoid(run, ids.tolist())
    spread = sorted(sum(distance(run, a, b) for b in ids) for a in ids)
    cost = sum(distance(run, found, b) for b in ids)
    assert sum(distance(run, exact, b) for b in ids) <= cost <= spread[len(spread) // 2]


def test_typical_is_nearest_to_the_medoid(run: Run, ids: np.ndarray) -> None:
    centre = literal_medoid(run, ids.tolist())
    literal = sorted(ids.tolist(), key=lambda i: distance(run, i, centre))
    assert drive(ordered(LatentSpace(run), ids, Order.TYPICAL)).tolist() == literal


@pytest.mark.parametrize(("order", "sign"), [(Order.CONFIDENT, -1), (Order.DOUBTFUL, 1)])
def test_confidence_then_entropy(run: Run, ids: np.ndarray, order: Order, sign: int) -> None:
    coarse = replace(run, confidence=np.round(run.confidence, 1))
    literal = sorted(ids.tolist(), key=lambda i: (sign * coarse.confidence[i], -sign * coarse.entropy[i]))
    assert drive(ordered(LatentSpace(coarse), ids, order)).tolist() == literal


def test_random_is_a_shuffle_and_the_same_each_time(run: Run, ids: np.ndarray) -> None:
    first, second = (drive(ordered(LatentSpace(run), ids, Order.RANDOM)) for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, ids)
    assert np.array_equal(np.sort(first), ids)


@pytest.mark.parametrize("order", Order)
def test_none_and_one_have_an_order(run: Run, order: Order) -> None:
    for count in (0, 1):
        ids = np.arange(count)
        assert drive(ordered(LatentSpace(run), ids, order)).tolist() == ids.tolist()


@pytest.mark.parametrize("count", [0, 1, 10, 1000])
def test_neighbours(run: Run, count: int) -> None:
    literal = sorted(range(len(run)), key=lambda i: (i != 7, distance(run, 7, i)))[: count + 1]
    assert drive(neighbours(LatentSpace(run), 7, count)).tolist() == literal


def test_a_patch_comes_before_its_duplicates(run: Run) -> None:
    twins = LatentSpace(run)
    latent = drive(twins.load())
    latent[3] = latent[7]
    assert drive(neighbours(twins, 7, 1)).tolist() == [7, 3]


def test_the_latent_space_is_read_once_and_can_be_given_up(run: Run) -> None:
    space = LatentSpace(run)
    job = space.load()
    next(job)
    job.close()
    assert not space.is_loaded
    latent = drive(space.load())
    assert space.is_loaded
    assert drive(space.load()) is latent


def test_the_latent_space_is_read_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_histoclust.core.run.store.CHUNK", 64)
    run = make_run(tmp_path)
    monkeypatch.setattr("napari_histoclust.core.run.reader._PIECE", 50)
    told: list[Progress] = []
    latent = drive(read_latent(run), told.append)
    assert [progress.done for progress in told] == [*range(64, len(run), 64), len(run)]  # whole chunks of 64
    assert np.array_equal(latent, run.to_anndata().obsm["latent"])
