"""How encoders learn what a patch and its surroundings share, and find clusters with it.

Two views of a patch are shifted onto the tissue around it, so that they are neighbours; an encoder learns to
give both the same numbers while its numbers stay spread out and uncorrelated (VICReg, Bardes et al. 2022),
which maximises a bound of the mutual information between the views (Shwartz-Ziv et al. 2023). The paper's
principle, information maximisation, between a patch and its surroundings in place of its rotated copy.
n patches, s stains, i px a side, e encoders, d axes, K clusters.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from napari_histoclust.core.config import FitSettings
from napari_histoclust.core.model.augment import Views, draw_views, make_views, margin_of
from napari_histoclust.core.model.devices import choose_device, choose_precision, on_card
from napari_histoclust.core.model.encoders.neighbours import WIDTH, NeighbourEncoders
from napari_histoclust.core.model.neighbours import UNIT, NeighbourNetwork
from napari_histoclust.core.model.trainer import Parts, cooling, set_rate

_PROJECTED = (256, 128)
_INVARIANCE, _SPREAD, _COVARIANCE = 25.0, 25.0, 1.0
"""Weights of the loss (Bardes et al. 2022, section 4.2)."""

_RISE = 0.1
"""Share of the training in which the learning rate rises."""


class PairOfViews(NamedTuple):
    """How both views of each patch are made.

    Attributes
    ----------
    views : tuple of Views
        Shift, turn and strength of each.
    offset : (2, n, s) float32
        What is added to each stain, in units of its strength.
    kept : (2, n, s) bool
        Stains that are there; one that is not is glass.
    """

    views: tuple[Views, Views]
    offset: NDArray[np.float32]
    kept: NDArray[np.bool_]


def draw_pair(
    settings: FitSettings, n: int, stains: int, input_px: int, rng: np.random.Generator
) -> PairOfViews:
    """Draw both views of n patches; at least one stain of each is kept."""
    views = (
        draw_views(settings, n, stains, input_px, rng),
        draw_views(settings, n, stains, input_px, rng),
    )
    offset = rng.uniform(-settings.od_offset, settings.od_offset, (2, n, stains)).astype(np.float32)
    chance = rng.random((2, n, stains))
    kept = (chance >= settings.stain_dropout) | (chance == chance.max(axis=2, keepdims=True))
    return PairOfViews(views, offset, kept)


def make_pair(pixels: Tensor, pair: PairOfViews, margin_px: int) -> Tensor:
    """Look up both views.

    Parameters
    ----------
    pixels : (n, i + 2 m, i + 2 m, 3 s) uint8 tensor
        Codes of the patches and of what lies around them.
    pair : PairOfViews
    margin_px : int
        m.

    Returns
    -------
    (2 n, i, i, 3 s) float32 tensor, in units of the strength, first view first.
    """
    n, stains = pair.kept.shape[1:]
    glass = torch.zeros(stains, 3, dtype=torch.uint8, device=pixels.device)
    made = []
    for view, offset, kept in zip(pair.views, pair.offset, pair.kept, strict=True):
        plain = make_views(pixels, Views(view.maps, np.ones_like(view.density)), glass, margin_px)
        shaped = plain.view(*plain.shape[:3], stains, 3)
        factor, shift = (
            torch.from_numpy(part).to(pixels.device).view(n, 1, 1, stains, 1)
            for part in (view.density * kept * np.float32(255 / UNIT), offset * kept)
        )
        made.append((shaped * factor + shift).reshape(plain.shape))
    return torch.cat(made)


def vicreg_parts(one: Tensor, two: Tensor) -> Parts:
    """Return the parts of the loss for (n, p) projections of both views (Bardes et al. 2022, section 4.1)."""
    return {
        "invariance": functional.mse_loss(one, two),
        "spread": 0.5 * (_hinge(one) + _hinge(two)),
        "covariance": _off_diagonal(one) + _off_diagonal(two),
    }


def _hinge(projected: Tensor) -> Tensor:
    return functional.relu(1 - torch.sqrt(projected.var(dim=0) + 1e-4)).mean()


def _off_diagonal(projected: Tensor) -> Tensor:
    centred = projected - projected.mean(dim=0)
    covariance = centred.T @ centred / (len(centred) - 1)
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / covariance.shape[1]


class NeighbourTrainer:
    """Encoders in training, each with a projector that is thrown away afterwards.

    Parameters
    ----------
    network : NeighbourNetwork
        Moved to the processor of `settings`.
    settings : FitSettings
    """

    def __init__(self, network: NeighbourNetwork, settings: FitSettings) -> None:
        self.settings = settings
        self.device = choose_device(settings)
        self._dtype = choose_precision(settings, self.device)
        assert isinstance(network.encoders, NeighbourEncoders)
        self.labels, self._encoders = network, network.encoders
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self._projectors = nn.ModuleList(_projector() for _ in self._encoders.each())
        self.network = nn.ModuleDict({"labels": network, "projectors": self._projectors})
        self.network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=settings.learning_rate)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self._dtype == torch.float16)
        self._stains = self._encoders.stains

    def place(self, pixels: Tensor) -> Tensor:
        """Return the codes on the graphics card, if half of what is free there holds them."""
        return on_card(pixels, self.device)

    def enter(self, _: str) -> None:
        """Do nothing: all learns at once."""

    def set_rate(self, done: float) -> None:
        """Set the learning rate for when a share of the training is over: a rise, then half a cosine."""
        factor = done / _RISE if done < _RISE else cooling((done - _RISE) / (1 - _RISE))
        set_rate(self.optimiser, self.settings.learning_rate * factor)

    def views(self, n: int, rng: np.random.Generator) -> PairOfViews:
        """Draw both views of a batch."""
        return draw_pair(self.settings, n, self._stains, self.settings.input_px, rng)

    def weights(self) -> Parts:
        """Return the weights that a bundle keeps."""
        weights: dict[str, Tensor] = self.labels.state_dict()
        return weights

    def step(self, pixels: Tensor, views: PairOfViews, _: str) -> Parts:
        """Learn from (n, 3 s, i + 2 m, i + 2 m) codes; return the loss and its parts, detached."""
        self.network.train()
        self.optimiser.zero_grad(set_to_none=True)
        parts = self._parts(pixels, views)
        self.scaler.scale(parts["loss"]).backward()  # type: ignore[no-untyped-call]
        self.scaler.step(self.optimiser)
        self.scaler.update()
        return {name: part.detach() for name, part in parts.items()}

    @torch.no_grad()
    def measure(self, pixels: Tensor, views: PairOfViews) -> Parts:
        """Return the loss and its parts without learning, BatchNorm on its running averages."""
        self.network.eval()
        return self._parts(pixels, views)

    def _parts(self, pixels: Tensor, views: PairOfViews) -> Parts:
        stored = pixels.to(self.device, non_blocking=True).permute(0, 2, 3, 1).contiguous()
        both = make_pair(stored, views, margin_of(pixels, self.settings.input_px)).permute(0, 3, 1, 2)
        sums: Parts = {}
        for encoder, projector in zip(self._encoders.each(), self._projectors, strict=True):
            with torch.autocast(self.device.type, self._dtype, enabled=self._dtype != torch.float32):
                projected = projector(encoder(both))
            for name, part in vicreg_parts(*projected.float().chunk(2)).items():
                sums[name] = sums.get(name, torch.zeros((), device=self.device)) + part
        mean = {name: part / len(self._projectors) for name, part in sums.items()}
        loss = _INVARIANCE * sums["invariance"] + _SPREAD * sums["spread"] + _COVARIANCE * sums["covariance"]
        return {"loss": loss} | mean


def _projector() -> nn.Sequential:
    hidden, out = _PROJECTED
    return nn.Sequential(
        nn.Linear(WIDTH, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, out)
    )
