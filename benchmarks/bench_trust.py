"""How far labels can be trusted: agreement with the truth and between seeds, labels kept under changes.

    python benchmarks/bench_trust.py [--phantoms 11,12,13] [--seeds 765,766] [--methods robust,quick]
        [--slide FOLDER --patch-px 16 --clusters 14] [--folder KEPT] [--out table.json]

For each phantom (8,192 px, 128 px patches, K 9), method and training seed: adjusted Rand index (ARI) of the
map against the commonest class of each patch, of k-means on the mean colours of the very same patches, and
of a supervised classifier on the method's own space (its ceiling, ten-fold). A class counts as found where a
cluster shares half of what either covers (intersection over union >= 0.5). "Kept": the share of patches
whose label stays when the slide is changed, or lacks a stain, and is mapped anew by the same model (first
seed). With --slide a real slide without truth takes the phantoms' place. Rows are kept in KEPT/rows.jsonl as
they are finished: the same call goes on where it stopped. Leiden needs igraph beside the rest.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bench_agreement import patch_truth
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import cross_val_predict
from trust_changes import CHANGES, changed_slide, share_kept, turned_back, without_stain
from trust_methods import METHODS, Method

import napari_histoclust as hc
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.phantom import write_phantom
from napari_histoclust.core.run.reader import read_latent

Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--phantoms", default="11,12,13")
    parser.add_argument("--seeds", default="765,766,767,768,769")
    parser.add_argument("--methods", default=",".join(name for name in METHODS if "," not in name))
    parser.add_argument("--size", type=int, default=8192)
    parser.add_argument("--slide", type=Path)
    parser.add_argument("--patch-px", type=int, default=128)
    parser.add_argument("--clusters", type=int, default=9)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--no-changes", action="store_true")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    seeds = [int(seed) for seed in given.seeds.split(",")]
    names = [name.strip().replace("paper", "paper, 100 epochs") for name in given.methods.split(",")]
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        bench = Bench(folder, given.clusters, given.patch_px)
        for slide, name, seed in itertools.product(_slides(given, folder), names, seeds):
            bench.cluster(slide, name, seed)
            if seed == seeds[0] and not given.no_changes and METHODS[name].preset != "paper":
                bench.change(slide, name, seed)
        document = {"rows": bench.rows, "summary": summary(bench.rows)}
    print(table(document["summary"]))
    if given.out:
        given.out.write_text(json.dumps(document, indent=1))


def _slides(given: argparse.Namespace, folder: Path) -> list[Path]:
    if given.slide:
        return [given.slide]
    slides = [folder / f"p{number}" for number in given.phantoms.split(",")]
    for slide in slides:
        if not slide.is_dir():
            drive(write_phantom(slide, size_px=given.size, seed=int(slide.name[1:])))
    return slides


class Bench:
    """The rows of a folder, each computed once."""

    def __init__(self, folder: Path, clusters: int, patch_px: int) -> None:
        self.folder, self.clusters, self.patch_px = folder, clusters, patch_px
        self._file = folder / "rows.jsonl"
        lines = self._file.read_text().splitlines() if self._file.exists() else []
        self.rows: list[Row] = [json.loads(line) for line in lines]

    def cluster(self, slide: Path, name: str, seed: int) -> None:
        """Train, map and compare with one seed; the labels beside it too."""
        if self._has(slide, name, seed, "ari" if (slide / "truth.ome.tif").exists() else "clusters_used"):
            return
        method, stack, start = METHODS[name], hc.open_stack(slide), time.perf_counter()
        model = self._model(slide, name, method, seed)
        seconds = time.perf_counter() - start
        run = _mapped(slide, model, self.folder / "run")
        truth = patch_truth(slide / "truth.ome.tif", run) if (slide / "truth.ome.tif").exists() else None
        row = _compared(run.labels, run, truth) | {"fit_seconds": round(seconds, 1)}
        row["mean_confidence"] = round(float(run.confidence.mean()), 4)
        if truth is not None:
            row["ari_supervised"] = _ceiling(drive(read_latent(run)), truth)
        self._add(slide, name, seed, row)
        for other, labels_of in method.beside.items():
            try:
                labels = labels_of(stack, model, run, self.clusters, seed) + 1
            except ImportError as missing:
                print(f"{other}: left out, {missing}", flush=True)
                continue
            self._add(slide, other, seed, _compared(labels, run, truth))

    def change(self, slide: Path, name: str, seed: int) -> None:
        """Map the changed slide, and the slide without each of its stains, by the same model."""
        if self._has(slide, name, seed, "kept"):
            return
        model = self._model(slide, name, METHODS[name], seed)
        before = _mapped(slide, model, self.folder / "run").label_picture()
        kept = {}
        for change, of_pixels in CHANGES.items():
            other = changed_slide(slide, of_pixels, self.folder / "changed")
            after = _mapped(other, model, self.folder / "run-changed").label_picture()
            kept[change] = share_kept(before, turned_back(after, change))
        if METHODS[name].preset == "robust":
            for stain in model.spec.stains:
                other = without_stain(slide, stain, self.folder / "changed")
                run = _mapped(other, model, self.folder / "run-changed", allow_missing=True)
                kept[f"without {stain}"] = share_kept(before, run.label_picture())
        self._add(slide, name, seed, {"kept": kept})

    def _model(self, slide: Path, name: str, method: Method, seed: int) -> Any:
        return hc.fit(
            hc.open_stack(slide),
            method.preset,
            out=self.folder / "models" / f"{slide.name}-{name}-{seed}",
            clusters=self.clusters,
            patch_px=self.patch_px,
            seed=seed,
            **method.settings,
        )

    def _has(self, slide: Path, name: str, seed: int, figure: str) -> bool:
        key = slide.name, name, seed
        return any((r["slide"], r["method"], r["seed"]) == key and figure in r for r in self.rows)

    def _add(self, slide: Path, name: str, seed: int, row: Row) -> None:
        self.rows.append({"slide": slide.name, "method": name, "seed": seed, **row})
        line = json.dumps(self.rows[-1])
        print(line[:400], flush=True)
        with self._file.open("a") as stream:
            stream.write(line + "\n")


def _mapped(slide: Path, model: Any, out: Path, **settings: Any) -> Any:
    shutil.rmtree(out, ignore_errors=True)
    return hc.map(hc.open_stack(slide), model, out, **settings)


def _compared(labels: NDArray[np.integer], run: Any, truth: NDArray[np.intp] | None) -> Row:
    """Sizes of the clusters, neighbours of one label, and agreement with the truth."""
    shares = np.bincount(labels)[1:] / len(labels)
    grid = run.grids[0]
    picture = np.zeros(grid.shape, np.int64)
    picture[grid.row, grid.col] = labels
    pairs = np.concatenate(
        [
            np.stack([picture[:, :-1], picture[:, 1:]], -1).reshape(-1, 2),
            np.stack([picture[:-1], picture[1:]], -1).reshape(-1, 2),
        ]
    )
    pairs = pairs[(pairs > 0).all(axis=1)]
    row = {
        "patches": len(labels),
        "clusters_used": int((shares > 0).sum()),
        "largest_share": round(float(shares.max()), 3),
        "neighbours_alike": round(float((pairs[:, 0] == pairs[:, 1]).mean()), 4),
        "by_chance": round(float((shares**2).sum()), 4),
        "labels": labels.tolist(),
    }
    if truth is not None:
        large = np.flatnonzero(np.bincount(truth) / len(truth) >= 0.02)
        row["ari"] = round(adjusted_rand_score(truth, labels), 4)
        row["classes_missed"] = sum(_best_overlap(truth == c, labels) < 0.5 for c in large)
    return row


def _best_overlap(is_class: NDArray[np.bool_], labels: NDArray[np.integer]) -> float:
    """Return the largest intersection over union of a class with any cluster."""
    return max(
        float((is_class & (labels == k)).sum() / (is_class | (labels == k)).sum()) for k in np.unique(labels)
    )


def _ceiling(points: NDArray[np.float32], truth: NDArray[np.intp]) -> float:
    scaled = (points - points.mean(0)) / points.std(0).clip(1e-9)
    found = cross_val_predict(LogisticRegression(max_iter=2000), scaled, truth, cv=10)
    return round(adjusted_rand_score(truth, found), 4)


FIGURES = ("ari", "classes_missed", "ari_supervised", "clusters_used", "largest_share", "neighbours_alike")


def summary(rows: Sequence[Row]) -> dict[str, dict[str, str]]:
    """Return mean and spread over slides and seeds, the agreement between seeds and the labels kept."""
    found: dict[str, dict[str, str]] = {}
    for name in dict.fromkeys(row["method"] for row in rows):
        own = [row for row in rows if row["method"] == name and "labels" in row]
        figures = {f: _spread([row[f] for row in own if f in row]) for f in (*FIGURES, "by_chance")}
        between = [
            adjusted_rand_score(one["labels"], two["labels"])
            for one, two in itertools.combinations(own, 2)
            if one["slide"] == two["slide"]
        ]
        figures["between seeds"] = _spread(between)
        kept = [row["kept"] for row in rows if row["method"] == name and "kept" in row]
        for change in dict.fromkeys(itertools.chain(*kept)):
            figures[f"kept, {change}"] = _spread([k[change] for k in kept if change in k])
        found[name] = {figure: value for figure, value in figures.items() if value}
    return found


def _spread(values: Sequence[float]) -> str:
    if not values:
        return ""
    spread = f" +- {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3f}{spread}"


def table(found: dict[str, dict[str, str]]) -> str:
    """Return the summary in Markdown, a line each method."""
    columns = list(dict.fromkeys(itertools.chain(*found.values())))
    lines = [["method", *columns], ["---"] * (len(columns) + 1)]
    lines += [[name, *(figures.get(column, "") for column in columns)] for name, figures in found.items()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    main()
