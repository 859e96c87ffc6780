"""Encode patches of 128 px with the full paper network: straight versions and ours, turn by turn.

    python benchmarks/bench_encoding.py [--rounds 7] [--patches 512]

Straight: the network as it stands in evaluation mode, float32, channels first or last, 64 patches at a time.
Ours: `Encoder.encode_pixels`. The last line adds the resize from 128 px. Medians of alternating rounds.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

import numpy as np
import torch
from bench_floor import PRECISIONS, arguments, encoding_operations, matrix_rate, seconds
from torch import Tensor

from napari_histoclust.core.model.bundle import Model, empty_network
from napari_histoclust.core.model.encode import Encoder, resize_patches
from napari_histoclust.core.model.network import latent_vectors
from napari_histoclust.core.model.spec import ModelSpec
from napari_histoclust.core.settings import ComputeSettings


def main() -> None:
    given = arguments(__doc__, rounds=7, patches=512)
    patches = np.random.default_rng(0).integers(0, 256, (given.patches, 5, 128, 128, 3), dtype=np.uint8)
    spec = ModelSpec(stains=("HE", "CD31", "CK19", "Ki67", "MT"), patch_px=128, clusters=14)
    model = Model(spec, empty_network(spec).state_dict())
    pixels = resize_patches(patches, 64)
    encoders = {
        name: Encoder(model, ComputeSettings.model_validate({"device": "cpu", "precision": name}))
        for name in PRECISIONS
    }
    best = Encoder(model, ComputeSettings(device="cpu"))
    runs: dict[str, Callable[[], object]] = {
        "straight": lambda: _straight(model, pixels, torch.contiguous_format),
        "straight, channels last": lambda: _straight(model, pixels, torch.channels_last),
        "ours, float32": lambda: encoders["float32"].encode_pixels(pixels),
        "ours, bfloat16": lambda: encoders["bfloat16"].encode_pixels(pixels),
        "resize alone": lambda: resize_patches(patches, 64),
        "ours, auto, with resize": lambda: best.encode(patches),
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(given.rounds + 1):
        for name, run in runs.items():
            times[name].append(seconds(run))
    work = encoding_operations(model.network()) / 1e9
    _report({name: clocks[1:] for name, clocks in times.items()}, given.patches, work)


def _report(times: dict[str, list[float]], patches: int, work: float) -> None:
    rates = {name: matrix_rate(dtype) for name, dtype in PRECISIONS.items()}
    floors = ", ".join(f"{name} {rate / work:.0f}" for name, rate in rates.items())
    print(f"{work:.3f} GFLOP a patch; floors in patches/s: {floors}")
    print(f"{'':26}{'patches/s':>10}{'best':>8}{'x straight':>12}")
    plain = statistics.median(times["straight"])
    for name, clocks in times.items():
        middle = statistics.median(clocks)
        print(f"{name:26}{patches / middle:10.0f}{patches / min(clocks):8.0f}{plain / middle:12.2f}")


def _straight(model: Model, pixels: Tensor, layout: torch.memory_format) -> Tensor:
    network = model.network().to(memory_format=layout)  # type: ignore[call-overload]
    results = []
    with torch.no_grad():
        for chunk in pixels.split(64):
            hidden = network.encoder((chunk.float() / 255).contiguous(memory_format=layout))
            p = network.classifier(hidden).flatten(1).softmax(1)
            results.append(torch.cat([latent_vectors(hidden), p], dim=1))
    return torch.cat(results)


if __name__ == "__main__":
    main()
