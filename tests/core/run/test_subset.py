"""Some patches of a run, taken as a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.runs import make_run
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.run.reader import read_latent
from napari_histoclust.core.run.run import Run, subset_of
from napari_histoclust.core.statistics.cluster_stats import summarise_clusters


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_run(tmp_path_factory.mktemp("part") / "run", slides=2, embedding=True)


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_every_array_keeps_its_patches(run: Run, data: st.DataObject) -> None:
    kept = data.draw(st.sets(st.integers(0, len(run) - 1), min_size=1))
    chosen = np.isin(np.arange(len(run)), list(kept))
    part = subset_of(run, chosen)
    np.testing.assert_array_equal(part.ids, sorted(kept))
    for name in ("labels", "confidence", "entropy", "embedding", "stain_od", "dye_od", "slide_index"):
        np.testing.assert_array_equal(getattr(part, name), getattr(run, name)[chosen])
    np.testing.assert_array_equal(drive(read_latent(part)), drive(read_latent(run))[chosen])
    for slide, (ours, whole) in enumerate(zip(part.grids, run.grids, strict=True)):
        mine = chosen[run.rows(slide)]
        np.testing.assert_array_equal(ours.y_px, whole.y_px[mine])
        picture = np.where(whole.picture(mine), run.label_picture(slide), 0)
        np.testing.assert_array_equal(part.label_picture(slide), picture)
    assert {cluster.id for cluster in part.clusters} == set(run.labels[chosen].tolist())
    assert sum(line.patches for line in summarise_clusters(part)) == len(part) == len(kept)


def test_a_part_of_a_part_has_the_ids_of_the_whole(run: Run) -> None:
    third = subset_of(run, np.arange(len(run)) % 3 == 0)
    part = subset_of(third, np.arange(len(third)) % 2 == 1)
    np.testing.assert_array_equal(part.ids, np.arange(len(run))[::3][1::2])
    np.testing.assert_array_equal(drive(read_latent(part)), drive(read_latent(run))[::3][1::2])
    for name in ("embedding", "stain_od", "dye_od"):
        np.testing.assert_array_equal(getattr(part, name), getattr(run, name)[::3][1::2])
    assert part.to_anndata().obs["row"].tolist() == run.to_anndata().obs["row"].tolist()[::3][1::2]


def test_none_is_refused(run: Run) -> None:
    with pytest.raises(HistoclustError, match="No patch is selected"):
        subset_of(run, np.zeros(len(run), bool))


def test_one_slide_may_be_empty(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", slides=2)
    part = subset_of(run, run.slide_index == 1)
    assert [entry.patches for entry in part.manifest.slides] == [0, len(run.grids[1])]
    assert not part.label_picture(0).any()
