"""Opens documents that may be broken, as `worker` does with slides; says a checksum of what it read."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
import worker

Read = Iterator[Any]


def _run(path: Path) -> Read:
    """Everything that the window and the exports read of a run folder."""
    from napari_histoclust.core.jobs import drive
    from napari_histoclust.core.run.columns import check_store
    from napari_histoclust.core.run.reader import open_run, read_latent
    from napari_histoclust.core.run.saved import saved_run
    from napari_histoclust.session.view_state import load_selection, load_view

    run = open_run(path)
    yield [run.labels, run.confidence, run.entropy, run.embedding, run.stain_od, run.dye_od]
    for number, grid in enumerate(run.grids):
        yield [grid.row, grid.col, grid.tissue_fraction, grid.picture(run.labels[run.rows(number)])]
    yield [run.clusters, run.stains, run.dyes]
    yield drive(read_latent(run))
    check_store(path / "patches.zarr")
    for slide in run.manifest.slides:
        assert slide.um_per_px is None or 1e-3 <= slide.um_per_px <= 1e4
        assert min(*slide.shape_px, slide.patch_px, slide.stride_px) >= 1
    saved_run(path)
    load_view(run)
    load_selection(run)
    _model_of(path / "model")


def _model_of(path: Path) -> Any:
    from napari_histoclust.core.model.bundle import load_model

    model = load_model(path)
    assert all(tensor.isfinite().all() for tensor in model.state.values())
    assert len(set(model.spec.stains)) == len(model.spec.stains) > 0
    model.network()
    return model


def _model(path: Path) -> Read:
    model = _model_of(path)
    yield [tensor.numpy() for tensor in model.state.values()]


def _stack(path: Path) -> Read:
    from napari_histoclust.core.slides.stack import open_stack

    stack = open_stack(path)
    assert stack.um_per_px is None or 1e-3 <= stack.um_per_px <= 1e4
    assert all(stack.stains)
    pixels = stack.read(0, 0, 0, min(64, stack.shapes[0][0]), min(64, stack.shapes[0][1]), stack.stains)
    assert pixels.dtype == np.uint8
    yield ""


def _table(path: Path) -> Read:
    from napari_histoclust.core.validation.table import read_table

    table = read_table(path)
    assert np.isfinite(table.features).all()
    yield ""


def _tiles(path: Path) -> Read:
    from napari_histoclust.core.steps.classify_tiles import read_tiles

    yield read_tiles(path)


_KINDS = {"run": _run, "model": _model, "stack": _stack, "table.csv": _table, "tiles.npz": _tiles}


def try_to_open(path: Path) -> tuple[str, str]:
    """Open a document; return "read" and a checksum of what it holds, or "refused" and why."""
    import hashlib

    from napari_histoclust.core.errors import HistoclustError

    digest = hashlib.sha256()
    try:
        for part in _KINDS[path.name](path):
            _add(digest, part)
    except HistoclustError as error:
        sentence, cause = str(error), repr(error.__cause__)
        sentence.encode()
        if "\n" in sentence or str(path) not in sentence:
            return "raised", f"no sentence that names the file: {sentence}"
        if len(sentence) > 2000:
            return "raised", f"a sentence of {len(sentence)} characters"
        return "refused", f"{sentence} {cause if 'Memory' in cause else ''}"
    return "read", digest.hexdigest()


def _add(digest: Any, part: Any) -> None:
    if isinstance(part, np.ndarray):
        digest.update(part.tobytes())
    elif isinstance(part, (list, tuple)):
        for each in part:
            _add(digest, each)
    else:
        digest.update(repr(part).encode("utf-8", "surrogatepass"))


worker.try_to_read = try_to_open

if __name__ == "__main__":
    worker.main()
