"""The parts of a report on how the clusters lie in the tissue: neighbours, and slides beside one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_histoclust.core.figures.neighbours import draw_composition, draw_neighbourhood
from napari_histoclust.core.jobs import Job
from napari_histoclust.core.report.content import Block, Prose, Section, Table
from napari_histoclust.core.report.drawn import drawn
from napari_histoclust.core.statistics.composition import Composition, composition
from napari_histoclust.core.statistics.neighbourhood import Neighbourhood, neighbourhood

if TYPE_CHECKING:
    from napari_histoclust.core.run.run import Run

_STRONGEST = 8


def neighbours(run: Run) -> Job[Section]:
    """Which clusters lie beside which: a heat map, and the strongest pairs of two different clusters."""
    found = yield from neighbourhood(run)
    words = (
        "How often patches of two clusters lie side by side, compared with the same labels dealt out at "
        f"random {found.permutations:,} times (seed {found.seed}) over the places of each slide. z is the "
        "distance from chance in standard deviations; p is two-sided and not corrected for the number of "
        "pairs."
    )
    picture = drawn(
        draw_neighbourhood(found), "Red: beside each other more often than by chance; blue: less."
    )
    return Section("Neighbours", (Prose(words), picture, _strongest(found)))


def _strongest(found: Neighbourhood) -> Table:
    i, j = np.triu_indices(len(found.clusters), 1)
    z = np.where(np.isnan(found.z[i, j]), 0, found.z[i, j])
    rows = tuple(
        (
            f"{found.clusters[i[n]].name} – {found.clusters[j[n]].name}",
            f"{found.counts[i[n], j[n]]:,}",
            f"{found.expected[i[n], j[n]]:,.1f}",
            f"{z[n]:+.1f}",
            f"{found.p[i[n], j[n]]:.3g}",
        )
        for n in np.argsort(-np.abs(z))[:_STRONGEST]
    )
    return Table(("Two clusters", "Side by side", "By chance", "z", "p"), rows)


def slides(run: Run) -> Section:
    """What each slide is made of, and over how many slides each cluster is spread."""
    made_of = composition(run)
    blocks: list[Block] = [
        Prose(
            "Evenness is the entropy of a slide's composition over the largest it could be: 0 is one "
            "cluster, 1 all clusters alike."
        ),
        drawn(draw_composition(made_of), "What each slide is made of."),
        _by_slide(made_of),
    ]
    if len(made_of.slides) > 1:
        blocks.append(_spread(made_of))
    return Section("Composition", tuple(blocks))


def _by_slide(made_of: Composition) -> Table:
    rows = tuple(
        (name, f"{int(patches.sum()):,}", f"{entropy:.2f}", f"{evenness:.2f}")
        for name, patches, entropy, evenness in zip(
            made_of.slides, made_of.patches, made_of.entropy, made_of.evenness, strict=True
        )
    )
    return Table(("Slide", "Patches", "Entropy (nat)", "Evenness"), rows)


def _spread(made_of: Composition) -> Table:
    entropy = made_of.entropy_over_slides
    rows = tuple(
        (cluster.name, f"{int(np.count_nonzero(made_of.patches[:, i]))}", f"{entropy[i]:.2f}")
        for i, cluster in enumerate(made_of.clusters)
    )
    colours = tuple(cluster.colour for cluster in made_of.clusters)
    header = (
        "Cluster",
        "Slides that have it",
        f"Entropy over slides (at most {np.log(len(made_of.slides)):.2f})",
    )
    return Table(header, rows, colours)
