"""What users and scripts outside rely on, written down by hand: commands, options, files, Python names.

A test that fails here has found a broken promise: mend the program, not the test. What is promised but not
built yet stands in `GAPS` and `NO_COMMAND`; whoever builds it moves it into the lists above.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pytest

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
    "run": ["--out", *FIT, "--stride-px", "--quiet"],
    "fit": ["--out", *FIT, "--quiet"],
    "map": ["--model", "--out", "--patch-px", "--stride-px", "--device", "--quiet"],
    "embed": ["--seed", "--quiet"],
    "validate": ["--features", "--json", "--quiet"],
    "choose-k": ["--range", "--seeds", "--out", *FIT, "--json", "--quiet"],
    "classify": ["--model", "--out", "--device", "--quiet"],
    "import-model": ["--out", "--stains", "--patch-px", "--quiet"],
    "export": ["--to", "--out", "--quiet"],
    "open": [],
    "doctor": ["--json"],
}
NO_COMMAND = ["register"]
"""Promised commands that are not built."""
GAPS = [("map", "--allow-missing"), ("open", "--slides"), ("export", "--slides")]
"""Promised options that are not built."""

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
OBS = {
    "row", "col", "y_px", "x_px", "y_um", "x_um", "cluster", "confidence", "entropy", "tissue_fraction",
}  # fmt: skip


def call(*arguments: str | Path) -> int:
    """Run a command as a shell does and return its exit code."""
    try:
        return cli.run([str(argument) for argument in arguments])
    except SystemExit as ended:
        assert ended.code is None or isinstance(ended.code, int)
        return ended.code or 0


def complaint(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """Return the one line with which a command is refused."""
    capsys.readouterr()
    assert call(*arguments) == 2
    printed = capsys.readouterr()
    (line,) = printed.err.splitlines()
    assert printed.out == ""
    return line


def options_of(command: str) -> set[str]:
    """Return the flags of a command."""
    assert call(command, "--help") == 0  # loads all commands
    return {name for argument in app[command].assemble_argument_collection() for name in argument.names}


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
    document = json.loads(capsys.readouterr().out)
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_its_options(command: str) -> None:
    assert set(COMMANDS[command]) <= options_of(command)


@pytest.mark.parametrize("command", NO_COMMAND)
def test_a_missing_command_is_missing_still(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "Unknown command" in complaint(capsys, command, "slides", "--out", "out")


@pytest.mark.parametrize(("command", "option"), GAPS)
def test_a_missing_option_is_missing_still(command: str, option: str) -> None:
    assert option not in options_of(command), "built: move it from GAPS to COMMANDS"


def test_open_without_a_name_is_missing_still(capsys: pytest.CaptureFixture[str]) -> None:
    """Promised for both: an empty workspace with its guide."""
    assert "requires an argument" in complaint(capsys, "open")
    assert call() == 0
    assert capsys.readouterr().out.startswith("Usage: ")


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in ("demo", "doctor")])
def test_what_the_user_can_mend_is_2_and_one_line(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file in the place of a new folder, or a folder that is not there: its name is in the sentence."""
    name = tmp_path / "nowhere"
    needed: dict[str, list[str]] = {
        "run": ["--out", "out"],
        "fit": ["--out", "out"],
        "map": ["--model", "model", "--out", "out"],
        "choose-k": ["--range", "2:3", "--out", "out"],
        "classify": ["--model", "model", "--out", "labels.csv"],
        "import-model": ["--out", "out", "--stains", "HE,MT", "--patch-px", "128"],
        "export": ["--to", "csv"],
    }
    if command == "phantom":
        name.write_text("no folder")
    line = complaint(capsys, command, name, *needed.get(command, []))
    assert "nowhere" in line or "model" in line
    assert "Traceback" not in line
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
        (preset,) = (a for a in app[command].assemble_argument_collection() if "--preset" in a.names)
        assert preset.field_info.default == "robust"


def test_python_names() -> None:
    for name in ("open_stack", "fit", "map", "run", "open_run", "load_model", "save_model"):
        assert callable(getattr(hc, name))
        assert name in hc.__all__
    assert issubclass(hc.HistoclustError, Exception)
    assert isinstance(hc.__version__, str)


def test_info_and_doctor_are_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = printed_json(capsys, "info", folder / "slides", "--json")
    assert {"stains", "um_per_px", "levels", "tissue_share", "alignment", "warnings"} <= document.keys()
    assert document["stains"] == list(STAINS)
    assert printed_json(capsys, "doctor", "--json")["checks"]


def test_the_run_folder(folder: Path) -> None:
    run = folder / "run"
    assert {p.name for p in run.iterdir()} == {
        "run.json", "patches.zarr", "model", "validation.json", "figures",
    }  # fmt: skip
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
    again = hc.open_run(folder / "run").to_anndata()
    assert set(again.obs) >= OBS


def test_validate(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = np.random.default_rng(0).normal(size=(60, 3))
    labels = np.arange(60) % 2 + 1
    np.savetxt(tmp_path / "t.csv", np.column_stack([rows, labels, np.full(60, 0.9)]), delimiter=",")
    file = json.loads((folder / "run" / "validation.json").read_text())
    for source in ([folder / "run"], ["--features", tmp_path / "t.csv"]):
        document = printed_json(capsys, "validate", *source, "--json")
        assert {"n", "k"} <= document.keys()
        assert document["indices"].keys() == INDICES
    assert (document["n"], document["k"]) == (60, 2)
    assert {"n", "k"} <= file.keys()
    assert file["indices"].keys() == INDICES


def test_exports(folder: Path, tmp_path: Path) -> None:
    assert call("export", folder / "run", "--to", ",".join(EXPORTS), "--out", tmp_path, "--quiet") == 0
    assert {p.name for p in tmp_path.iterdir()} >= set().union(*EXPORTS.values())


def test_classify(folder: Path, tmp_path: Path) -> None:
    tiles = np.random.default_rng(0).integers(0, 255, (4, len(STAINS), 16, 16, 3)).astype(np.uint8)
    np.savez(tmp_path / "tiles.npz", tiles=tiles, stains=STAINS)
    labels = tmp_path / "labels.csv"
    model = folder / "run" / "model"
    assert call("classify", tmp_path / "tiles.npz", "--model", model, "--out", labels, "--quiet") == 0
    with labels.open() as opened:
        rows = list(csv.DictReader(opened))
    assert list(rows[0]) == ["tile", "cluster", "confidence"]
    assert len(rows) == 4
    assert all(int(row["cluster"]) in (1, 2, 3) and 0 <= float(row["confidence"]) <= 1 for row in rows)
