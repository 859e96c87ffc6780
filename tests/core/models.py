"""A bundle of untrained weights, for tests that need a model but not its labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from napari_histoclust.core.model.bundle import Model, empty_network, save_model
from napari_histoclust.core.model.missing import key
from napari_histoclust.core.model.spec import ModelSpec


def write_model(folder: Path, stains: Sequence[str], *, patch_px: int = 32, clusters: int = 4) -> Model:
    """Write a model of random weights to `folder`."""
    spec = ModelSpec(stains=tuple(stains), patch_px=patch_px, input_px=32, clusters=clusters)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = empty_network(spec)
    model = Model(spec, dict(network.state_dict()))
    save_model(model, folder)
    return model


def robust_model(stains: Sequence[str], *, patch_px: int = 32, clusters: int = 3) -> Model:
    """Return an untrained model of the method neighbours that can do without the last of its stains."""
    spec = ModelSpec(
        format=2,
        architecture="neighbours_3",
        stains=tuple(stains),
        patch_px=patch_px,
        input_px=32,
        clusters=clusters,
        scaling="tissue_strength",
        encoders=1,
        latent=4,
    )
    state = {name: tensor.clone() for name, tensor in empty_network(spec).state_dict().items()}
    state["farthest"] = torch.tensor(1.0)  # what is not trained knows no border
    replaced = ("mean", "axes", "temperature", "lapse")
    gap = (len(stains) - 1,)
    return Model(spec, state, gaps={key(gap, name): torch.full_like(state[name], 0.5) for name in replaced})
