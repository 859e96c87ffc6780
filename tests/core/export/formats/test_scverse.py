"""A run opened by scanpy, squidpy and spatialdata, in a Python where they are at home.

Their pins hold back libraries that this program uses newer, so they live in an environment of their own
(`make scverse`); what they read there is the folder on disk and nothing else.
"""

from __future__ import annotations

import json
import os
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.runs import make_run
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.export.registry import export_run
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.run.run import Run
from napari_histoclust.core.statistics.neighbourhood import neighbourhood

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="session")
def scverse_python() -> Path:
    """Python of the environment with scanpy, squidpy and spatialdata; skips aloud where there is none."""
    path = Path(os.environ.get("HISTOCLUST_SCVERSE_PYTHON", ROOT / ".venv-scverse" / "bin" / "python"))
    if not path.exists():
        pytest.skip("scanpy, squidpy and spatialdata are not here: run `make scverse`")
    return path


def there(python: Path, code: str, *arguments: Path, ours: bool = False) -> Any:
    """Run `code` in that Python and return what it puts into `result`; `ours`: with this program at hand."""
    whole = f"import json, sys\n{code}\nprint(json.dumps(result))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src") if ours else "", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [str(python), "-c", whole, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=arguments[0].parent,  # not the project: nothing of ours may be found by accident
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


_SQUIDPY = """
import anndata, scanpy, squidpy
a = anndata.read_zarr(sys.argv[1])
squidpy.gr.spatial_neighbors(a, coord_type="grid", n_neighs=4)
squidpy.gr.nhood_enrichment(a, "cluster", n_perms=1000, seed=0, n_jobs=1, show_progress_bar=False)
scanpy.pp.neighbors(a, use_rep="latent", n_neighbors=5)
found = a.uns["cluster_nhood_enrichment"]
result = {
    "counts": found["count"].tolist(),
    "z": found["zscore"].tolist(),
    "cluster": a.obs["cluster"].astype(int).tolist(),
    "colours": list(a.uns["cluster_colors"]),
    "graph": a.obsp["connectivities"].shape[0],
}
h5ad = scanpy.read_h5ad(sys.argv[2])
result |= {
    "same": bool((h5ad.obs["cluster"] == a.obs["cluster"]).all()),
    "latent": bool((h5ad.obsm["latent"] == a.obsm["latent"]).all()),
    "obsm": sorted(h5ad.obsm),
}
"""


@pytest.mark.slow
def test_the_store_of_a_run_as_it_stands_and_its_h5ad(tmp_path: Path, scverse_python: Path) -> None:
    """Squidpy counts the same neighbours; z differs by what two times 1,000 permutations differ."""
    run = make_run(tmp_path / "run", rows=25, cols=30, embedding=True)
    (h5ad,) = drive(export_run(run, ["h5ad"], tmp_path / "exports"))
    found = there(scverse_python, _SQUIDPY, run.path / "patches.zarr", h5ad)
    assert found["cluster"] == run.labels.tolist()
    assert found["colours"] == [cluster.colour for cluster in run.clusters]
    assert found["graph"] == len(run)
    assert found["same"]
    assert found["latent"]
    assert found["obsm"] == ["X_umap", "dye_od", "latent", "spatial", "stain_od"]
    mine = drive(neighbourhood(run, 1000))
    np.testing.assert_array_equal(mine.counts, found["counts"])
    np.testing.assert_allclose(mine.z, found["z"], rtol=0.15, atol=0.3)


_SPATIALDATA = """
from pathlib import Path
from napari_histoclust.core.run.saved import saved_run
from napari_histoclust.core.export.registry import export_run
from napari_histoclust.core.jobs import drive
(path,) = drive(export_run(saved_run(sys.argv[1]), ["spatialdata"], Path(sys.argv[2])))
import spatialdata
from spatialdata import join_spatialelement_table, read_zarr
whole = read_zarr(path)
table = whole["table"]
result = {"systems": sorted(whole.coordinate_systems), "cluster": table.obs["cluster"].astype(int).tolist()}
for name in whole.labels:
    slide = name.removeprefix("clusters_")
    system = "global" if "global" in whole.coordinate_systems else slide
    extent = spatialdata.get_extent(whole[name], coordinate_system=system)
    elements, rows = join_spatialelement_table(whole, "patches_" + slide, table_name="table", how="inner")
    squares = elements["patches_" + slide]
    result[slide] = {
        "extent": [*extent["y"], *extent["x"]],
        "picture": whole[name].values.tolist(),
        "areas": whole["outlines_" + slide].set_index("name").geometry.area.to_dict(),
        "centres": [[p.y, p.x] for p in squares.geometry.centroid],
        "rows": rows.obs["patch"].tolist(),
        "valid": bool(whole["outlines_" + slide].geometry.is_valid.all()),
    }
"""


@pytest.mark.slow
@pytest.mark.parametrize(("slides", "um_per_px"), [(1, 0.25), (2, 0.5), (1, None)])
def test_spatialdata(tmp_path: Path, scverse_python: Path, slides: int, um_per_px: float | None) -> None:
    run = make_run(tmp_path / "run", slides=slides, um_per_px=um_per_px, stride_px=20)
    found = there(scverse_python, _SPATIALDATA, run.path, tmp_path / "exports", ours=True)
    assert {path.name for path in (tmp_path / "exports").iterdir()} == {"spatialdata.zarr"}
    assert found["cluster"] == run.labels.tolist()
    assert found["systems"] == (["global"] if slides == 1 else ["slide_1", "slide_2"])
    for slide in range(slides):
        check_slide(run, slide, found[f"slide_{slide + 1}"], um_per_px or 1.0)


def check_slide(run: Run, slide: int, found: dict[str, Any], units: float) -> None:
    """Labels, squares and outlines lie where the patches do, in um or px."""
    grid, rows = run.grids[slide], run.rows(slide)
    np.testing.assert_array_equal(found["picture"], run.label_picture(slide))
    low = np.array([grid.y_px.min() - grid.row.min() * 20 - 10, grid.x_px.min() - grid.col.min() * 20 - 10])
    y0, y1, x0, x1 = np.array(found["extent"]) / units
    np.testing.assert_allclose([y0, x0], low)
    np.testing.assert_allclose([y1, x1], low + np.array(grid.shape) * 20)
    np.testing.assert_allclose(np.array(found["centres"]) / units, np.stack([grid.y_px, grid.x_px], axis=1))
    assert found["rows"] == list(range(rows.start, rows.stop))
    for cluster in run.clusters:
        patches = (run.labels[rows] == cluster.id).sum()
        assert found["areas"][cluster.name] == pytest.approx(patches * (20 * units) ** 2)
    assert found["valid"]


def test_spatialdata_that_is_not_installed_is_said_before_anything_is_written(tmp_path: Path) -> None:
    if find_spec("spatialdata") is not None:
        pytest.skip("spatialdata is installed here")
    run = make_run(tmp_path / "run")
    with pytest.raises(
        HistoclustError, match=r"--to spatialdata: .* pip install 'napari-histoclust\[spatialdata\]'"
    ):
        drive(export_run(run, ["csv", "spatialdata"], tmp_path / "exports"))
    assert not (tmp_path / "exports").exists()
