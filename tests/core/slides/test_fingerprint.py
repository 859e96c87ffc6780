"""The checksum of a picture: what it sees, what it leaves alone, and what it costs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zarr

from napari_histoclust.core.slides import fingerprint
from napari_histoclust.core.slides.fingerprint import is_one_file, sampled_sha256

LARGE = 8 * 2**20


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "HE.tif"
    path.write_bytes(np.random.default_rng(0).bytes(LARGE))
    return path


def overwrite(path: Path, start: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(data)


@pytest.mark.parametrize("start", [0, LARGE // 2, LARGE - 1], ids=["head", "everything after", "last byte"])
def test_a_large_file_rewritten_in_place_is_another_one(large: Path, start: int) -> None:
    before = sampled_sha256(large)
    size = 1 if start in (0, LARGE - 1) else LARGE - start
    overwrite(large, start, bytes(size))
    assert large.stat().st_size == LARGE
    assert sampled_sha256(large) != before


def test_every_byte_of_a_small_file_counts(tmp_path: Path) -> None:
    path = tmp_path / "HE.png"
    path.write_bytes(bytes(100_000))
    before = sampled_sha256(path)
    for place in np.random.default_rng(0).integers(0, 100_000, 20).tolist():
        overwrite(path, place, b"\1")
        assert sampled_sha256(path) != before
        overwrite(path, place, b"\0")
    assert sampled_sha256(path) == before


def test_a_picture_is_known_whatever_it_is_called_and_whenever_it_was_copied(large: Path) -> None:
    copy = large.with_name("other.tif")
    shutil.copy(large, copy)
    os.utime(copy, (1, 1))
    assert sampled_sha256(copy) == sampled_sha256(large)


def test_of_a_slide_of_any_size_a_few_mib_are_read(tmp_path: Path) -> None:
    path = tmp_path / "HE.tif"
    with path.open("wb") as file:
        file.truncate(2**40)  # a hole: nothing is on the disk
    before = read_bytes()
    sampled_sha256(path)
    assert read_bytes() - before < 4 * 2**20


def read_bytes() -> int:
    """Bytes that this process has asked for so far."""
    if not Path("/proc/self/io").is_file():
        pytest.skip("bytes that are read are counted on Linux alone")
    return int(Path("/proc/self/io").read_text().split()[1])


@pytest.fixture(params=["/", "."], ids=["nested", "flat"])
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / "HE.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=2)
    keys = {"name": "v2", "separator": request.param}
    for level, side in enumerate((512, 256)):
        array = group.create_array(
            str(level),
            shape=(3, side, side),
            chunks=(1, 64, 64),
            dtype="u1",
            chunk_key_encoding=keys,  # type: ignore[arg-type]
            compressors=None,
        )
        array[:] = np.random.default_rng(level).integers(0, 255, (3, side, side)).astype(np.uint8)
    group.attrs["multiscales"] = [{"version": "0.4"}]
    return path


def chunks_of(store: Path) -> list[Path]:
    return sorted(file for file in store.rglob("*") if file.is_file() and not file.name.startswith("."))


def rewrite(store: Path) -> None:
    for file in chunks_of(store):
        file.write_bytes(bytes(255 - byte for byte in file.read_bytes()))


def lose(store: Path) -> None:
    chunks_of(store)[0].unlink()


def relabel(store: Path) -> None:
    (store / "0" / ".zarray").write_text((store / "0" / ".zarray").read_text() + " ")


@pytest.mark.parametrize("change", [rewrite, lose, relabel])
def test_another_store(store: Path, change: Callable[[Path], None]) -> None:
    before = sampled_sha256(store)
    change(store)
    assert sampled_sha256(store) != before


def test_what_a_file_manager_leaves_in_a_store_is_nothing_of_it(store: Path) -> None:
    before = sampled_sha256(store)
    for name in (".DS_Store", "Thumbs.db", "0/.DS_Store"):
        (store / name).write_bytes(b"mac")
    assert sampled_sha256(store) == before
    moved = store.rename(store.with_name("moved.zarr"))
    assert sampled_sha256(moved) == before


def test_a_store_of_many_chunks_is_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3000):
        (tmp_path / f"0.{number}").write_bytes(b"chunk")
    opened: list[Path] = []
    real = Path.open
    monkeypatch.setattr(Path, "open", lambda self, *a, **k: (opened.append(self), real(self, *a, **k))[1])
    assert sampled_sha256(tmp_path)
    assert len(opened) <= fingerprint._MOST_FILES


def test_the_other_files_of_a_picture_count(tmp_path: Path) -> None:
    """A MIRAX slide is a small file and a folder, a DICOM slide several files."""
    (tmp_path / "HE").mkdir()
    for name in ("HE.mrxs", "HE/Data0001.dat", "a.dcm", "b.dcm"):
        (tmp_path / name).write_bytes(b"before")
    for picture, part in (("HE.mrxs", "HE/Data0001.dat"), ("a.dcm", "b.dcm")):
        assert not is_one_file(tmp_path / picture)
        before = sampled_sha256(tmp_path / picture)
        (tmp_path / part).write_bytes(b"behind")
        assert sampled_sha256(tmp_path / picture) != before
