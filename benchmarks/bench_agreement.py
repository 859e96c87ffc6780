"""How well the map of a phantom agrees with its truth, over several seeds, beside k-means on mean colours.

    python benchmarks/bench_agreement.py [--size 8192] [--seeds 5] [--clusters 9] [--folder KEPT]

The seeds are those of the training; the slide stays the same. The truth of a patch is the commonest class
of its px. k-means sees the mean colour of every stain in the very same patches, and has the same seeds.
Nothing in the phantom or in the presets was tuned to these figures.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

import napari_histoclust as hc
from napari_histoclust.core.jobs import drive
from napari_histoclust.core.patches.reader import read_patches
from napari_histoclust.core.phantom import write_phantom
from napari_histoclust.core.run.reader import read_latent


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=8192)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--clusters", type=int, default=9)
    parser.add_argument("--patch-px", type=int, default=128)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        slide = folder / f"slide{given.size}"
        if not slide.is_dir():
            drive(write_phantom(slide, size_px=given.size, seed=0))
        rows = [agreement(slide, folder, given.clusters, given.patch_px, 765 + i) for i in range(given.seeds)]
    print(json.dumps({"patches": rows[0]["patches"], "seeds": rows, "summary": summary(rows)}, indent=1))


def agreement(slide: Path, folder: Path, clusters: int, patch_px: int, seed: int) -> dict[str, Any]:
    """Train, map and compare with one seed."""
    stack, start = hc.open_stack(slide), time.perf_counter()
    model = hc.fit(stack, "quick", clusters=clusters, patch_px=patch_px, seed=seed)
    trained = time.perf_counter() - start
    run = hc.map(stack, model, folder / f"run{seed}-{clusters}")
    truth = patch_truth(slide / "truth.ome.tif", run)
    colours = mean_colours(stack, run)
    baseline = KMeans(clusters, n_init=10, random_state=seed).fit_predict(colours)
    latent = KMeans(clusters, n_init=10, random_state=seed).fit_predict(drive(read_latent(run)))
    return {
        "seed": seed,
        "patches": len(run),
        "fit_seconds": round(trained, 1),
        "clusters_used": int((np.bincount(run.labels) > 0).sum()),
        "model_ari": round(adjusted_rand_score(truth, run.labels), 4),
        "model_nmi": round(normalized_mutual_info_score(truth, run.labels), 4),
        "colour_kmeans_ari": round(adjusted_rand_score(truth, baseline), 4),
        "colour_kmeans_nmi": round(normalized_mutual_info_score(truth, baseline), 4),
        "latent_kmeans_ari": round(adjusted_rand_score(truth, latent), 4),
    }


def patch_truth(file: Path, run: Any) -> NDArray[np.intp]:
    """(n,) commonest class of each patch's level-0 px."""
    grid = run.grids[0]
    classes = tifffile.imread(file, level=0)
    side = round(grid.patch_px * grid.downsample)
    step = grid.place_px
    return np.array(
        [
            np.bincount(classes[y : y + side, x : x + side].ravel()).argmax()
            for y, x in zip((grid.row * step).astype(int), (grid.col * step).astype(int), strict=True)
        ]
    )


def mean_colours(stack: Any, run: Any) -> NDArray[np.float64]:
    """(n, 3 stains) mean red, green, blue of every stain."""
    parts = [
        patches.mean((2, 3)).reshape(len(patches), -1)
        for _, patches in read_patches(stack, run.grids[0], 0, len(run), stack.stains)
    ]
    return np.concatenate(parts)


def summary(rows: list[dict[str, Any]]) -> dict[str, str]:
    names = [name for name in rows[0] if name.endswith(("_ari", "_nmi"))]
    return {
        name: f"{statistics.mean(v):.3f} +- {statistics.stdev(v) if len(v) > 1 else 0:.3f}"
        for name, v in ((name, [row[name] for row in rows]) for name in names)
    }


if __name__ == "__main__":
    main()
