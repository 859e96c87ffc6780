"""Dividing patches by their latent vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core.runs import make_every_k_run, make_run
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.run import recluster as module
from napari_histoclust.core.run.columns import seal_array
from napari_histoclust.core.run.edits import edited, load_edits, save_edits, unedited
from napari_histoclust.core.run.reader import read_latent
from napari_histoclust.core.run.recluster import EveryK, change_k, every_k, recluster
from napari_histoclust.core.run.run import Run
from napari_histoclust.core.run.saved import saved_run
from napari_histoclust.session import Palette


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
    seal_array(latent)
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


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> EveryK:
    return drive(every_k(make_every_k_run(tmp_path_factory.mktemp("every") / "run")))


def test_at_its_own_k_the_run_is_to_the_bit_what_was_stored(many: EveryK) -> None:
    for found in (many.at(4), many.computed(4)):
        np.testing.assert_array_equal(found.labels, many.run.labels)
        np.testing.assert_array_equal(found.confidence, many.run.confidence)
        np.testing.assert_array_equal(found.entropy, many.run.entropy)


@pytest.mark.parametrize("k", [2, 7, 14])
def test_another_k_is_the_nearest_of_its_centres(many: EveryK, k: int) -> None:
    places = drive(read_latent(many.run)).astype(float)
    centres = many.solutions.centres_of(k).astype(float)
    literal = [int(np.argmin([((place - c) ** 2).sum() for c in centres])) + 1 for place in places]
    np.testing.assert_array_equal(many.at(k).labels, literal)
    assert not many.at(k).labels.flags.writeable
    assert many.at(k) is many.at(k)


def test_a_slider_moved_there_and_back_changes_nothing(many: EveryK) -> None:
    start = unedited(many.run)
    there = many.edited(start, 9)
    assert (there.k, len(there.names)) == (9, 9)
    assert there.names[:4] == start.names
    back = many.edited(many.edited(there, 3), 4)
    assert back == start
    assert back.labels is start.labels
    assert many.edited(many.edited(there, 12), 9) == there


def test_names_are_carried_and_the_run_shows_another_k(many: EveryK) -> None:
    palette = Palette(many.run.clusters, many.run.labels)
    palette.rename(2, "Stroma")
    there = many.edited(palette.state, 9)
    shown = edited(many.run, there)
    assert shown.clusters[1].name == "Stroma"
    assert len(shown.clusters) == 9
    np.testing.assert_array_equal(shown.labels, many.at(9).labels)
    np.testing.assert_array_equal(shown.confidence, many.at(9).confidence)
    np.testing.assert_array_equal(shown.entropy, many.at(9).entropy)
    assert many.edited(there, 4) == many.edited(palette.state, 4)


def test_handiwork_is_what_another_k_loses(many: EveryK) -> None:
    palette = Palette(many.run.clusters, many.run.labels)
    palette.rename(1, "Stroma")
    assert many.handiwork(palette.state) == ""
    palette.merge([2], into=1)
    assert many.handiwork(palette.state) == "merges"
    palette.carve(np.arange(len(many.run)) < 9, "corner")
    assert many.handiwork(palette.state) == "merges and splits"
    assert many.handiwork(many.edited(palette.state, 6)) == ""


def test_another_k_is_saved_and_read_back(tmp_path: Path) -> None:
    run = make_every_k_run(tmp_path / "run")
    shown = drive(change_k(run.path, 9))
    again = saved_run(run.path)
    assert again.clusters == shown.clusters
    for name in ("labels", "confidence", "entropy"):
        np.testing.assert_array_equal(getattr(again, name), getattr(shown, name))
    assert len(list((run.path / "session").iterdir())) == 4
    palette = Palette(run.clusters, run.labels)
    loaded = load_edits(run)
    assert loaded is not None
    palette.load(loaded)
    palette.rename(9, "Rare")
    save_edits(run.path, palette.state)
    back = drive(change_k(run.path, 4))
    np.testing.assert_array_equal(back.labels, run.labels)
    assert [file.name for file in (run.path / "session").iterdir()] == ["clusters.json"]
    assert drive(change_k(run.path, 9)).clusters[8].name == "Rare"


def test_merges_and_splits_are_not_lost_unasked(tmp_path: Path) -> None:
    run = make_every_k_run(tmp_path / "run")
    palette = Palette(run.clusters, run.labels)
    palette.merge([2], into=1)
    save_edits(run.path, palette.state)
    with pytest.raises(HistoclustError, match=r"holds merges made in the window.*--drop-edits"):
        drive(change_k(run.path, 9))
    assert len(drive(change_k(run.path, 9, drop=True)).clusters) == 9


def test_a_run_without_solutions_and_a_k_without_are_refused(run: Run, tmp_path: Path) -> None:
    many = make_every_k_run(tmp_path / "run")
    with pytest.raises(HistoclustError, match=r"--clusters 60: the model of .* knows 2 to 1\d"):
        drive(change_k(many.path, 60))
    with pytest.raises(HistoclustError, match="own number of clusters only"):
        drive(every_k(write_plain_model(run, tmp_path)))


def write_plain_model(run: Run, tmp_path: Path) -> Run:
    """A run of the paper's network."""
    from core.models import write_model

    plain = make_run(tmp_path / "plain")
    write_model(plain.path / "model", ("HE", "CD31"))
    return plain


def test_damaged_columns_are_refused(tmp_path: Path) -> None:
    run = make_every_k_run(tmp_path / "run")
    drive(change_k(run.path, 9))
    for file in sorted((run.path / "session").glob("*.npy")):
        whole = file.read_bytes()
        file.write_bytes(whole[:-4] + b"\0\0\0\1")
        with pytest.raises(HistoclustError, match=r"clusters\.json: is damaged"):
            saved_run(run.path)
        file.write_bytes(whole)
    assert len(saved_run(run.path).clusters) == 9
