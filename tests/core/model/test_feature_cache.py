"""Features on disk: known again, by any process, through kills, damage and a full cap."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.model.feature_cache import FEATURES, FeatureCache, digests_of, make_room

WIDTH = 6


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HISTOCLUST_FEATURES", str(tmp_path))
    return tmp_path


def _pixels(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 3, 4, 4), dtype=np.uint8)


def _rows(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, WIDTH)).astype(np.float16)


def _keep(n: int = 20, seed: int = 0) -> None:
    cache = FeatureCache("a", WIDTH)
    cache.add(digests_of(_pixels(n, seed)), _rows(n, seed))
    cache.close()


def test_digests_are_of_the_pixels_and_their_shape() -> None:
    pixels = _pixels(9)
    changed = pixels.copy()
    changed[4, 2, 3, 3] ^= 1
    differ = (digests_of(pixels) != digests_of(changed)).any(axis=1)
    assert differ.tolist() == [n == 4 for n in range(9)]
    assert (digests_of(pixels) != digests_of(pixels.reshape(9, 3, 2, 8))).all()


def test_what_was_kept_is_found_and_what_was_not_is_missing() -> None:
    _keep(20)
    both = np.concatenate([_pixels(5, seed=1), _pixels(20)[::-1]])
    found, missing = FeatureCache("a", WIDTH).find(digests_of(both))
    assert missing.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(found[5:], _rows(20)[::-1])
    assert len(FeatureCache("another network", WIDTH).find(digests_of(both))[1]) == 25


def test_two_writers_at_a_time_keep_both_shares() -> None:
    one, two = FeatureCache("a", WIDTH), FeatureCache("a", WIDTH)
    for start in range(0, 40, 10):
        for number, cache in enumerate((one, two)):
            part = slice(start, start + 10)
            cache.add(digests_of(_pixels(40, number))[part], _rows(40, number)[part])
    one.close()
    two.close()
    for number in range(2):
        found, missing = FeatureCache("a", WIDTH).find(digests_of(_pixels(40, number)))
        assert not len(missing)
        np.testing.assert_array_equal(found, _rows(40, number))


def test_a_kill_costs_only_what_was_not_yet_on_the_disk(tmp_path: Path) -> None:
    code = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_feature_cache as made
from napari_histoclust.core.model import feature_cache
feature_cache.COMMIT_EVERY_S = 0.0
cache = feature_cache.FeatureCache("a", made.WIDTH)
digests, rows = feature_cache.digests_of(made._pixels(30)), made._rows(30)
cache.add(digests[:20], rows[:20])
feature_cache.COMMIT_EVERY_S = 1e9
cache.add(digests[20:], rows[20:])
os.kill(os.getpid(), 9)
"""
    environment = os.environ | {"HISTOCLUST_FEATURES": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False)
    assert done.returncode == -9, done.stderr.decode()
    found, missing = FeatureCache("a", WIDTH).find(digests_of(_pixels(30)))
    assert missing.tolist() == list(range(20, 30))
    np.testing.assert_array_equal(found[:20], _rows(30)[:20])


def test_a_damaged_row_is_asked_again(tmp_path: Path) -> None:
    _keep(20)
    file = next(tmp_path.rglob("*.features"))
    damaged = bytearray(file.read_bytes())
    damaged[2 * WIDTH * 7] ^= 255
    file.write_bytes(damaged)
    _, missing = FeatureCache("a", WIDTH).find(digests_of(_pixels(20)))
    assert missing.tolist() == [7]


@pytest.mark.parametrize("suffix", [".features", ".index"])
def test_half_a_file_serves_for_what_is_whole(tmp_path: Path, suffix: str) -> None:
    _keep(20)
    file = next(tmp_path.rglob(f"*{suffix}"))
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2 + 1])
    found, missing = FeatureCache("a", WIDTH).find(digests_of(_pixels(20)))
    assert missing.tolist() == list(range(10, 20))
    np.testing.assert_array_equal(found[:10], _rows(20)[:10])


def test_the_cap_takes_what_was_used_longest_ago(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(3):
        _keep(20, seed)
    for age, file in enumerate(sorted(tmp_path.rglob("*.features"))):
        os.utime(file, (1000 - age, 1000 - age))
    oldest = sorted(tmp_path.rglob("*.features"))[-1]
    one = oldest.stat().st_size
    monkeypatch.setenv("HISTOCLUST_FEATURES_GIB", str(2.5 * one / 2**30))
    assert make_room() == 2 * one
    assert not oldest.exists()
    assert not oldest.with_suffix(".index").exists()
    assert len(list(tmp_path.rglob("*.features"))) == 2


def test_a_cap_of_nothing_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HISTOCLUST_FEATURES_GIB", "0")
    _keep(20)
    assert not list(tmp_path.rglob("*.features"))
    monkeypatch.setenv("HISTOCLUST_FEATURES_GIB", "much")
    with pytest.raises(HistoclustError, match="HISTOCLUST_FEATURES_GIB=much"):
        FEATURES.most_bytes()


def test_a_folder_that_cannot_be_written_is_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HISTOCLUST_FEATURES", str(tmp_path / "file"))
    _keep(20)
    assert len(FeatureCache("a", WIDTH).find(digests_of(_pixels(20)))[1]) == 20


def test_it_lies_in_the_users_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HISTOCLUST_FEATURES")
    assert FEATURES.folder().name == "features"
    assert "napari-histoclust" in str(FEATURES.folder())
