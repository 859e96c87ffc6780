from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.runs import make_run
from core.validation.literal import blobs
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.validation.indices import compute_indices
from napari_histoclust.core.validation.measures import INDICES
from napari_histoclust.core.validation.report import (
    VALIDATION,
    ValidationReport,
    validate_clustering,
    validate_run,
)


def report(
    n: int = 300, k: int = 3, clusters: int = 3, at_most: int = 20_000, seed: int = 765
) -> ValidationReport:
    points, labels = blobs(n, 4, k)
    confidence = np.linspace(0, 1, n)
    return drive(validate_clustering(points, labels + 1, confidence, clusters, "blobs", seed, at_most))


def test_indices_baseline_and_agreement_stand_side_by_side() -> None:
    points, labels = blobs(300, 4, 3)
    found = report()
    assert found.indices == drive(compute_indices(points, labels))
    assert found.baseline.k == 3
    # k-means minimises WGSS, so that no clustering into as many beats it where it ends well
    assert (found.baseline.values["calinski_harabasz"] or 0) >= (
        found.indices.values["calinski_harabasz"] or 0
    )
    assert found.agreement.adjusted_rand > 0.5
    assert found.sizes == tuple(np.bincount(labels))
    assert found.share_of_empty_clusters == 0


def test_empty_clusters_are_counted_and_said() -> None:
    found = report(clusters=5)
    assert found.sizes[3:] == (0, 0)
    assert found.mean_confidence[3:] == (None, None)
    assert found.share_of_empty_clusters == 0.4
    assert "2 of 5 clusters are empty" in found.sentence
    assert found.indices.k == found.baseline.k == 3


def test_mean_confidence_of_each_cluster() -> None:
    found = drive(
        validate_clustering(
            np.eye(4), np.array([1, 1, 2, 2]), np.array([0.5, 1, 0.25, 0.25]), 2, "unit vectors"
        )
    )
    assert found.mean_confidence == (0.75, 0.25)


def test_a_large_run_is_sampled_and_the_report_says_so() -> None:
    found, again = report(n=900, at_most=200), report(n=900, at_most=200)
    assert found == again
    assert found.indices.n == found.baseline.n == 200
    assert sum(found.sizes) == found.patches == 900
    assert "200 of 900 patches" in found.sentence
    assert report(n=900, at_most=200, seed=1) != found


@pytest.mark.parametrize("n", [1, 2, 50])
def test_a_model_that_put_all_into_one_cluster_gets_a_report(n: int) -> None:
    points = np.random.default_rng(0).normal(size=(n, 3))
    found = drive(validate_clustering(points, np.ones(n, np.int16), np.ones(n), 4, "noise"))
    assert set(found.indices.values.values()) == {None}
    assert found.sizes == (n, 0, 0, 0)
    assert "All patches lie in one cluster" in found.sentence


def test_the_document_is_json_and_starts_as_the_command_line_promises() -> None:
    document = json.loads(json.dumps(report(clusters=4).document(), allow_nan=False))
    assert list(document)[:3] == ["n", "k", "indices"]
    assert list(document["indices"]) == list(document["kmeans"]["indices"]) == list(INDICES)
    assert document["clusters"][3] == {"id": 4, "patches": 0, "mean_confidence": None}
    assert "do not tell whether a cluster is a tissue" in document["sentence"]


def test_a_run_gets_its_validation_json(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", clusters=4, slides=2)
    found = drive(validate_run(run))
    assert json.loads((run.path / VALIDATION).read_text()) == found.document()
    assert (found.patches, found.indices.k, len(found.sizes)) == (len(run), 4, 4)
    assert found.document()["features"].startswith("softmax over the 128 channels")
