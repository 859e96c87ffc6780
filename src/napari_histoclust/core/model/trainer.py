"""One training step: views, network, loss, update, on any processor and in any precision."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from napari_histoclust.core.config import FitSettings
from napari_histoclust.core.model.augment import Views, draw_views, inner, make_views, margin_of
from napari_histoclust.core.model.devices import choose_device, choose_precision, on_card
from napari_histoclust.core.model.network import Network
from napari_histoclust.core.model.objective import (
    assignment_parts,
    probabilities,
    reconstruction_error,
    weighted_loss,
)

Stage = Literal["autoencoder", "classifier", "whole"]
Parts = dict[str, Tensor]


class Trainer:
    """A network in training, with its optimiser.

    Parameters
    ----------
    network : Network
        Moved to the processor of `settings`.
    settings : FitSettings
    fill : (s, 3) uint8 tensor
        Mean colour of each stain.
    """

    def __init__(self, network: Network, settings: FitSettings, fill: Tensor) -> None:
        self.settings = settings
        self.device = choose_device(settings)
        self._dtype = choose_precision(settings, self.device)
        self.network = network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimiser = _optimiser(self.network, settings)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self._dtype == torch.float16)
        self._fill = fill.to(self.device)

    def place(self, pixels: Tensor) -> Tensor:
        """Return the pixels on the graphics card, if half of what is free there holds them."""
        return on_card(pixels, self.device)

    def enter(self, stage: Stage) -> None:
        """Set which parts of the network learn; a part that does not learn keeps its running averages too."""
        learning = {
            "autoencoder": (True, False, True),
            "classifier": (False, True, False),
            "whole": (True, True, True),
        }[stage]
        parts = (self.network.encoder, self.network.classifier, self.network.decoder)
        for part, learns in zip(parts, learning, strict=True):
            part.train(learns).requires_grad_(learns)

    def set_rate(self, done: float) -> None:
        """Set the learning rate for when the share `done` of the training is over."""
        if self.settings.cool_down:
            set_rate(self.optimiser, self.settings.learning_rate * cooling(done))

    def views(self, n: int, rng: np.random.Generator) -> Views:
        """Draw the second views of a batch."""
        return draw_views(self.settings, n, len(self._fill), self.network.input_px, rng)

    def weights(self) -> dict[str, Tensor]:
        """Return the weights that a bundle keeps."""
        weights: dict[str, Tensor] = self.network.state_dict()
        return weights

    def step(self, pixels: Tensor, views: Views, stage: Stage) -> Parts:
        """Learn from one batch and return the loss and its parts, detached.

        Parameters
        ----------
        pixels : (n, 3 s, i + 2 m, i + 2 m) uint8 tensor
            The patches and what lies around them.
        views : Views
            How the second view of each patch differs.
        stage : Stage
        """
        self.optimiser.zero_grad(set_to_none=True)
        parts = self._parts(pixels, views, stage)
        loss = weighted_loss(parts, self.settings)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self.scaler.step(self.optimiser)
        self.scaler.update()
        return {"loss": loss.detach()} | {name: part.detach() for name, part in parts.items()}

    @torch.no_grad()
    def measure(self, pixels: Tensor, views: Views) -> Parts:
        """Return the loss and its parts without learning, BatchNorm on its running averages."""
        self.network.eval()
        parts = self._parts(pixels, views, "whole")
        return {"loss": weighted_loss(parts, self.settings)} | parts

    def _parts(self, pixels: Tensor, views: Views, stage: Stage) -> Parts:
        if self.device.type == "cuda" and pixels.device.type == "cpu":
            pixels = pixels.pin_memory()
        input_px = self.network.input_px
        stored = pixels.to(self.device, non_blocking=True).permute(0, 2, 3, 1).contiguous()
        patches = inner(stored.permute(0, 3, 1, 2), input_px).permute(0, 2, 3, 1).contiguous()
        plain = (patches.float() / 255).permute(0, 3, 1, 2)
        if stage == "autoencoder":
            return self._rebuild(plain)
        changed = make_views(stored, views, self._fill, margin_of(pixels, input_px)).permute(0, 3, 1, 2)
        return self._assign(plain, changed, rebuild=stage == "whole")

    def _rebuild(self, plain: Tensor) -> Parts:
        with torch.autocast(self.device.type, self._dtype, enabled=self._mixed):
            rebuilt = self.network(plain.to(self._dtype)).picture
        return {"reconstruction": reconstruction_error(plain, rebuilt)}

    def _assign(self, plain: Tensor, changed: Tensor, *, rebuild: bool) -> Parts:
        """Pass both views through the encoder at once, and the plain one on through the decoder."""
        n, network = len(plain), self.network
        with torch.autocast(self.device.type, self._dtype, enabled=self._mixed):
            both = torch.cat([plain, changed]).to(self._dtype)
            hidden = network.encoder(both, views=2)
            logits = network.classifier(hidden, views=2)
            rebuilt = network.decoder(hidden[:n], logits[:n]) if rebuild else None
        parts = {} if rebuilt is None else {"reconstruction": reconstruction_error(plain, rebuilt)}
        return parts | assignment_parts(*probabilities(logits).chunk(2))

    @property
    def _mixed(self) -> bool:
        return self._dtype != torch.float32


def cooling(done: float) -> float:
    """Return the factor on the learning rate, half a cosine that falls to 0, when a share is done."""
    return 0.5 * (1 + math.cos(math.pi * done))


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Learn at this rate from now on."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def _optimiser(network: nn.Module, settings: FitSettings) -> torch.optim.Optimizer:
    if settings.optimiser == "adam":
        return torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
    return torch.optim.Adadelta(network.parameters(), lr=settings.learning_rate)
