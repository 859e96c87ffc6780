"""Choosing patches and scrolling along them in the gallery: five stains as JPEG pyramids, patches of 128 px.

    python benchmarks/bench_gallery.py [--sizes 10000 100000 1000000] [--rounds 9]

Where there is no screen: QT_QPA_PLATFORM=offscreen python ... Milliseconds; a figure is the median of the
rounds and in brackets the slowest. "Until the columns in sight are there" is from the choice to the last
thumbnail of the first sight; "kept the window" is what the choice itself held the GUI thread for.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import zarr
from bench_read_patches import write_jpeg_stack
from qtpy.QtWidgets import QApplication

from napari_histoclust.core.atomic import now
from napari_histoclust.core.palette import default_clusters
from napari_histoclust.core.patches.grid import PatchGrid
from napari_histoclust.core.run.manifest import PATCHES, Manifest, SlideEntry
from napari_histoclust.core.run.run import Run
from napari_histoclust.core.slides.stack import Stack, open_stack
from napari_histoclust.session import Session
from napari_histoclust.session.gallery.arrangement import Order
from napari_histoclust.widgets._jobs import JobRunner
from napari_histoclust.widgets.context import Context
from napari_histoclust.widgets.gallery.dock import GalleryDock

SIDE_PX, PATCH_PX, CLUSTERS = 6144, 128, 14
_WIDTH, _HEIGHT = 1500, 640  # fourteen columns in sight


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    application = QApplication.instance() or QApplication([])
    with tempfile.TemporaryDirectory() as folder:
        images = write_jpeg_stack(Path(folder) / "images", SIDE_PX, 256)
        for n in arguments.sizes:
            run = made_run(Path(folder) / str(n), images, n)
            print(f"\n{len(run):,} patches chosen, milliseconds")
            for name, figures in gestures(run, images, arguments.rounds):
                print(f"  {name:66}{statistics.median(figures):9.1f}  ({max(figures):.1f})", flush=True)
    del application


def made_run(folder: Path, images: Path, n: int) -> Run:
    """A run of about n patches with a latent space on disk."""
    stack = open_stack(images)
    stride = max(1, int((SIDE_PX - PATCH_PX) / np.sqrt(n)))
    places = (SIDE_PX - PATCH_PX) // stride + 1
    row, col = (place.ravel()[:n].astype(np.int32) for place in np.indices((places, places)))
    grid = PatchGrid((places, places), PATCH_PX, stride, 0, 1.0, row, col, np.ones(len(row), np.float32))
    rng = np.random.default_rng(0)
    group = zarr.open_group(folder / PATCHES, mode="w", zarr_format=2)
    latent = group.create_array("obsm/latent", shape=(len(row), 128), chunks=(4096, 128), dtype="float32")
    for start in range(0, len(row), 65_536):
        part = rng.exponential(1, (min(65_536, len(row) - start), 128)).astype(np.float32)
        latent[start : start + len(part)] = part / part.sum(1, keepdims=True)
    return Run(
        folder, manifest_of(stack, grid), (grid,), default_clusters(CLUSTERS),
        rng.integers(1, CLUSTERS + 1, len(row)).astype(np.int16),
        rng.random(len(row), np.float32), rng.random(len(row), np.float32),
    )  # fmt: skip


def manifest_of(stack: Stack, grid: PatchGrid) -> Manifest:
    entry = SlideEntry(
        name=stack.name, path=str(stack.path), um_per_px=None, shape_px=stack.shapes[0],
        rows=grid.shape[0], cols=grid.shape[1], patch_px=grid.patch_px, stride_px=grid.stride_px, level=0,
        downsample=1.0, patches=len(grid), tissue_share=1.0, inputs=tuple(stack.inputs()),
    )  # fmt: skip
    return Manifest(
        version="0", versions={}, created=now(), fingerprint=str(len(grid)), seed=0, device="cpu",
        settings={}, slides=(entry,),
    )  # fmt: skip


def gestures(run: Run, images: Path, rounds: int) -> Iterator[tuple[str, list[float]]]:
    """Each with the milliseconds of its rounds."""
    session = Session()
    dock = GalleryDock(Context(session, JobRunner(), None))  # type: ignore[arg-type]
    dock.resize(_WIDTH, _HEIGHT)
    dock.show()
    session.load(run, [open_stack(images)])
    everything = np.ones(len(run), bool)
    has_read = False
    for order in (Order.CONFIDENT, Order.TYPICAL, Order.TYPICAL, Order.DOUBTFUL, Order.RANDOM):
        cold = " (latent space not in memory)" if order is Order.TYPICAL and not has_read else ""
        has_read = has_read or order is Order.TYPICAL
        dock.bar.order.setCurrentIndex(list(Order).index(order))
        chosen = [choose(dock, session, everything) for _ in range(1 if cold else rounds)]
        yield f"{order} first{cold}: until the columns in sight are there", [total for _, total in chosen]
        yield f"{order} first{cold}: kept the window", [held for held, _ in chosen]
    yield from scrolls(dock, rounds)
    session.selection.clear()
    found = [point(dock, session, patch) for patch in range(rounds)]
    yield "a patch pointed at: until its neighbours in sight are there", found
    dock.deleteLater()
    QApplication.sendPostedEvents()


def choose(dock: GalleryDock, session: Session, mask: np.ndarray) -> tuple[float, float]:
    """Milliseconds that the choice held the window, and until the thumbnails in sight are there."""
    session.selection.clear()
    session.set_focus(None)
    settle(dock)
    dock.loader.look_at(dock._images)  # nothing at hand
    started = time.perf_counter()
    session.selection.set(mask)
    held = time.perf_counter() - started
    wait(lambda: is_in_sight(dock))
    return held * 1e3, (time.perf_counter() - started) * 1e3


def point(dock: GalleryDock, session: Session, patch: int) -> float:
    session.set_focus(None)
    settle(dock)
    dock.loader.look_at(dock._images)
    started = time.perf_counter()
    session.set_focus(patch)
    wait(lambda: is_in_sight(dock))
    return (time.perf_counter() - started) * 1e3


def is_in_sight(dock: GalleryDock) -> bool:
    """Whether the last arrangement is shown and its thumbnails are."""
    view = dock.view
    if dock.arranger.is_busy or view.columns is None:
        return False
    return all(dock.loader.get(view.columns.patch(column)) for column in view.seen)


def scrolls(dock: GalleryDock, rounds: int) -> Iterator[tuple[str, list[float]]]:
    """Frames of a drag along everything, nothing of it at hand, then of a slow scroll over what is."""
    settle(dock)
    bar = dock.view.horizontalScrollBar()
    steps = np.linspace(0, bar.maximum(), 20 * rounds).astype(int).tolist()
    bar.setSliderDown(True)
    yield "a frame while the scroll bar is dragged from end to end", [frame(dock, x) for x in steps]
    bar.setSliderDown(False)
    settle(dock)
    near = bar.value() - 2000
    bar.setValue(near)
    settle(dock)
    yield (
        "a frame of a scroll over thumbnails at hand",
        [frame(dock, near + 8 * i) for i in range(20 * rounds)],
    )
    jumps = []
    for place in np.random.default_rng(1).integers(0, bar.maximum(), rounds).tolist():
        started = time.perf_counter()
        bar.setValue(place)
        wait(lambda: is_in_sight(dock))
        jumps.append((time.perf_counter() - started) * 1e3)
    yield "a jump to anywhere: until the columns in sight are there", jumps


def frame(dock: GalleryDock, value: int) -> float:
    started = time.perf_counter()
    dock.view.horizontalScrollBar().setValue(value)
    dock.view.viewport().repaint()
    taken = time.perf_counter() - started
    QApplication.processEvents()
    return taken * 1e3


def wait(is_done: Callable[[], bool]) -> None:
    while not is_done():
        QApplication.processEvents()
        time.sleep(0.001)


def settle(dock: GalleryDock) -> None:
    wait(lambda: dock.is_settled)


if __name__ == "__main__":
    main()
