"""The promised Python names do the whole job on a small slide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import napari_histoclust as hc
from napari_histoclust.core.jobs import Progress
from stacks import write_stack

TINY = {"patch_px": 32, "patches": 160, "epochs": 4, "clusters": 3, "batch": 20, "input_px": 32}


@pytest.mark.slow
def test_the_whole_job_leaves_a_complete_run_folder_and_is_not_done_twice(tmp_path: Path) -> None:
    stack = hc.open_stack(write_stack(tmp_path / "slides", side_px=384))
    seen: list[Progress] = []
    run = hc.run(stack, tmp_path / "run", progress=seen.append, stride_px=16, **TINY)
    assert {p.name for p in run.path.iterdir()} == {
        "run.json", "patches.zarr", "model", "validation.json", "figures",
    }  # fmt: skip
    assert {"map.png", "umap.png", "histogram.png", "learning_curve.png"} <= {
        p.name for p in (run.path / "figures").iterdir()
    }
    assert set(run.manifest.stages) <= set(hc.open_run(run.path).manifest.stages)
    assert set(hc.open_run(run.path).manifest.stages) == {"fit", "map", "embed", "validate", "figures"}
    assert {"Training", "Mapping"} <= {p.text for p in seen}
    adata = run.to_anndata()
    assert adata.obsm["X_umap"].shape == (len(run), 2)
    np.testing.assert_array_equal(adata.obs["cluster"].astype(int), run.labels)

    seen.clear()
    again = hc.run(stack, tmp_path / "run", progress=seen.append, stride_px=16, **TINY)
    assert not {"Training", "Mapping"} & {p.text for p in seen}
    np.testing.assert_array_equal(again.labels, run.labels)


def test_the_readme_s_two_tissues_are_told_apart(tmp_path: Path) -> None:
    """Fit and map as the README does; the two halves of the slide must not share their clusters."""
    stack = hc.open_stack(write_stack(tmp_path / "slides"))
    settings = TINY | {"clusters": 2, "epochs": 12}
    model = hc.fit(stack, preset="quick", **settings)
    run = hc.map(stack, model, out=tmp_path / "run")
    x = run.grids[0].x_px
    left, right = run.labels[x < 110], run.labels[x > 146]
    assert len(left) > 5
    assert len(right) > 5
    agreement = max(np.mean(left == k) + np.mean(right == 3 - k) for k in (1, 2)) / 2
    assert agreement > 0.9


def test_settings_and_names_that_do_not_exist(tmp_path: Path) -> None:
    stack = hc.open_stack(write_stack(tmp_path / "slides"))
    with pytest.raises(hc.HistoclustError, match="colour='red'"):
        hc.fit(stack, colour="red")
    with pytest.raises(hc.HistoclustError, match="unknown"):
        hc.fit(stack, preset="best")
    with pytest.raises(AttributeError, match="no attribute 'fits'"):
        hc.fits  # noqa: B018
