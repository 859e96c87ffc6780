"""Gather what a report tells of a run: the same figures as in its figures folder, and the words between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_histoclust.core.figures.run_figures import figures_of
from napari_histoclust.core.jobs import Job
from napari_histoclust.core.report.content import Block, Picture, Prose, Report, Section, picture_of
from napari_histoclust.core.report.sections import (
    cluster_table,
    neighbours,
    overview,
    provenance,
    robustness,
    slides,
    validation,
)
from napari_histoclust.core.statistics.cluster_stats import summarise_clusters

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run

_CAPTIONS = {
    "map": "The slide, and its patches coloured by cluster.",
    "histogram": "Patches of each cluster.",
    "confidence": "How sure the model is of the patches of each cluster, and where on the slide.",
    "reliability": "Confidence beside how often bootstraps of the tissue, which took no part in fitting it, "
    "keep a patch's cluster: on the dashed line it is as sure as it should be.",
    "umap": "UMAP of the patches' features, coloured by cluster; near points look alike to the model.",
    "k_tree": "Which cluster becomes which as the number of clusters grows, and how many patches go along.",
    "learning_curve": "The loss of the training and its parts.",
}


def gather_report(run: Run) -> Job[Report]:
    """Draw the figures of a run and put them in order with its tables.

    Parameters
    ----------
    run : Run
        Told with the names, colours, merges and splits that it has.
    """
    pictures: dict[str, Picture] = {}
    empty = {f"montage_{line.cluster.id}" for line in summarise_clusters(run) if not line.patches}
    for name, figure, progress in figures_of(run):
        if name not in empty:
            pictures[name] = picture_of(figure, _caption(run, name))
        yield progress
    beside = yield from neighbours(run)
    made = run.manifest.created[:10]
    return Report(
        title=", ".join(run.slides),
        subtitle=f"Tissue sorted by napari-histoclust {run.manifest.version}, mapped on {made}",
        sections=tuple(
            section
            for section in (
                overview(run),
                _section("Map", pictures, "map"),
                Section("Clusters", (*cluster_table(run), *_chosen(pictures, "histogram"))),
                _section("Confidence", pictures, "confidence", "reliability"),
                _section("UMAP", pictures, "umap"),
                _section("Other numbers of clusters", pictures, "k_tree"),
                _section("Where each cluster lies", pictures, *_starting(pictures, "density")),
                _section("Typical patches", pictures, *_starting(pictures, "montage_"), words=_MONTAGES),
                slides(run),
                beside,
                validation(run),
                robustness(run),
                _section("Training", pictures, "learning_curve"),
                provenance(run),
            )
            if section is not None
        ),
    )


_MONTAGES = "The patches of each cluster that the model is surest of, one row a stain."


def _section(title: str, pictures: dict[str, Picture], *names: str, words: str = "") -> Section | None:
    """Return a section of pictures, or None where none of them could be drawn."""
    chosen = _chosen(pictures, *names)
    return Section(title, (*((Prose(words),) if words else ()), *chosen)) if chosen else None


def _chosen(pictures: dict[str, Picture], *names: str) -> tuple[Block, ...]:
    return tuple(pictures[name] for name in names if name in pictures)


def _starting(pictures: dict[str, Picture], start: str) -> tuple[str, ...]:
    return tuple(name for name in pictures if name.startswith(start))


def _caption(run: Run, name: str) -> str:
    if name.startswith("density"):
        return "Share of each cluster among its neighbourhood, on the slide."
    if name.startswith("montage_"):
        number = int(name.removeprefix("montage_"))
        return next(cluster.name for cluster in run.clusters if cluster.id == number)
    return _CAPTIONS[name]
