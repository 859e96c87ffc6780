"""Another number of clusters, from the slider until every dock and the canvas are drawn again.

    xvfb-run -s "-screen 0 1600x1000x24" python benchmarks/bench_k.py [--sizes 10000 100000 1000000]

Five JPEG stains of 6,144 px, a run of that many patches with ten numbers each and UMAP on disk, a model with
solutions for K = 2 to 40, the workspace at 1600 x 1000. JSON, milliseconds: medians and the slowest, for a K
that was not shown before ("first") and for one that was ("again"); "labels" is the sorting alone, and
"processor" what the process itself was given, which a busy machine does not make longer.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import napari
import numpy as np
import torch
from bench_gallery import CLUSTERS, manifest_of
from bench_gallery import made_run as run_in_memory
from bench_read_patches import write_jpeg_stack
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_histoclust.core.jobs import drive
from napari_histoclust.core.model.bundle import Model, empty_network, save_model
from napari_histoclust.core.model.confidence import Confidence
from napari_histoclust.core.model.posterior import probabilities_of, scores_of
from napari_histoclust.core.model.solutions import Solutions, solve, stack_of
from napari_histoclust.core.model.spec import ModelSpec
from napari_histoclust.core.palette import default_clusters
from napari_histoclust.core.run.embedding import write_embedding
from napari_histoclust.core.run.reader import open_run
from napari_histoclust.core.run.recluster import every_k
from napari_histoclust.core.run.run import Run
from napari_histoclust.core.run.store import ChunkResult, GrowingStore, patch_table
from napari_histoclust.core.slides.stack import open_stack
from napari_histoclust.widgets.clusters.k_slider import KSlider
from napari_histoclust.widgets.open import open_in_napari

SIDE_PX, AXES, TRAINED = 6144, 10, 2_250
KS = (9, 20, 5, 30, 12, 40, 16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        images = write_jpeg_stack(Path(folder) / "images", SIDE_PX, 256)
        for n in given.sizes:
            run = written_run(Path(folder) / f"run{n}", images, n)
            rows.append({"patches": len(run), **sorting(run), **moves(run.path)})
    print(json.dumps({"load": os.getloadavg()[0], "processors": os.cpu_count(), "sizes": rows}, indent=1))


def written_run(folder: Path, images: Path, n: int) -> Run:
    """A finished run of about n patches on disk, with its model."""
    template, stack = run_in_memory(folder.parent / f"template{n}", images, n), open_stack(images)
    rng = np.random.default_rng(1)
    clouds = rng.normal(0, 5, (CLUSTERS, AXES))
    places = (clouds[template.labels - 1] + rng.normal(0, 2, (len(template), AXES))).astype(np.float32)
    centres, overlaps = drive(solve(places[rng.permutation(n)[:TRAINED]].astype(float), CLUSTERS, 0))
    solutions = stack_of(centres, [Confidence(8.0, 0.05)] * len(centres), overlaps)
    grid = template.grids[0]
    manifest_of(stack, grid).model_copy(update={"finish_reason": "finished"}).write(folder)
    table = patch_table([stack.name], [grid], [None])
    store = GrowingStore(folder, table, stack.stains, latent=AXES)
    own = solutions.centres_of(CLUSTERS), solutions.confidence_of(CLUSTERS)
    for chunk in store.missing():
        rows = store.rows(chunk)
        densities = rng.random((rows.stop - rows.start, len(stack.stains)), np.float32)
        scores = scores_of(probabilities_of(places[rows], *own))
        store.write(chunk, ChunkResult(places[rows], *scores, densities))
    store.finish(default_clusters(CLUSTERS), {"format": 1})
    save_model(model_of(solutions, stack.stains), folder / "model")
    angle = 2 * np.pi * template.labels / CLUSTERS
    plot = 8 * np.stack([np.cos(angle), np.sin(angle)], axis=1) + rng.normal(0, 1, (len(template), 2))
    return write_embedding(open_run(folder), plot.astype(np.float32))


def model_of(solutions: Solutions, stains: tuple[str, ...]) -> Model:
    """A bundle with these solutions and untrained encoders."""
    spec = ModelSpec(
        format=2, architecture="neighbours_3", scaling="tissue_strength", stains=stains, patch_px=128,
        input_px=32, clusters=CLUSTERS, latent=AXES,
    )  # fmt: skip
    state = dict(empty_network(spec).state_dict())
    own = solutions.confidence_of(CLUSTERS)
    state["centres"] = torch.from_numpy(solutions.centres_of(CLUSTERS))
    state |= {"temperature": torch.tensor(own.temperature), "lapse": torch.tensor(own.lapse)}
    return replace(Model(spec, state), solutions=solutions)


def sorting(run: Run) -> dict[str, Any]:
    """Milliseconds for the labels, confidence and entropy of all patches."""
    every = drive(every_k(run))
    return {f"labels_K{k}_ms": round(timed(lambda k=k: every.computed(k)), 1) for k in (5, 14, 40)}  # type: ignore[misc]


def moves(folder: Path) -> dict[str, Any]:
    """Milliseconds for moves of the slider."""
    viewer = napari.Viewer()
    viewer.window.resize(1600, 1000)
    QTest.qWait(1000)
    open_in_napari(folder, viewer=viewer)
    QTest.qWait(15_000)  # the plot, the gallery and the loops of the plot are ready
    (slider,) = (each for each in QApplication.allWidgets() if isinstance(each, KSlider))
    while slider.every is None:
        QTest.qWait(50)
    figures = {name: [move(slider, k) for k in KS] for name in ("first", "again")}
    columns = {
        f"{name}{unit}": [pair[place] for pair in pairs]
        for name, pairs in figures.items()
        for place, unit in enumerate(("", "_processor"))
    }
    slider._session.mark_saved()
    viewer.close()
    QTest.qWait(500)
    return {
        f"{name}_{what}_ms": round(of(values), 1)
        for name, values in columns.items()
        for what, of in (("median", statistics.median), ("slowest", max))
    }


def move(slider: KSlider, k: int) -> tuple[float, float]:
    """Move the slider, wait until everything is drawn; return milliseconds, and those of the processor."""

    def call() -> None:
        slider.slider.setValue(k)
        while slider.shown != k:
            QTest.qWait(1)

    before = time.process_time()
    took = timed(call), (time.process_time() - before) * 1000
    QTest.qWait(400)  # what the background still brings is not counted
    return took


def timed(call: Any) -> float:
    """Milliseconds until everything that the call asked to be drawn has been drawn."""
    start = time.perf_counter()
    call()
    if QApplication.instance() is not None:
        QApplication.processEvents()
    return (time.perf_counter() - start) * 1000


if __name__ == "__main__":
    main()
