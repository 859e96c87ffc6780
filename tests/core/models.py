"""A bundle of untrained weights, for tests that need a model but not its labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from napari_histoclust.core.model.bundle import Model, ModelSpec, empty_network, save_model


def write_model(folder: Path, stains: Sequence[str], *, patch_px: int = 32, clusters: int = 4) -> Model:
    """Write a model of random weights to `folder`."""
    spec = ModelSpec(stains=tuple(stains), patch_px=patch_px, input_px=32, clusters=clusters)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = empty_network(spec)
    model = Model(spec, dict(network.state_dict()))
    save_model(model, folder)
    return model
