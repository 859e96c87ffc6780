"""Ordinary mistakes and hostile files end in one sentence, soon, and without their memory."""

from __future__ import annotations

import json
import os
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from core.slides.written import noise
from napari_histoclust.cli.app import run
from napari_histoclust.core.atomic import read_json, write_json
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.model.import_model import import_model
from napari_histoclust.core.reading import load_npy, load_npz
from napari_histoclust.core.slides.placed.affine import read_affine
from napari_histoclust.core.slides.placed.displacement import read_displacement
from napari_histoclust.core.slides.stack import open_stack
from napari_histoclust.core.validation.table import read_table

STAINS = "stains: {HE: {path: HE.tif}}\n"


def refused(call: Callable[[], object]) -> str:
    """Call what must be refused; return its sentence, which must be short and come soon."""
    start = time.monotonic()
    with pytest.raises(HistoclustError) as caught:
        call()
    assert time.monotonic() - start < 5
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert len(sentence) < 1000
    return sentence


def described(folder: Path, text: str) -> Path:
    tifffile.imwrite(folder / "HE.tif", noise(64, 64), photometric="rgb", metadata=None)
    path = folder / "stack.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return path


def bomb(keys: bool = False) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    for k in range(1, 12):
        lines.append(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]")
    return "\n".join([*lines, "? *a11\n: 1" if keys else "stains: *a11"])


@pytest.mark.parametrize(
    "text",
    [
        "name: 2001-99-99\n" + STAINS,
        "name: 2001-09-09\n" + STAINS,
        "um_per_px: " + "9" * 5000 + "\n" + STAINS,
        "um_per_px: .nan\n" + STAINS,
        "stains: " + "[" * 20_000,
        "stains: " + "{a: " * 5000,
        bomb(),
        bomb(keys=True),
        "? [a, b]\n: 1\n",
        "? {a: b}\n: 1\n",
        "stains:\n" + "".join(f"  s{k}: {{path: HE.tif}}\n" for k in range(20_000)),
        "".join(f"k{k}: 1\n" for k in range(20_000)),
        f"name: {'n' * 10_000}\n" + STAINS,
        f"stains: {{{'n' * 10_000}: {{path: HE.tif}}}}\n",
        'name: "\\ud800"\n' + STAINS,
        'stains: {"\\udcff": {path: HE.tif}}\n',
        'stains: {"a\\nb": {path: HE.tif}}\n',
        f"stains: {{HE: {{path: {'p' * 10_000}}}}}\n",
        'stains: {HE: {path: "a\\0b"}}\n',
        "stains: {HE: {path: HE.tif}, HE: {path: HE.tif}}\n",
        "stains: {}\n",
        "",
        "\ud800",
        "!!python/object/apply:os.system [echo]\n",
        "x" * 2_000_000,
    ],
    ids=lambda text: str(text)[:24],
)
def test_a_description_that_cannot_be_meant_is_refused(tmp_path: Path, text: str) -> None:
    path = described(tmp_path, text)
    refused(lambda: open_stack(path))


def test_repetitions_that_people_write_are_read(tmp_path: Path) -> None:
    for name in ("HE", "CD31", "MT"):
        tifffile.imwrite(tmp_path / f"{name}.tif", noise(64, 64), photometric="rgb", metadata=None)
    (tmp_path / "stack.yaml").write_text(
        "stains:\n  HE: {path: HE.tif}\n"
        "  CD31: {path: CD31.tif, affine: &a [[1, 0, 3], [0, 1, 0], [0, 0, 1]]}\n"
        "  MT: {path: MT.tif, affine: *a}\n"
    )
    assert open_stack(tmp_path).stains == ("HE", "CD31", "MT")


@pytest.mark.parametrize("name", ["n" * 10_000, "n" * 300])
def test_endless_paths_are_refused(name: str) -> None:
    assert "too long" in refused(lambda: open_stack(name)).lower()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
@pytest.mark.parametrize(
    "read",
    [
        read_json,
        read_affine,
        read_table,
        load_npy,
        load_npz,
        open_stack,
        lambda p: read_displacement(p, (9, 9)),
    ],
)
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "missing"])
def test_pipes_and_devices_are_not_waited_for(
    tmp_path: Path, read: Callable[[Path], object], kind: str
) -> None:
    path = tmp_path / "stack.yaml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    assert str(path) in refused(lambda: read(path))


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, "{", "", "\ufffe", '{"a": 1' + "0" * 9999 + "}"]
)
def test_json_that_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    refused(lambda: read_json(path))
    path.write_bytes(b"\xff\xfe" + text.encode("utf-16-le"))
    refused(lambda: read_json(path))


def test_names_of_files_that_are_no_utf8_come_through_json(tmp_path: Path) -> None:
    document = {"path": os.fsdecode(b"Gr\xfcn.tif"), "name": "β"}
    write_json(tmp_path / "a.json", document)
    assert read_json(tmp_path / "a.json") == document
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == document


def array_that_claims(shape: str) -> bytes:
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + b"\0" * 100


@pytest.mark.parametrize(
    "shape", ["(1000000000000,)", "(2, 1000000, 1000000)", "(-5,)", "(10,)", "('a',)", "(101,)"]
)
def test_arrays_that_claim_another_size_take_no_memory(tmp_path: Path, shape: str) -> None:
    data = array_that_claims(shape)
    (tmp_path / "a.npy").write_bytes(data)
    refused(lambda: load_npy(tmp_path / "a.npy"))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("tiles.npy", data)
    refused(lambda: load_npz(tmp_path / "a.npz"))


def test_whole_arrays_are_read(tmp_path: Path) -> None:
    for array in (np.arange(6).reshape(2, 3), np.zeros(0), np.array(["HE", "β"]), np.float32(1.5)):
        np.save(tmp_path / "a.npy", array)
        np.testing.assert_array_equal(load_npy(tmp_path / "a.npy"), array)
        np.savez(tmp_path / "a.npz", a=array)
        np.savez_compressed(tmp_path / "b.npz", a=array)
        np.testing.assert_array_equal(load_npz(tmp_path / "a.npz")["a"], array)
        np.testing.assert_array_equal(load_npz(tmp_path / "b.npz")["a"], array)


@pytest.mark.parametrize("patch_px", [0, -1])
def test_a_patch_of_no_px_is_refused(tmp_path: Path, patch_px: int) -> None:
    assert f"--patch-px {patch_px}" in refused(lambda: import_model(tmp_path, ["HE"], patch_px))


@pytest.mark.parametrize(("first", "rows"), [("0,1,2,3,4", 3), ("1,2,3,4,5", 3), ("0,1,2,3,0.9", 4)])
def test_a_header_of_numbers_is_no_patch(tmp_path: Path, first: str, rows: int) -> None:
    lines = [first, *[f"0.1,0.2,{k},{k % 2},0.9" for k in range(3)]]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    assert len(read_table(tmp_path / "a.csv").labels) == rows


def test_the_command_line_ends_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    described(tmp_path, "name: 2001-99-99\n" + STAINS)
    for path in (tmp_path, "n" * 10_000):
        assert run(["info", str(path), "--quiet"]) == 2
        assert capsys.readouterr().err.count("\n") == 1
