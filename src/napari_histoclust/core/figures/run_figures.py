"""The figures of a run, drawn and written; the thin layer between a run and the drawing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.figures.clusters import draw_confidence, draw_histogram
from napari_histoclust.core.figures.curves import draw_learning_curve
from napari_histoclust.core.figures.density import densities, draw_density
from napari_histoclust.core.figures.k_tree import draw_k_tree
from napari_histoclust.core.figures.montage import TOP, Montage, draw_montage, read_patch, top_rows
from napari_histoclust.core.figures.reliability import draw_reliability
from napari_histoclust.core.figures.scatter import draw_scatter
from napari_histoclust.core.figures.slide_map import MapPanel, draw_map, grid_extent_px, read_thumbnail
from napari_histoclust.core.figures.style import counts, save
from napari_histoclust.core.jobs import Job, Progress, drive
from napari_histoclust.core.one_writer import one_writer
from napari_histoclust.core.run.edits import load_edits, unedited
from napari_histoclust.core.run.originals import OtherImageError
from napari_histoclust.core.run.reader import open_run
from napari_histoclust.core.run.recluster import every_k, hindrance_of
from napari_histoclust.core.run.run import Run
from napari_histoclust.core.slides.stack import Stack
from napari_histoclust.core.statistics.k_tree import count_tree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Format = Literal["png", "pdf", "svg"]
Stacks = Sequence[Stack | None]
Drawn = tuple[str, "Figure"]


def draw_figures(run: Run, folder: Path | None = None, file_format: Format = "png") -> Job[tuple[Path, ...]]:
    """Draw every figure of a run.

    `map`, `histogram`, `confidence`, `density` (one a slide), `umap` where the run is embedded, `k_tree`
    where its model knows every K, `learning_curve` where its model is at hand, `reliability` where that says
    it, and `montage_<k>` for each
    cluster where the images are.

    Parameters
    ----------
    run : Run
    folder : Path, optional
        Where to; RUN/figures if not given.
    file_format : "png", "pdf" or "svg"

    Returns
    -------
    tuple of Path
        What was written.
    """
    is_own = folder is None
    folder = run.path / "figures" if folder is None else folder
    drawn: list[Path] = []
    with one_writer(run.path if is_own else folder, "figures"):
        for name, figure, progress in figures_of(run):
            drawn.append(save(figure, folder / f"{name}.{file_format}", own=is_own))
            yield progress
    return tuple(drawn)


def figures_of(run: Run) -> Iterator[tuple[str, Figure, Progress]]:
    """Draw the figures one after the other: the name of its file without suffix, the figure, how far."""
    stacks = _stacks(run)
    wanted = len(run.grids) + 3 + (run.embedding is not None) + _has_model(run) + _has_every_k(run)
    wanted += _reliability(run) is not None
    total = wanted + (len(run.clusters) if any(stacks) else 0)
    figures = chain(_single_figures(run, stacks), _montages(run, stacks))
    for done, (name, figure) in enumerate(figures, start=1):
        yield name, figure, Progress("Drawing figures", done, total)


def write_map(run: Run, path: Path) -> Path:
    """Draw the map of a run to `path`; its suffix (.png, .pdf, .svg) decides the format."""
    return save(draw_map(_panels(run, _stacks(run)), run.clusters, counts(run.labels, run.clusters)), path)


def _stacks(run: Run) -> Stacks:
    """Open the images of each slide; None where they are gone: the rest is drawn all the same.

    Raises
    ------
    OtherImageError
        If other images lie in their place.
    """
    opened: list[Stack | None] = []
    for slide in range(len(run.grids)):
        try:
            opened.append(run.open_stack(slide))
        except OtherImageError:
            raise
        except HistoclustError:
            opened.append(None)
    return opened


def _single_figures(run: Run, stacks: Stacks) -> Iterator[Drawn]:
    count = counts(run.labels, run.clusters)
    yield "map", draw_map(_panels(run, stacks), run.clusters, count)
    yield "histogram", draw_histogram(run.clusters, count)
    yield "confidence", draw_confidence(run.clusters, run.labels, run.confidence, _confidence_pictures(run))
    yield from _densities(run)
    if run.embedding is not None:
        yield "umap", draw_scatter(run.embedding, run.labels, run.clusters)
    if _has_every_k(run):
        yield "k_tree", _k_tree(run)
    if _has_model(run):
        yield "learning_curve", draw_learning_curve(run.model().spec.history)
        if _reliability(run) is not None:
            yield "reliability", draw_reliability(_reliability(run) or {})


def _has_model(run: Run) -> bool:
    return (run.path / "model" / "model.json").is_file()


def _has_every_k(run: Run) -> bool:
    return _has_model(run) and hindrance_of(run) == ""


def _k_tree(run: Run) -> Figure:
    """Draw the tree in the colours that were saved; counted on the patches as they were mapped."""
    mapped = open_run(run.path)
    every, edits = drive(every_k(mapped)), load_edits(mapped) or unedited(mapped)
    colours = {k: looks.colours for k, looks in every.looks(edits).items()}
    return draw_k_tree(drive(count_tree(every)), colours, edits.k or every.own)


def _reliability(run: Run) -> dict[str, Any] | None:
    """What the model's bundle says of its confidence; None where there is no bundle, or it says nothing."""
    from napari_histoclust.core.model.bundle import load_spec

    return load_spec(run.path / "model").reliability if _has_model(run) else None


def _confidence_pictures(run: Run) -> list[tuple[str, NDArray[np.float32]]]:
    slides = enumerate(zip(run.slides, run.grids, strict=True))
    return [
        (name, np.asarray(grid.picture(run.confidence[run.rows(i)], np.nan), np.float32))
        for i, (name, grid) in slides
    ]


def _densities(run: Run) -> Iterator[Drawn]:
    there = set(np.unique(run.labels).tolist())
    clusters = [cluster for cluster in run.clusters if cluster.id in there]
    ids = [cluster.id for cluster in clusters]
    for slide, (name, grid) in enumerate(zip(run.slides, run.grids, strict=True)):
        labels = run.labels[run.rows(slide)]
        shares, tissue = densities(grid, labels, ids)
        number = f"_{slide + 1}" if len(run.grids) > 1 else ""
        yield (
            f"density{number}",
            draw_density(name, shares, tissue, clusters, counts(labels, clusters)),
        )


def _panels(run: Run, stacks: Stacks) -> list[MapPanel]:
    panels = []
    for slide, (name, grid, stack) in enumerate(zip(run.slides, run.grids, stacks, strict=True)):
        height, width = run.manifest.slides[slide].shape_px
        panels.append(
            MapPanel(
                name=name,
                labels=run.label_picture(slide).astype(np.int32),
                extent_px=grid_extent_px(grid),
                shape_px=(height, width),
                um_per_px=run.um_per_px[slide],
                thumbnail=None if stack is None else read_thumbnail(stack, stack.reference),
            )
        )
    return panels


def _montages(run: Run, stacks: Stacks) -> Iterator[Drawn]:
    """Draw the montages; a run none of whose images are at hand has none."""
    stains = _stains(stacks)
    if not stains:
        return
    # Patches of slides whose images are gone cannot be shown; outliers are not what a cluster looks like.
    at_hand = np.array([stack is not None for stack in stacks])[run.slide_index] & run.counted
    confidence = np.where(at_hand, run.confidence, -1).astype(np.float32)
    top = top_rows(run.labels, confidence, run.entropy, [cluster.id for cluster in run.clusters])
    count = counts(run.labels, run.clusters)
    for index, cluster in enumerate(run.clusters):
        rows = [int(row) for row in top[cluster.id] if at_hand[row]]
        montage = Montage(
            cluster=cluster,
            patches=int(count[index]),
            whole=len(run),
            pixels=_read(run, stacks, rows, stains),
            confidence=run.confidence[rows],
            stains=stains,
            patch_px=run.grids[0].patch_px * run.grids[0].downsample,
            um_per_px=run.um_per_px[0] if len(set(run.um_per_px)) == 1 else None,
        )
        yield f"montage_{cluster.id}", draw_montage(montage)


def _stains(stacks: Stacks) -> tuple[str, ...]:
    """Stains that every slide at hand has, in the order of the first."""
    opened = [stack for stack in stacks if stack is not None]
    return tuple(
        stain
        for stain in (opened[0].stains if opened else ())
        if all(stain in stack.stains for stack in opened)
    )


def _read(run: Run, stacks: Stacks, rows: Sequence[int], stains: tuple[str, ...]) -> np.ndarray:
    """Read the patches of these rows as (t, stains, p, p, 3); all as large as those of the first slide."""
    side = run.grids[0].patch_px
    pixels = np.full((min(len(rows), TOP), len(stains), side, side, 3), 255, np.uint8)
    for place, row in enumerate(rows):
        slide = int(run.slide_index[row])
        stack, grid = stacks[slide], run.grids[slide]
        if stack is not None:
            patch = read_patch(stack, grid, row - run.rows(slide).start, stains)
            nearest = np.arange(side) * patch.shape[1] // side
            pixels[place] = patch[:, nearest][:, :, nearest]
    return pixels
