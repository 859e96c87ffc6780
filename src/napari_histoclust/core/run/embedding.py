"""obsm/X_umap put into a finished store, and replaced there."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import zarr
from numpy.typing import NDArray

from napari_histoclust.core.atomic import move_into_place, readable_disk_errors
from napari_histoclust.core.run.columns import noted, seal_array
from napari_histoclust.core.run.manifest import PATCHES
from napari_histoclust.core.run.store import new_matrix

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run

_ONLY_CHUNK = "0.0"


def write_embedding(run: Run, embedding: NDArray[np.float32]) -> Run:
    """Put the (n, 2) UMAP into the run's store and return the run with it."""
    if embedding.shape != (len(run), 2):
        raise ValueError(f"embedding has shape {embedding.shape}, the run {len(run)} patches")
    write_embedding_array(run.path, embedding)
    return replace(run, embedding=embedding)


def write_embedding_array(folder: Path, embedding: NDArray[np.float32]) -> None:
    """Put obsm/X_umap into a finished store.

    It is one chunk, so that a later one takes the place of an earlier one by the renaming of one file.
    """
    store = (folder / PATCHES).resolve()  # beside it, should it be a link to another disk
    target, partial, aside = (
        store / "obsm" / "X_umap",
        *(store.parent / name for name in (".partial-X_umap", ".histoclust-old-X_umap")),
    )
    with readable_disk_errors(target):
        for left in (partial, aside):
            shutil.rmtree(left, ignore_errors=True)
        matrix = new_matrix(partial, embedding.shape, len(embedding))
        matrix[:] = embedding
        seal_array(matrix)
        if _has_same_layout(target, partial):
            _replace_chunk(target, partial)
        else:
            if target.is_dir():
                target.rename(aside)  # of an older version; a kill here leaves a run without embedding
            move_into_place(partial, target)
        for left in (partial, aside):
            shutil.rmtree(left, ignore_errors=True)


def _replace_chunk(target: Path, partial: Path) -> None:
    """Put the one chunk of a matrix in place; at every moment what it holds is as its attributes say."""
    old, new = (zarr.open_array(path, mode="r+") for path in (target, partial))
    alone = (partial / ".zattrs").read_bytes()
    seal_array(new, *noted(old))
    move_into_place(partial / ".zattrs", target / ".zattrs")
    move_into_place(partial / _ONLY_CHUNK, target / _ONLY_CHUNK)
    (partial / ".zattrs").write_bytes(alone)  # not through Zarr, which would leave its own files at a kill
    move_into_place(partial / ".zattrs", target / ".zattrs")


def _has_same_layout(one: Path, other: Path) -> bool:
    layouts = [(path / ".zarray") for path in (one, other)]
    return all(file.is_file() for file in layouts) and len({file.read_bytes() for file in layouts}) == 1
