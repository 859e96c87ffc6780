"""What users and scripts outside rely on, written down by hand: commands, options, files, Python names.

A test that fails here has found a broken promise: mend the program, not the test. What is promised and not
built stands in `GAPS` alone; whoever builds a part of it is told here to take it out.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pytest
from cyclopts import ArgumentCollection

import napari_histoclust as hc
from napari_histoclust import cli
from napari_histoclust.cli.app import app
from stacks import STAINS, write_stack

TINY = "--patch-px 16 --patches 200 --epochs 2 --clusters 3 --batch 30 --encoders 1".split()  # noqa: SIM905
FIT = ["--preset", "--patch-px", "--clusters", "--patches", "--epochs", "--seed", "--device"]
COMMANDS: dict[str, list[str]] = {
    "demo": ["--out", "--quiet"],
    "phantom": ["--size", "--seed", "--quiet"],
    "info": ["--json", "--quiet"],
    "run": ["--out", *FIT, "--stride-px", "--allow-missing", "--quiet"],
    "fit": ["--out", *FIT, "--quiet"],
    "map": ["--model", "--out", "--patch-px", "--stride-px", "--allow-missing", "--device", "--quiet"],
    "embed": ["--seed", "--quiet"],
    "validate": ["--features", "--json", "--quiet"],
    "choose-k": ["--range", "--seeds", "--out", *FIT, "--json", "--quiet"],
    "classify": ["--model", "--out", "--allow-missing", "--device", "--quiet"],
    "import-model": ["--out", "--stains", "--patch-px", "--quiet"],
    "export": ["--to", "--out", "--slides", "--quiet"],
    "open": ["--slides"],
    "doctor": ["--json"],
}
EXPORTS = {
    "geojson": {"clusters.geojson"},
    "ome-tiff": {"labels.ome.tif"},
    "overlay": {"overlay.ome.tif"},
    "ome-zarr": {"labels.ome.zarr"},
    "csv": {"patches.csv", "clusters.csv"},
    "parquet": {"patches.parquet"},
    "h5ad": {"patches.h5ad"},
    "png": {"map.png"},
    "pdf": {"map.pdf"},
    "report": {"report.html"},
}
INDICES = {
    "calinski_harabasz", "log_ss_ratio", "c_index", "mcclain_rao", "dunn", "xie_beni", "silhouette",
    "davies_bouldin",
}  # fmt: skip
OBS = {"row", "col", "y_px", "x_px", "y_um", "x_um", "cluster", "confidence", "entropy", "tissue_fraction"}


@pytest.fixture(autouse=True, scope="module")
def _commands() -> None:
    """The commands are added to the application by its first call."""
    assert call("--help") == 0


def call(*arguments: str | Path) -> int:
    """Run a command as a shell does and return its exit code."""
    try:
        return cli.run([str(argument) for argument in arguments])
    except SystemExit as ended:
        return int(ended.code or 0)


def complaint(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """Return the one line with which a command is refused."""
    capsys.readouterr()
    assert call(*arguments) == 2
    printed = capsys.readouterr()
    (line,) = printed.err.splitlines()
    assert printed.out == ""
    return line


def arguments_of(command: str) -> ArgumentCollection:
    """Return what a command takes."""
    return app[command].assemble_argument_collection()


def options_of(command: str) -> set[str]:
    """Return the flags of a command."""
    return {name for argument in arguments_of(command) for name in argument.names}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with slides and a run of them, made by the command."""
    folder = tmp_path_factory.mktemp("promise")
    assert call("run", write_stack(folder / "slides"), "--out", folder / "run", *TINY, "--quiet") == 0
    return folder


def printed_json(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict[str, Any]:
    """Return the one JSON document that a command prints."""
    capsys.readouterr()
    assert call(*arguments) == 0
    return dict(json.loads(capsys.readouterr().out))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_its_options(command: str) -> None:
    assert call(command, "--help") == 0
    assert set(COMMANDS[command]) <= options_of(command)


GAPS: dict[str, Callable[[], bool]] = {
    "register": lambda: "register" in set(app),
    "open without a name": lambda: not arguments_of("open")[0].required,
    "napari-histoclust without a command": lambda: app.default_command is not None,
}


@pytest.mark.parametrize("gap", GAPS)
def test_a_gap_is_a_gap_still(gap: str) -> None:
    assert not GAPS[gap](), f"{gap} is built: take it out of GAPS and hold it by a test"


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in ("demo", "doctor")])
def test_what_the_user_can_mend_is_2_and_one_line(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file in the place of a new folder, or a folder that is not there: its name is in the sentence."""
    name = tmp_path / "nowhere"
    needed: dict[str, list[str]] = {
        "run": ["--out", "out"],
        "fit": ["--out", "out"],
        "map": ["--model", str(name), "--out", "out"],
        "choose-k": ["--range", "2:3", "--out", "out"],
        "classify": ["--model", str(name), "--out", "labels.csv"],
        "import-model": ["--out", "out", "--stains", "HE,MT", "--patch-px", "128"],
        "export": ["--to", "csv"],
    }
    if command == "phantom":
        name.write_text("no folder")
    assert "nowhere" in complaint(capsys, command, name, *needed.get(command, []))
    assert sorted(tmp_path.iterdir()) == ([name] if command == "phantom" else [])


def test_an_unknown_option_and_a_wrong_value_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for wrong in (["--colour", "red"], ["--device", "abacus"], ["--preset", "best"], ["--clusters", "1"]):
        line = complaint(capsys, "fit", tmp_path, "--out", tmp_path / "out", *wrong)
        assert wrong[0].lstrip("-") in line


def test_presets() -> None:
    from napari_histoclust.core.config import PRESETS

    assert {"paper", "robust"} <= set(PRESETS)
    for command in ("run", "fit", "choose-k"):
        (preset,) = (a for a in arguments_of(command) if "--preset" in a.names)
        assert preset.field_info.default == "robust"


def test_python_names() -> None:
    for name in ("open_stack", "fit", "map", "run", "open_run", "load_model", "save_model"):
        assert callable(getattr(hc, name))
        assert name in hc.__all__
    assert issubclass(hc.HistoclustError, Exception)
    assert isinstance(hc.__version__, str)
    assert {"stack", "preset", "progress", "settings"} <= set(signature(hc.fit).parameters)
    assert {"stack", "model", "out", "progress", "settings"} <= set(signature(hc.map).parameters)
    assert {"stack", "out", "preset", "progress", "settings"} <= set(signature(hc.run).parameters)


def test_info_and_doctor_are_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = printed_json(capsys, "info", folder / "slides", "--json")
    assert {"stains", "um_per_px", "levels", "tissue_share", "alignment", "warnings"} <= document.keys()
    assert document["stains"] == list(STAINS)
    assert printed_json(capsys, "doctor", "--json")["checks"]


def test_the_run_folder(folder: Path) -> None:
    run = folder / "run"
    promised = {"run.json", "patches.zarr", "model", "validation.json", "figures"}
    assert {p.name for p in run.iterdir()} >= promised
    assert {p.name for p in (run / "model").iterdir()} == {"model.safetensors", "model.json"}
    figures = {p.name for p in (run / "figures").iterdir()}
    assert {"umap.png", "map.png", "histogram.png", "learning_curve.png"} <= figures
    used = set(hc.open_run(run).labels.tolist())
    assert {f"montage_{k}.png" for k in used} <= figures

    manifest = json.loads((run / "run.json").read_text())
    assert {"versions", "settings", "seed", "device", "slides", "stages", "finish_reason"} <= manifest.keys()
    (slide,) = manifest["slides"]
    assert [image["stain"] for image in slide["inputs"]] == list(STAINS)
    assert {"path", "size", "mtime", "header_sha256", "reader"} <= slide["inputs"][0].keys()
    assert {"fit", "map", "embed", "validate"} <= manifest["stages"].keys()

    model = json.loads((run / "model" / "model.json").read_text())
    assert {"format", "architecture", "stains", "patch_px", "um_per_px", "history"} <= model.keys()


def test_the_patches_are_an_anndata_store(folder: Path) -> None:
    adata = anndata.read_zarr(folder / "run" / "patches.zarr")
    assert set(adata.obs) >= OBS
    assert {"latent", "X_umap", "spatial"} <= set(adata.obsm)
    assert {"clusters", "histoclust"} <= set(adata.uns)
    assert len(adata.layers) == 0
    assert len(adata.uns["clusters"]["name"]) == len(adata.uns["clusters"]["colour"]) == 3
    assert adata.obs["cluster"].dtype == "category"
    assert set(adata.obs["cluster"].astype(int)) <= {1, 2, 3}
    np.testing.assert_allclose(adata.obsm["spatial"], adata.obs[["x_um", "y_um"]])
    np.testing.assert_allclose(adata.obs["y_px"], adata.obs["row"] * 16 + 8)
    assert set(hc.open_run(folder / "run").to_anndata().obs) >= OBS


def test_validate(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows, labels = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2 + 1
    np.savetxt(tmp_path / "t.csv", np.column_stack([rows, labels, np.full(60, 0.9)]), delimiter=",")
    for source in ([folder / "run"], ["--features", tmp_path / "t.csv"]):
        document = printed_json(capsys, "validate", *source, "--json")
        assert {"n", "k"} <= document.keys()
        assert document["indices"].keys() == INDICES
    assert (document["n"], document["k"]) == (60, 2)
    file = json.loads((folder / "run" / "validation.json").read_text())
    assert {"n", "k"} <= file.keys()
    assert file["indices"].keys() == INDICES


def test_exports(folder: Path, tmp_path: Path) -> None:
    assert call("export", folder / "run", "--to", ",".join(EXPORTS), "--out", tmp_path, "--quiet") == 0
    assert {p.name for p in tmp_path.iterdir()} >= set().union(*EXPORTS.values())


def test_classify(folder: Path, tmp_path: Path) -> None:
    tiles = np.random.default_rng(0).integers(0, 255, (4, len(STAINS), 16, 16, 3)).astype(np.uint8)
    np.savez(tmp_path / "tiles.npz", tiles=tiles, stains=STAINS)
    labels, model = tmp_path / "labels.csv", folder / "run" / "model"
    assert call("classify", tmp_path / "tiles.npz", "--model", model, "--out", labels, "--quiet") == 0
    rows = list(csv.DictReader(labels.read_text().splitlines()))
    assert list(rows[0]) == ["tile", "cluster", "confidence"]
    assert len(rows) == 4
    assert all(int(row["cluster"]) in (1, 2, 3) and 0 <= float(row["confidence"]) <= 1 for row in rows)
