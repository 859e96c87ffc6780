"""Sections of a report, each made of one part of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_histoclust.core.atomic import read_json
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.figures.clusters import draw_composition, draw_neighbourhood
from napari_histoclust.core.jobs import Job
from napari_histoclust.core.model.card import CARD_HEADER, CARD_WORDS, Card, card_rows
from napari_histoclust.core.report.content import (
    Block,
    Facts,
    Prose,
    Section,
    Table,
    Warnings,
    picture_of,
)
from napari_histoclust.core.statistics.cluster_stats import summarise_clusters
from napari_histoclust.core.statistics.composition import Composition, composition
from napari_histoclust.core.statistics.neighbourhood import Neighbourhood, neighbourhood
from napari_histoclust.core.validation.measures import INDICES
from napari_histoclust.core.validation.report import VALIDATION

if TYPE_CHECKING:
    from napari_histoclust.core.run.manifest import SlideEntry
    from napari_histoclust.core.run.run import Run


_NOTHING = "–"


def overview(run: Run) -> Section:
    """What was looked at, and what to know before believing it."""
    pairs = [
        ("Slides", ", ".join(run.slides)),
        ("Stains", ", ".join(_stains(run)) or "not recorded"),
        ("Patches", f"{len(run):,}"),
        *((("Outliers", _outlier_count(run)),) if run.outlier is not None else ()),
        ("Clusters", _cluster_count(run)),
        ("Patch", _patch_text(run)),
        ("Mapped", run.manifest.created.replace("T", " ").replace("+00:00", " UTC")),
    ]
    warnings = dict.fromkeys(w for slide in run.manifest.slides for w in slide.warnings)
    blocks: list[Block] = [Facts(tuple(pairs))]
    if warnings:
        blocks.insert(0, Warnings(tuple(warnings)))
    return Section("Overview", tuple(blocks))


def _stains(run: Run) -> tuple[str, ...]:
    stated = [str(part.stain) for slide in run.manifest.slides for part in slide.inputs]
    return run.stains or tuple(dict.fromkeys(filter(None, stated)))


def _outlier_count(run: Run) -> str:
    share = f"{run.outliers:,} ({run.outliers / max(1, len(run)):.1%})"
    if not run.outliers:
        return "0"
    counted = "counted in" if run.counted.all() else "left out of"
    return f"{share} look like nothing the model was trained on, {counted} the statistics"


def _cluster_count(run: Run) -> str:
    used = sum(line.patches > 0 for line in summarise_clusters(run))
    empty = len(run.clusters) - used
    return f"{used}" if not empty else f"{used} with patches, {empty} without"


def _patch_text(run: Run) -> str:
    grid, um = run.grids[0], run.um_per_px[0]
    side = f"{grid.patch_px * grid.downsample:g} px"
    step = f"every {grid.place_px:g} px"
    return (
        f"{side}, {step}" if um is None else f"{side} ({grid.patch_px * grid.downsample * um:.0f} µm), {step}"
    )


def cluster_table(run: Run) -> tuple[Block, ...]:
    """Patches, share, area, confidence and stains of each cluster."""
    every = summarise_clusters(run)
    lines = [line for line in every if line.patches]
    known = every[0].area_mm2 is not None
    densities = run.stains if run.stain_od is not None else ()
    header = ("Cluster", "Patches", "Share", "Area (mm²)" if known else "Area (Mpx)", "Confidence")
    rows = tuple(
        (
            f"{line.cluster.name}{' (artefact)' if line.cluster.artefact else ''}",
            f"{line.patches:,}",
            f"{100 * line.share:.1f} %",
            f"{line.area_mm2:.3g}" if line.area_mm2 is not None else f"{line.area_px2 / 1e6:.3g}",
            _text(line.mean_confidence, ".2f"),
            *(
                _text(None if line.mean_stain_od is None else line.mean_stain_od[i], ".2f")
                for i in range(len(densities))
            ),
        )
        for line in lines
    )
    swatches = tuple(line.cluster.colour for line in lines)
    words = "Share of all patches; confidence is the mean largest probability that the model gives a patch."
    if densities:
        words += " The last columns are the mean optical density of each stain."
    if len(lines) < len(every):
        words += f" {len(every) - len(lines)} of the {len(every)} clusters have no patches and are left out."
    return Prose(words), Table((*header, *densities), rows, swatches)


def _text(value: float | None, form: str) -> str:
    return _NOTHING if value is None else format(value, form)


def validation(run: Run) -> Section | None:
    """The indices beside those of k-means, where `validate` has run."""
    try:
        document = read_json(run.path / VALIDATION)
    except HistoclustError:
        return None
    ours, theirs = document["indices"], document.get("kmeans", {}).get("indices", {})
    rows = tuple(
        (index.title, f"{index.better}er", _text(ours.get(name), ".4g"), _text(theirs.get(name), ".4g"))
        for name, index in INDICES.items()
    )
    note = "Of the clusters as the model gave them, before any merge or split by hand."
    return Section(
        "Validation",
        (
            Prose(f"{document.get('sentence', '')} {note}".strip()),
            Table(("Index", "Better", "Clusters", "k-means"), rows),
        ),
    )


def robustness(run: Run) -> Section | None:
    """How the model's labels stand changes that are no tissue, where it carries a card of them."""
    file = run.path / "model" / "model.json"
    document = read_json(file).get("card") if file.is_file() else None
    if document is None:
        return None
    card = Card.model_validate(document)
    return Section(
        "Robustness", (Prose(CARD_WORDS.format(patches=card.patches)), Table(CARD_HEADER, card_rows(card)))
    )


def provenance(run: Run) -> Section:
    """Settings, files, versions, times: enough to do it again."""
    blocks: list[Block] = [Facts(tuple(_facts(run)))]
    for slide in run.manifest.slides:
        blocks += [
            Prose(f"Files of {slide.name}, {slide.shape_px[1]:,} x {slide.shape_px[0]:,} px:"),
            _files(slide),
        ]
    return Section("How it was made", tuple(blocks))


def _facts(run: Run) -> Iterator[tuple[str, str]]:
    manifest = run.manifest
    yield "Run folder", str(run.path)
    yield "Program", f"{manifest.program} {manifest.version}"
    yield "Versions", ", ".join(f"{name} {version}" for name, version in manifest.versions.items())
    yield "Device", manifest.device
    yield "Seed", str(manifest.seed)
    yield from ((f"Setting: {name}", value) for name, value in _leaves(manifest.settings))
    yield from _model_facts(run)
    for name, stage in manifest.stages.items():
        yield f"Time of {name}", f"{stage.seconds:g} s"


def _leaves(settings: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for name, value in settings.items():
        where = f"{path} {name}".strip().replace("_", " ")
        if isinstance(value, dict):
            yield from _leaves(value, where)
        else:
            yield where, _in_words(value)


def _in_words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "as the model says" if value is None else str(value)


def _model_facts(run: Run) -> Iterator[tuple[str, str]]:
    """Read the model's own description; the weights are not needed."""
    file = run.path / "model" / "model.json"
    if file.is_file():
        spec = read_json(file)
        yield from ((f"Model: {name}", value) for name, value in _leaves(spec.get("settings") or {}))


def _files(slide: SlideEntry) -> Table:
    rows = tuple(
        (
            Path(file.path).name,
            file.stain,
            f"{max(0, file.size) / 2**20:,.1f}",
            file.reader,
            (file.content_sha256 or file.header_sha256)[:12],
        )
        for file in slide.inputs
    )
    return Table(("File", "Stain", "MiB", "Reader", "Checksum"), rows)


_STRONGEST = 8


def neighbours(run: Run) -> Job[Section]:
    """Which clusters lie beside which: a heat map, and the strongest pairs of two different clusters."""
    tested = yield from neighbourhood(run)
    words = (
        "How often patches of two clusters lie side by side, compared with the same labels dealt out at "
        f"random {tested.permutations:,} times (seed {tested.seed}) over the places of each slide. z is the "
        "distance from chance in standard deviations; p is two-sided and not corrected for the number of "
        "pairs."
    )
    picture = picture_of(
        draw_neighbourhood(tested), "Red: beside each other more often than by chance; blue: less."
    )
    return Section("Neighbours", (Prose(words), picture, _strongest(tested)))


def _strongest(tested: Neighbourhood) -> Table:
    i, j = np.triu_indices(len(tested.clusters), 1)
    z = np.where(np.isnan(tested.z[i, j]), 0, tested.z[i, j])
    rows = tuple(
        (
            f"{tested.clusters[i[n]].name} – {tested.clusters[j[n]].name}",
            f"{tested.counts[i[n], j[n]]:,}",
            f"{tested.expected[i[n], j[n]]:,.1f}",
            f"{z[n]:+.1f}",
            f"{tested.p[i[n], j[n]]:.3g}",
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
        picture_of(draw_composition(made_of), "What each slide is made of."),
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
