"""One k-means for each K, numbers that go on from K to K, and what the bundle keeps of them."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.model.confidence import Confidence
from napari_histoclust.core.model.solutions import (
    Solutions,
    load_solutions,
    nearest,
    solutions_from,
    solve,
    stack_of,
)


def _places(n: int = 400) -> np.ndarray:
    """Six heaps of unequal size along two axes."""
    rng = np.random.default_rng(0)
    heaps = np.array([(0, 0), (9, 0), (0, 9), (9, 9), (30, 5), (31, 12)], float)
    return heaps[rng.choice(6, n, p=(0.3, 0.25, 0.2, 0.12, 0.08, 0.05))] + rng.normal(0, 1.3, (n, 2))


@pytest.fixture(scope="module")
def solutions() -> Solutions:
    centres, overlaps = drive(solve(_places(), 6, 5))
    return stack_of(centres, [Confidence(1.0 + k, 0.01 * k) for k in range(len(centres))], overlaps)


def test_each_k_is_the_best_of_ten_kmeans(solutions: Solutions) -> None:
    assert list(solutions.ks) == list(range(2, 21))
    for k in (2, 6, 13, 20):
        plain = KMeans(k, n_init=10, random_state=5).fit(_places())
        assert adjusted_rand_score(plain.labels_, nearest(_places(), solutions.centres_of(k))) > 0.999


def test_numbers_go_on_where_most_patches_do(solutions: Solutions) -> None:
    """Against every way to give the numbers, for the few clusters where all can be tried."""
    places = _places()
    sizes = np.bincount(nearest(places, solutions.centres_of(2)))
    assert sizes[0] >= sizes[1]
    for k in (2, 3, 4, 5, 6):
        before, after = (nearest(places, solutions.centres_of(j)) for j in (k, k + 1))
        kept = (before == after).sum()
        assert kept == max(
            sum(((before == i) & (after == number)).sum() for i, number in enumerate(order[:k]))
            for order in permutations(range(k + 1))
        )
        shares = np.bincount(before[after == k], minlength=k)
        assert solutions.parents[k + 1] == shares.argmax() + 1
        np.testing.assert_array_equal(solutions.overlaps[k - 2][:, k], shares)


def test_no_k_depends_on_the_one_that_was_asked_for() -> None:
    one, other = (drive(solve(_places(), k, 5))[0] for k in (3, 30))
    assert (len(one), len(other)) == (19, 29)
    for first, second in zip(one, other, strict=False):
        np.testing.assert_array_equal(first, second)


def test_few_different_patches_have_few_solutions() -> None:
    places = np.repeat(_places(90), 5, axis=0)
    assert [len(part) for part in drive(solve(places, 3, 0))[0]] == [2, 3, 4]
    alike = np.repeat(_places(2), 5, axis=0)
    assert [len(part) for part in drive(solve(alike, 3, 0))[0]] == [2, 3]


def test_forty_are_enough_unless_more_are_asked_for() -> None:
    assert len(drive(solve(_places(840), 3, 0))[0][-1]) == 40
    assert len(drive(solve(_places(60), 43, 0))[0][-1]) == 43


def test_tensors_give_the_solutions_back(solutions: Solutions, tmp_path: Path) -> None:
    save_file({"weight": np.ones(2), **solutions.tensors()}, tmp_path / "model.safetensors")
    again = load_solutions(tmp_path)
    assert again is not None
    for k in solutions.ks:
        np.testing.assert_array_equal(again.centres_of(k), solutions.centres_of(k))
        assert again.confidence_of(k) == solutions.confidence_of(k)
    for ours, theirs in zip(again.overlaps, solutions.overlaps, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert again.parents == solutions.parents


def test_without_solutions_there_are_none(tmp_path: Path) -> None:
    save_file({"weight": np.ones(2)}, tmp_path / "model.safetensors")
    assert load_solutions(tmp_path) is None
    assert solutions_from({}) is None


@pytest.mark.parametrize("name", ["solutions.centres", "solutions.confidence", "solutions.overlap"])
def test_damage_is_named(name: str, solutions: Solutions, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    whole = {key: np.ascontiguousarray(array) for key, array in solutions.tensors().items()}
    bad = np.nan if name.endswith("centres") else -1
    for wrong in ({name: whole[name][1:]}, {name: np.full_like(whole[name], bad)}):
        save_file(whole | wrong, file)
        with pytest.raises(HistoclustError, match=r"model\.safetensors: is damaged"):
            load_solutions(tmp_path)
    save_file({key: array for key, array in whole.items() if key != name}, file)
    with pytest.raises(HistoclustError, match=r"model\.safetensors: is damaged"):
        load_solutions(tmp_path)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(HistoclustError, match=r"model\.safetensors: is damaged"):
        load_solutions(tmp_path)


def test_a_k_without_solution_is_refused(solutions: Solutions) -> None:
    with pytest.raises(ValueError, match="2 to 20"):
        solutions.centres_of(21)
