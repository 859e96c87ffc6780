"""Gestures in the whole window, from the gesture until every dock and the canvas are drawn again.

    xvfb-run -s "-screen 0 1600x1000x24" python benchmarks/bench_window.py [--sizes 10000 100000]

Five JPEG stains of 6,144 px, a run of that many patches with UMAP on disk, the workspace at 1600 x 1000.
Milliseconds, median of the rounds, and in brackets the slowest.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import napari
import numpy as np
from bench_gallery import CLUSTERS, manifest_of
from bench_gallery import made_run as run_in_memory
from bench_read_patches import write_jpeg_stack
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_histoclust.core.model.bundle import Model as Bundle
from napari_histoclust.core.model.bundle import empty_network, save_model
from napari_histoclust.core.model.spec import ModelSpec
from napari_histoclust.core.palette import default_clusters
from napari_histoclust.core.run.embedding import write_embedding
from napari_histoclust.core.run.reader import open_run
from napari_histoclust.core.run.run import Run
from napari_histoclust.core.run.store import ChunkResult, GrowingStore, patch_table
from napari_histoclust.core.slides.stack import open_stack
from napari_histoclust.viewer.gestures import choose
from napari_histoclust.viewer.places import patch_at, world_of_patch
from napari_histoclust.widgets.context import context_of
from napari_histoclust.widgets.open import open_in_napari

SIDE_PX = 6144


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        images = write_jpeg_stack(Path(folder) / "images", SIDE_PX, 256)
        for n in given.sizes:
            run = written_run(Path(folder) / f"run{n}", images, n)
            print(f"\n{len(run):,} patches, milliseconds")
            for name, figures in gestures(run.path, given.rounds):
                print(f"  {name:58}{statistics.median(figures):9.1f}  ({max(figures):.1f})", flush=True)


def written_run(folder: Path, images: Path, n: int) -> Run:
    """A finished run of about n patches on disk."""
    template, stack = run_in_memory(folder.parent / f"template{n}", images, n), open_stack(images)
    grid, rng = template.grids[0], np.random.default_rng(1)
    manifest_of(stack, grid).model_copy(update={"finish_reason": "finished"}).write(folder)
    store = GrowingStore(folder, patch_table([stack.name], [grid], [None]), stack.stains)
    for chunk in store.missing():
        rows = store.rows(chunk)
        size = rows.stop - rows.start
        store.write(
            chunk,
            ChunkResult(
                rng.random((size, 128), np.float32),
                template.labels[rows],
                template.confidence[rows],
                template.entropy[rows],
                rng.random((size, len(stack.stains)), np.float32),
            ),
        )
    store.finish(default_clusters(CLUSTERS), {"format": 1})
    spec = ModelSpec(stains=stack.stains, patch_px=128, input_px=32, clusters=CLUSTERS)
    save_model(Bundle(spec, dict(empty_network(spec).state_dict())), folder / "model")
    angle = 2 * np.pi * template.labels / CLUSTERS
    places = 8 * np.stack([np.cos(angle), np.sin(angle)], axis=1) + rng.normal(0, 1, (len(template), 2))
    return write_embedding(open_run(folder), places.astype(np.float32))


def gestures(folder: Path, rounds: int) -> Iterator[tuple[str, list[float]]]:
    viewer = napari.Viewer()
    viewer.window.resize(1600, 1000)
    QTest.qWait(1000)
    yield "open run, until the window answers again", [timed(lambda: open_in_napari(folder, viewer=viewer))]
    QTest.qWait(15_000)  # the plot, the gallery and the loops of the plot are ready
    context = context_of(viewer)
    session, palette, run = context.session, context.session.palette, context.session.run
    rng = np.random.default_rng(0)

    def repeated(call: Callable[[int], object]) -> list[float]:
        return [timed(lambda i=i: call(i)) for i in range(rounds)]  # type: ignore[misc]

    yield (
        "a third of all patches chosen",
        repeated(lambda _: session.selection.set(rng.random(len(run)) < 1 / 3)),
    )
    yield (
        "a cluster chosen",
        repeated(lambda i: session.selection.set(palette.shown_labels == i % CLUSTERS + 1)),
    )
    yield "click on the tissue", repeated(lambda i: click(context, (i * 9973) % len(run)))
    session.selection.clear()
    yield "merge two clusters", repeated(lambda i: palette.merge([i + 2], into=1))
    yield "undo it", repeated(lambda _: palette.undo())
    yield "recolour", repeated(lambda i: palette.recolour(1, f"#{i * 20:02x}80a0"))
    yield "rename", repeated(lambda i: palette.rename(2, f"tissue {i}"))
    yield "hide and show", repeated(lambda i: palette.hide([3], hidden=i % 2 == 0))
    others = ("confidence", run.stains[0], "cluster")
    yield "colour by something else", repeated(lambda i: session.set_colour_by(others[i % 3]))
    yield "another stain", repeated(lambda i: context.scene.stains.show_number(i % 5))
    session.mark_saved()
    viewer.close()
    QTest.qWait(500)


def click(context: Any, patch: int) -> None:
    """What the click on the place of a patch does."""
    session = context.session
    found = patch_at(session.run, session.slide, world_of_patch(session.run, patch))
    session.set_focus(found)
    choose(session.selection, np.array([found]))


def timed(call: Callable[[], object]) -> float:
    """Milliseconds until everything that the call asked to be drawn has been drawn."""
    start = time.perf_counter()
    call()
    QApplication.processEvents()
    took = (time.perf_counter() - start) * 1000
    QTest.qWait(300)  # what the background still brings is not counted
    return took


if __name__ == "__main__":
    main()
