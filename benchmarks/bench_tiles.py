"""How well encoders sort real tissue tiles of one stain, whose kind is known.

    python benchmarks/bench_tiles.py [--tiles ../shared/data/tiles] [--seeds 10] [--out table.json]

kather100: 100 tiles of hematoxylin and eosin, eight kinds (Kather 2016); nct9: 90 crops, nine kinds
(NCT-CRC-HE-100K). Normalised mutual information (NMI) and adjusted Rand index (ARI) of k-means, as many
clusters as kinds, mean over the seeds of k-means: on mean colours, on each encoder's features, on two
encoders' side by side, and in the metric that the quarters of the tiles teach. A tile's quarters are
shown to the encoder at the tile's own scale. All tiles of a set are calibrated together, as one slide.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from napari_histoclust.core.model.encode import calibrated, resize_patches
from napari_histoclust.core.model.encoder import EncoderPart, encoder_of
from napari_histoclust.core.model.metric import learn_metric
from napari_histoclust.core.model.spec import ModelSpec
from napari_histoclust.core.stains.calibration import calibrate_tiles

Float = NDArray[np.float64]
SETS = {"kather100": ("labels.csv", "images"), "nct9": ("montage_labels.csv", "montage_crops")}
ENCODERS = ("statistics", "imagenet", "imagenet@128")
METRIC_AXES = 10


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tiles", type=Path, default=Path("../shared/data/tiles"))
    parser.add_argument("--encoders", default=",".join(ENCODERS))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if not given.tiles.is_dir():
        print(f"{given.tiles}: no such folder, nothing is measured: give --tiles.")
        return
    document = {
        name: of_set(given.tiles / name, *where, given.encoders.split(","), given.seeds)
        for name, where in SETS.items()
    }
    text = json.dumps(document, indent=1)
    print(text)
    print(_table(document))
    if given.out:
        given.out.write_text(text)


def of_set(
    folder: Path, labels: str, pictures: str, encoders: Sequence[str], seeds: int
) -> dict[str, dict[str, float]]:
    """Return NMI and ARI of each way to sort the tiles of one set."""
    tiles, kinds = read_tiles(folder, labels, pictures)
    colours = tiles[:, 0].reshape(len(tiles), -1, 3).mean(axis=1)
    rows = {"mean colours": _agreement(colours, kinds, seeds)}
    own: dict[str, Float] = {}
    for name in encoders:
        features, quarters = describe(name, tiles)
        own[name] = _balanced(features)
        rows[name] = _agreement(features, kinds, seeds)
        rows[f"{name}, metric"] = _agreement(_in_metric(features, quarters), kinds, seeds)
    for name in encoders:
        if name != "statistics" and "statistics" in own:
            joined = np.concatenate([own[name], own["statistics"]], axis=1)
            rows[f"{name} + statistics"] = _agreement(joined, kinds, seeds)
    return rows


def read_tiles(folder: Path, labels: str, pictures: str) -> tuple[NDArray[np.uint8], NDArray[np.str_]]:
    """Return (n, 1, y, x, 3) tiles and the kind of each."""
    with (folder / labels).open(newline="", encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    found = [folder / pictures / line["file"] for line in lines]
    tiles = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in found])
    return tiles[:, None], np.array([line["class"] for line in lines])


def describe(name: str, tiles: NDArray[np.uint8]) -> tuple[Float, Float]:
    """Return (n, f) features of the tiles and (n, 4, f) of their quarters."""
    record = encoder_of(name)
    side = record.input_px or 64
    encoder = record.make(_spec(name, side))
    codes = calibrated(resize_patches(tiles, side), calibrate_tiles(tiles).tables())
    half = side // 2
    corners = ((0, 0), (0, half), (half, 0), (half, half))
    quarters = [codes[:, :, y : y + half, x : x + half].contiguous() for y, x in corners]
    with torch.inference_mode():
        measured = [_measured(encoder, part) for part in (codes, *quarters)]
        encoder.learn(measured[0])
        whole, *parts = (encoder.condense(part).double().numpy() for part in measured)
    return whole, np.stack(parts, axis=1)


def _measured(encoder: EncoderPart, codes: torch.Tensor) -> torch.Tensor:
    return torch.cat([encoder.measure(part.float() / encoder.unit) for part in codes.split(8)])


def _spec(name: str, side: int) -> ModelSpec:
    record = encoder_of(name)
    return ModelSpec(
        format=3,
        architecture="neighbours_3",
        stains=("HE",),
        patch_px=side,
        input_px=side,
        clusters=2,
        encoder=name,
        frozen=None if record.identify is None else record.identify(name),
    )


def _in_metric(features: Float, quarters: Float) -> Float:
    """Return the places in the metric that quarters side by side, and one above the other, teach."""
    first = np.concatenate([quarters[:, 0], quarters[:, 2], quarters[:, 0], quarters[:, 1]])
    second = np.concatenate([quarters[:, 1], quarters[:, 3], quarters[:, 2], quarters[:, 3]])
    axes = min(METRIC_AXES, features.shape[1])
    rng = np.random.default_rng(0)
    return learn_metric(features, first, second, 1, axes=axes, rng=rng).apply(features)


def _balanced(features: Float) -> Float:
    """Scale features as a whole, so that each encoder has one variance in all."""
    centred = features - features.mean(axis=0)
    return np.asarray(centred / np.sqrt((centred**2).sum(axis=1).mean()))


def _agreement(points: Float, kinds: NDArray[np.str_], seeds: int) -> dict[str, float]:
    clusters = len(set(kinds.tolist()))
    labels = [KMeans(clusters, n_init=10, random_state=seed).fit_predict(points) for seed in range(seeds)]
    nmi = [float(normalized_mutual_info_score(kinds, found)) for found in labels]
    ari = [float(adjusted_rand_score(kinds, found)) for found in labels]
    return {
        "nmi": round(statistics.mean(nmi), 3),
        "ari": round(statistics.mean(ari), 3),
        "nmi_spread": round(statistics.pstdev(nmi), 3),
        "ari_spread": round(statistics.pstdev(ari), 3),
    }


def _table(document: dict[str, dict[str, Any]]) -> str:
    names = list(document)
    lines = ["| NMI / ARI | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for row in document[names[0]]:
        cells = (f"{document[name][row]['nmi']:.3f} / {document[name][row]['ari']:.3f}" for name in names)
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
