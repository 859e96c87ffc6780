"""How far labels can be trusted: agreement with the truth and between seeds, labels kept under changes.

    python benchmarks/bench_trust.py [--phantoms 11,12,13] [--seeds 765,766] [--presets robust,quick]
        [--slide FOLDER --patch-px 16 --clusters 14] [--folder KEPT] [--out table.json]

For each phantom (8,192 px, 128 px patches, K 9) and training seed: adjusted Rand index (ARI) of the map of
each preset against the commonest class of each patch; beside it k-means on the mean colours of the very same
patches, k-means on each preset's own latent space, and a supervised classifier on that space (its ceiling,
ten-fold). "Kept": the share of patches whose label stays when the slide is changed and mapped anew by the
same model. With --slide a real slide without truth takes the phantoms' place.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from bench_agreement import mean_colours, patch_truth
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import cross_val_predict

import napari_histoclust as hc
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.phantom import write_phantom
from napari_histoclust.core.run.reader import read_latent

UInt8 = NDArray[np.uint8]
CHANGES: dict[str, Callable[[UInt8, int], UInt8]] = {
    "5 % darker": lambda px, _: _clip(px * 0.95),
    "10 % darker": lambda px, _: _clip(px * 0.90),
    "stain strength +- 20 %": lambda px, stain: _clip(
        255 * (px / 255.0) ** (0.8, 0.9, 1.0, 1.1, 1.2)[stain % 5]
    ),
    "flipped": lambda px, _: px[::-1],
    "turned by a quarter": lambda px, _: np.rot90(px),
}


def _clip(values: NDArray[np.floating]) -> UInt8:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--phantoms", default="11,12,13")
    parser.add_argument("--seeds", default="765,766,767,768,769")
    parser.add_argument("--presets", default="robust,quick")
    parser.add_argument("--size", type=int, default=8192)
    parser.add_argument("--slide", type=Path)
    parser.add_argument("--patch-px", type=int, default=128)
    parser.add_argument("--clusters", type=int, default=9)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--no-changes", action="store_true")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    seeds = [int(seed) for seed in given.seeds.split(",")]
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        for slide in _slides(given, folder):
            for preset in given.presets.split(","):
                rows += _of_slide(slide, preset, seeds, given, folder)
    document = {"rows": rows, "summary": _summary(rows)}
    text = json.dumps(document, indent=1)
    print(text)
    if given.out:
        given.out.write_text(text)


def _slides(given: argparse.Namespace, folder: Path) -> list[Path]:
    if given.slide:
        return [given.slide]
    slides = []
    for number in given.phantoms.split(","):
        slide = folder / f"p{number}"
        if not slide.is_dir():
            drive(write_phantom(slide, size_px=given.size, seed=int(number)))
        slides.append(slide)
    return slides


def _of_slide(
    slide: Path, preset: str, seeds: Sequence[int], given: argparse.Namespace, folder: Path
) -> list[dict[str, Any]]:
    rows, labels = [], []
    for seed in seeds:
        stack, start = hc.open_stack(slide), time.perf_counter()
        model = hc.fit(stack, preset, clusters=given.clusters, patch_px=given.patch_px, seed=seed)
        seconds = time.perf_counter() - start
        run = _mapped(slide, model, folder, "plain")
        row = {"slide": slide.name, "preset": preset, "seed": seed, "patches": len(run)}
        row |= {"fit_seconds": round(seconds, 1), **_shape(run), **_against_truth(slide, stack, run, seed)}
        row["ari_between_seeds"] = [round(adjusted_rand_score(run.labels, other), 4) for other in labels]
        if seed == seeds[0] and not given.no_changes:
            row["kept"] = {name: _kept(slide, model, run, folder, name) for name in CHANGES}
        labels.append(run.labels)
        rows.append(row)
        print(json.dumps(row), flush=True)
    return rows


def _mapped(slide: Path, model: Any, folder: Path, name: str) -> Any:
    out = folder / f"run-{slide.name}-{name}"
    shutil.rmtree(out, ignore_errors=True)
    return hc.map(hc.open_stack(slide), model, out)


def _shape(run: Any) -> dict[str, Any]:
    """Sizes of the clusters, and how often a patch and its neighbour have one label, by chance too."""
    shares = np.bincount(run.labels, minlength=len(run.clusters) + 1)[1:] / len(run)
    picture = run.label_picture()
    across = np.concatenate(
        [
            np.stack([picture[:, :-1], picture[:, 1:]], -1).reshape(-1, 2),
            np.stack([picture[:-1], picture[1:]], -1).reshape(-1, 2),
        ]
    )
    pairs = across[(across > 0).all(axis=1)]
    return {
        "clusters_used": int((shares > 0).sum()),
        "largest_share": round(float(shares.max()), 3),
        "neighbours_alike": round(float((pairs[:, 0] == pairs[:, 1]).mean()), 4),
        "by_chance": round(float((shares**2).sum()), 4),
        "mean_confidence": round(float(run.confidence.mean()), 4),
    }


def _against_truth(slide: Path, stack: Any, run: Any, seed: int) -> dict[str, Any]:
    file = slide / "truth.ome.tif"
    if not file.exists():
        return {}
    truth, clusters = patch_truth(file, run), len(run.clusters)
    colours = KMeans(clusters, n_init=10, random_state=seed).fit_predict(mean_colours(stack, run))
    points = drive(read_latent(run))
    latent = KMeans(clusters, n_init=10, random_state=seed).fit_predict(points)
    scaled = (points - points.mean(0)) / points.std(0).clip(1e-9)
    supervised = cross_val_predict(LogisticRegression(max_iter=2000), scaled, truth, cv=10)
    shares = np.bincount(truth) / len(truth)
    large = np.flatnonzero(shares >= 0.02)
    found = [bool(_best_overlap(truth == c, run.labels) >= 0.5) for c in large]
    return {
        "ari": round(adjusted_rand_score(truth, run.labels), 4),
        "ari_kmeans_on_colours": round(adjusted_rand_score(truth, colours), 4),
        "ari_kmeans_on_latent": round(adjusted_rand_score(truth, latent), 4),
        "ari_supervised_on_latent": round(adjusted_rand_score(truth, supervised), 4),
        "classes_of_2_percent": len(large),
        "of_these_found": sum(found),
    }


def _best_overlap(is_class: NDArray[np.bool_], labels: NDArray[np.integer]) -> float:
    """Largest intersection over union of a class with any cluster; 0.5 and more counts as found."""
    return max(
        float((is_class & (labels == k)).sum() / (is_class | (labels == k)).sum()) for k in np.unique(labels)
    )


def _kept(slide: Path, model: Any, run: Any, folder: Path, change: str) -> float:
    """Share of the patches that keep their label; those of a turned slide are turned back."""
    other = folder / "changed"
    shutil.rmtree(other, ignore_errors=True)
    other.mkdir(parents=True)
    stack = hc.open_stack(slide)
    scale = {} if stack.um_per_px is None else {"PhysicalSizeX": stack.um_per_px, "PhysicalSizeXUnit": "µm"}
    for index, stain in enumerate(stack.stains):
        height, width = stack.shapes[0]
        changed = CHANGES[change](stack.read(0, 0, 0, height, width, [stain])[0], index)
        pixels = np.ascontiguousarray(changed)
        named = {"axes": "YXS", "Name": stain, **scale}
        tifffile.imwrite(
            other / f"{stain}.ome.tif",
            pixels,
            photometric="rgb",
            tile=(256, 256),
            metadata=named,
            bigtiff=True,
        )
    again = _mapped(other, model, folder, "changed")
    picture = again.label_picture()
    if change == "flipped":
        picture = picture[::-1]
    if change == "turned by a quarter":
        picture = np.rot90(picture, -1)
    before = run.label_picture()
    rows, cols = (min(a, b) for a, b in zip(before.shape, picture.shape, strict=True))
    before, picture = before[:rows, :cols], picture[:rows, :cols]
    both = (before > 0) & (picture > 0)
    return round(float((before[both] == picture[both]).mean()), 4)


def _summary(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, str]]:
    summary: dict[str, dict[str, str]] = {}
    for preset in dict.fromkeys(row["preset"] for row in rows):
        own = [row for row in rows if row["preset"] == preset]
        summary[preset] = {
            name: _spread([row[name] for row in own])
            for name in own[0]
            if name.startswith(("ari", "fit", "neighbours", "by_chance", "clusters_used"))
            and name != "ari_between_seeds"
        }
        between = [value for row in own for value in row["ari_between_seeds"]]
        summary[preset]["ari_between_seeds"] = _spread(between)
    return summary


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "-"
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.3f} +- {deviation:.3f}"


if __name__ == "__main__":
    main()
