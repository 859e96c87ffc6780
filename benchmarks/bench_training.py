"""Train the full paper network on batches of 100 patches: a straight version and ours, turn by turn.

    python benchmarks/bench_training.py [--rounds 5] [--batch 100]

The straight version is what one writes first: float32, channels first, each view through the encoder by
itself, each stain's affine by `affine_grid` and `grid_sample`. A step is views, forwards, backwards and
update. Medians of the rounds; rounds alternate, so that a busy machine slows all alike.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from bench_floor import PRECISIONS, arguments, matrix_rate, training_operations
from torch import Tensor
from torch.nn import functional

from napari_histoclust.core.config import FitSettings
from napari_histoclust.core.model.augment import draw_views
from napari_histoclust.core.model.network import Network
from napari_histoclust.core.model.trainer import Trainer


def main() -> None:
    given = arguments(__doc__, rounds=5, batch=100)
    pixels = torch.randint(0, 256, (given.batch, 15, 64, 64), dtype=torch.uint8)
    runs = {
        "straight": _straight(pixels),
        "ours, float32": _ours(pixels, FitSettings(device="cpu", precision="float32")),
        "ours, bfloat16": _ours(pixels, FitSettings(device="cpu", precision="bfloat16")),
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for _ in range(given.rounds + 1):
        for name, run in runs.items():
            times[name].append(_clocks(run))
    work = training_operations(Network(5, 14)) / 1e9
    rates = {name: matrix_rate(dtype) for name, dtype in PRECISIONS.items()}
    _report({name: pairs[1:] for name, pairs in times.items()}, given.batch, work, rates)


def _clocks(run: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cpu


def _report(
    times: dict[str, list[tuple[float, float]]], batch: int, work: float, rates: dict[str, float]
) -> None:
    print(f"{work:.2f} GFLOP a patch; matrix products " + ", ".join(f"{n} {r:.0f}" for n, r in rates.items()))
    print(
        f"{'':16}{'patches/s':>10}{'best':>8}{'a CPU s':>9}{'x straight':>12}{'floor/s':>9}{'of floor':>10}"
    )
    plain = statistics.median(wall for wall, _ in times["straight"])
    for name, pairs in times.items():
        wall, cpu = (statistics.median(clock) for clock in zip(*pairs, strict=True))
        best = min(clock for clock, _ in pairs)
        floor = rates["bfloat16" if "bfloat16" in name else "float32"] / work
        speeds = f"{batch / wall:10.1f}{batch / best:8.1f}{batch / cpu:9.1f}{plain / wall:12.2f}"
        print(f"{name:16}{speeds}{floor:9.0f}{batch / wall / floor:10.0%}")


def _ours(pixels: Tensor, settings: FitSettings) -> Callable[[], object]:
    trainer = Trainer(Network(5, 14), settings, torch.full((5, 3), 128, dtype=torch.uint8))
    trainer.enter("whole")
    rng = np.random.default_rng(0)
    return lambda: trainer.step(pixels, draw_views(settings, len(pixels), 5, 64, rng), "whole")


def _straight(pixels: Tensor) -> Callable[[], object]:
    network = Network(5, 14).train()
    optimiser = torch.optim.Adadelta(network.parameters(), lr=0.003)
    views = draw_views(FitSettings(), len(pixels), 5, 64, np.random.default_rng(0))

    def step() -> None:
        x = pixels.float() / 255
        output = network(x)
        p = output.logits.flatten(1).softmax(1)
        changed = network.encoder(_straight_views(x, torch.from_numpy(views.maps)))
        q = network.classifier(changed).flatten(1).softmax(1)
        loss = functional.mse_loss(output.picture, x) - 0.10 * _entropy(p.mean(0)) + 0.03 * _entropy(p).mean()
        loss = loss + 0.03 * (p * ((p + 1e-8).log() - (q + 1e-8).log())).sum(1).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return step


def _straight_views(x: Tensor, maps: Tensor) -> Tensor:
    """Affine per stain; a channel of ones tells where the mean colour goes."""
    n, channels, side, _ = x.shape
    pictures = torch.cat([x.view(-1, 3, side, side), torch.ones(n * channels // 3, 1, side, side)], 1)
    theta = maps.reshape(-1, 2, 3).flip(1)[..., [1, 0, 2]] * torch.tensor([1, 1, 2 / side])
    grid = functional.affine_grid(theta, list(pictures.shape), align_corners=False)
    moved = functional.grid_sample(pictures, grid, mode="nearest", align_corners=False)
    colour, inside = moved[:, :3], moved[:, 3:]
    return torch.where(inside > 0, colour, torch.tensor(0.5)).view(n, channels, side, side)


def _entropy(p: Tensor) -> Tensor:
    return -(p * (p + 1e-8).log()).sum(-1)


if __name__ == "__main__":
    main()
