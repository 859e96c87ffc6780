"""Tiny finished run folders, written through the program's own store: no model, no images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_histoclust.core.atomic import now
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.model.bundle import Model, empty_network, save_model
from napari_histoclust.core.model.confidence import Confidence
from napari_histoclust.core.model.posterior import probabilities_of, scores_of
from napari_histoclust.core.model.solutions import Solutions, solve, stack_of
from napari_histoclust.core.model.spec import ModelSpec
from napari_histoclust.core.palette import Cluster, default_clusters
from napari_histoclust.core.patches.grid import PatchGrid
from napari_histoclust.core.run.embedding import write_embedding
from napari_histoclust.core.run.manifest import InputFile, Manifest, SlideEntry
from napari_histoclust.core.run.reader import open_run
from napari_histoclust.core.run.run import Run
from napari_histoclust.core.run.store import LATENT, ChunkResult, GrowingStore, patch_table
from napari_histoclust.core.slides.stack import open_stack

STAINS = ("HE", "CD31")
FIVE = ("HE", "CD31", "CK19", "Ki67", "MT")
DYES = ("HE haematoxylin", "HE eosin", "CD31 haematoxylin", "CD31 DAB")


def make_run(
    folder: Path,
    *,
    rows: int = 12,
    cols: int = 15,
    clusters: int | Sequence[Cluster] = 4,
    slides: int = 1,
    um_per_px: float | None = 0.5,
    seed: int = 0,
    patch_px: int = 32,
    stride_px: int | None = None,
    level: int = 0,
    downsample: float = 1.0,
    embedding: bool = False,
    paths: Sequence[Path] | None = None,
    every_outlier: int | None = None,
) -> Run:
    """Write a finished run of `slides` slides to `folder` and open it.

    Clusters form patches of tissue on the slide and clouds in the latent space; a round tissue with a hole
    leaves places without a patch. Every cluster has a patch as long as there are enough of them.

    Parameters
    ----------
    clusters : int or sequence of Cluster
        How many (with their default names and colours), or which.
    stride_px : int, optional
        The patch side if not given.
    embedding : bool
        Whether obsm/X_umap is there.
    paths : sequence of Path, optional
        Where the slides' images lie; nowhere if not given.
    every_outlier : int, optional
        Each such patch is an outlier; the run does not know of outliers if not given.
    """
    rng = np.random.default_rng(seed)
    named = default_clusters(clusters) if isinstance(clusters, int) else tuple(clusters)
    lattice = _Lattice((rows, cols), patch_px, stride_px or patch_px, level, downsample)
    grids = [lattice.grid(rng) for _ in range(slides)]
    labels = np.concatenate([_regions(grid, len(named), rng) for grid in grids])
    labels[: len(named)] = np.arange(1, len(named) + 1)[: len(labels)]
    return write_run(
        folder, grids, labels, named, um_per_px,
        seed=seed, embedding=embedding, paths=paths, every_outlier=every_outlier,
    )  # fmt: skip


def write_run(
    folder: Path,
    grids: Sequence[PatchGrid],
    labels: NDArray[np.int16],
    clusters: int | Sequence[Cluster],
    um_per_px: float | None = 0.5,
    *,
    seed: int = 0,
    embedding: bool = False,
    paths: Sequence[Path] | None = None,
    names: Sequence[str] | None = None,
    every_outlier: int | None = None,
) -> Run:
    """Write a finished run of these lattices and labels to `folder` and open it."""
    rng = np.random.default_rng(seed + 1)
    named = default_clusters(clusters) if isinstance(clusters, int) else tuple(clusters)
    names = names or [f"slide {i + 1}" for i in range(len(grids))]
    where = paths or [folder.parent / "images" / name for name in names]
    entries = [
        _entry(name, path, grid, um_per_px) for name, path, grid in zip(names, where, grids, strict=True)
    ]
    _manifest(entries, seed).write(folder)
    table = patch_table(names, grids, [um_per_px] * len(grids))
    result = _result(labels, len(named), rng)
    if every_outlier is None:
        store = GrowingStore(folder, table, STAINS, DYES)
    else:
        store = GrowingStore(folder, table, STAINS, DYES, farthest=2.0)
        odd = np.arange(len(labels)) % every_outlier == 0
        result = replace(result, distance=np.where(odd, 3, 1).astype(np.float32))
    _fill(store, result, named)
    run = open_run(folder)
    return write_embedding(run, _embedding(labels, rng)) if embedding else run


class _Lattice:
    def __init__(
        self, shape: tuple[int, int], patch_px: int, stride_px: int, level: int, downsample: float
    ) -> None:
        self.shape, self.patch_px, self.stride_px = shape, patch_px, stride_px
        self.level, self.downsample = level, downsample

    def grid(self, rng: np.random.Generator) -> PatchGrid:
        """Round tissue with a hole, in an order that is not row by row (as blocks are not)."""
        y, x = np.indices(self.shape)
        unit = [2 * (axis + 0.5) / side - 1 for axis, side in zip((y, x), self.shape, strict=True)]
        radius = np.hypot(*unit)
        row, col = np.nonzero((radius < 1.1) & (np.hypot(unit[0] - 0.2, unit[1] + 0.3) > 0.25))
        order = np.lexsort((col, row, col // 4, row // 4))
        return PatchGrid(
            shape=self.shape,
            patch_px=self.patch_px,
            stride_px=self.stride_px,
            level=self.level,
            downsample=self.downsample,
            row=row[order].astype(np.int32),
            col=col[order].astype(np.int32),
            tissue_fraction=rng.uniform(0.5, 1, len(row)).astype(np.float32),
        )


def _regions(grid: PatchGrid, k: int, rng: np.random.Generator) -> NDArray[np.int16]:
    """Nearest of 2k random seeds, with one patch in twelve of another cluster."""
    seeds = rng.uniform((0, 0), grid.shape, (2 * k, 2))
    distance = np.hypot(grid.row[:, None] - seeds[:, 0], grid.col[:, None] - seeds[:, 1])
    labels = distance.argmin(1) % k + 1
    stray = rng.random(len(grid)) < 1 / 12
    labels[stray] = rng.integers(1, k + 1, int(stray.sum()))
    return labels.astype(np.int16)


def _result(labels: NDArray[np.int16], k: int, rng: np.random.Generator) -> ChunkResult:
    """Latent that sums to 1 like the method's; probabilities of which `labels` are the argmax."""
    centres = rng.normal(0, 1, (k, LATENT))
    exponent = np.exp(centres[labels - 1] + rng.normal(0, 0.4, (len(labels), LATENT)))
    probability = rng.dirichlet(np.ones(k), len(labels))
    probability = 0.4 * probability + 0.6 * np.eye(k)[labels - 1]
    entropy = -(probability * np.log(probability + 1e-8)).sum(1)
    return ChunkResult(
        latent=(exponent / exponent.sum(1, keepdims=True)).astype(np.float32),
        cluster=labels,
        confidence=probability.max(1).astype(np.float32),
        entropy=entropy.astype(np.float32),
        stain_od=rng.uniform(0.1, 0.6, (len(labels), len(STAINS))).astype(np.float32),
        dye_od=rng.uniform(-0.1, 0.8, (len(labels), len(DYES))).astype(np.float32),
    )


def _fill(store: GrowingStore, result: ChunkResult, clusters: Sequence[Cluster]) -> None:
    for chunk in store.missing():
        rows = store.rows(chunk)
        store.write(
            chunk,
            ChunkResult(
                **{
                    field.name: None if values is None else values[rows]
                    for field in fields(result)
                    for values in [getattr(result, field.name)]
                }
            ),
        )
    store.finish(clusters, {"format": 1})


def _embedding(labels: NDArray[np.int16], rng: np.random.Generator) -> NDArray[np.float32]:
    angle = 2 * np.pi * labels / labels.max()
    centres = 8 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return (centres + rng.normal(0, 1, centres.shape)).astype(np.float32)


def _entry(name: str, path: Path, grid: PatchGrid, um_per_px: float | None) -> SlideEntry:
    """A slide a little larger than its lattice, as slides are."""
    sides = [
        int(((n - 1) * grid.stride_px + grid.patch_px) * grid.downsample) + rest
        for n, rest in zip(grid.shape, (5, 11), strict=True)
    ]
    lines: Sequence[dict[str, Any]]
    lines = [{"stain": stain, "path": str(path / f"{stain}.ome.tif")} for stain in FIVE]
    if path.exists():
        stack = open_stack(path)
        lines, sides = stack.inputs(), list(stack.shapes[0])
    return SlideEntry(
        name=name,
        path=str(path),
        um_per_px=um_per_px,
        shape_px=(sides[0], sides[1]),
        rows=grid.shape[0],
        cols=grid.shape[1],
        patch_px=grid.patch_px,
        stride_px=grid.stride_px,
        level=grid.level,
        downsample=grid.downsample,
        patches=len(grid),
        tissue_share=round(len(grid) / (grid.shape[0] * grid.shape[1]), 6),
        inputs=tuple(InputFile.model_validate(line) for line in lines),
    )


def _manifest(entries: Sequence[SlideEntry], seed: int) -> Manifest:
    return Manifest(
        version="0",
        versions={},
        created=now(),
        finish_reason="finished",
        fingerprint="made for tests",
        seed=seed,
        device="cpu",
        settings={},
        slides=tuple(entries),
    )


def make_every_k_run(
    folder: Path,
    *,
    rows: int = 18,
    cols: int = 20,
    clusters: int = 4,
    tissues: int = 7,
    embedding: bool = False,
) -> Run:
    """Write a run as the robust preset makes it, with its model: `tissues` clouds in four axes.

    So many patches that there are solutions for K = 2 to 14.
    """
    run = make_run(folder.parent / f"{folder.name}-plain", rows=rows, cols=cols, clusters=tissues)
    rng = np.random.default_rng(5)
    clouds = rng.normal(0, 6, (tissues, 4))
    places = (clouds[run.labels - 1] + rng.normal(0, 1, (len(run), 4))).astype(np.float32)
    centres, overlaps = drive(solve(places.astype(float), clusters, 0))
    solutions = stack_of(centres, [Confidence(2.0 + 0.1 * k, 0.02) for k in range(len(centres))], overlaps)
    probabilities = probabilities_of(
        places, solutions.centres_of(clusters), solutions.confidence_of(clusters)
    )
    labels, confidence, entropy = scores_of(probabilities)
    result = replace(_result(labels, clusters, rng), latent=places, confidence=confidence, entropy=entropy)
    run.manifest.write(folder)
    table = patch_table(run.slides, run.grids, run.um_per_px)
    _fill(GrowingStore(folder, table, STAINS, DYES, latent=4), result, default_clusters(clusters))
    save_model(_model_of(solutions, clusters), folder / "model")
    made = open_run(folder)
    return write_embedding(made, _embedding(run.labels, rng)) if embedding else made


def _model_of(solutions: Solutions, clusters: int) -> Model:
    spec = ModelSpec(
        format=2, architecture="neighbours_3", scaling="tissue_strength", stains=STAINS, patch_px=32,
        input_px=32, clusters=clusters, latent=4,
    )  # fmt: skip
    state = dict(empty_network(spec).state_dict())
    state["centres"] = torch.from_numpy(solutions.centres_of(clusters))
    own = solutions.confidence_of(clusters)
    state |= {"temperature": torch.tensor(own.temperature), "lapse": torch.tensor(own.lapse)}
    return Model(spec, state, solutions)
