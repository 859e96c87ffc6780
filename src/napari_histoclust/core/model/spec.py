"""What a model is, without its weights: all that model.json says."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from napari_histoclust.core.atomic import now
from napari_histoclust.core.config import DEFAULT_ENCODER, FitSettings
from napari_histoclust.core.model.card import Card
from napari_histoclust.core.model.drift import Seen
from napari_histoclust.core.model.encoder import FrozenIdentity
from napari_histoclust.core.model.network import LATENT
from napari_histoclust.core.slides.scale import UmPerPx

FORMATS = (1, 2, 3)
"""Bundle formats that are read: 1 the autoencoder, 2 encoders trained by neighbours, 3 any encoder."""


class ModelSpec(BaseModel):
    """Everything needed to build a model and to apply it to a slide.

    Attributes
    ----------
    stains : tuple of str
        Stains in the order of the network's channels, three channels (red, green, blue) each.
    patch_px : int
        Side of a patch in px of the slide's full resolution, as trained.
    um_per_px : float or None
        Physical size of such a px, where it was known.
    input_px : int
        Side to which a patch is resized (bicubic with antialiasing) for the network.
    axes : "yx" or "xy"
        Order of the image axes that the network expects; the authors' own models take x first.
    scaling : "divide_by_255" or "tissue_strength"
        How px values become the network's numbers: 0..1, or optical density above the slide's own glass in
        units of its own tissue (`core/stains/calibration.py`).
    encoder : str
        What describes a patch to the metric, as `core/model/encoder.py` reads it; a file by its whole path.
    frozen : FrozenIdentity or None
        The network that is not in the bundle, where the encoder is one that was trained elsewhere.
    encoders, latent : int
        Encoders side by side, and numbers that describe a patch.
    history : tuple of dict
        One record an epoch: "epoch" (from 1), "loss" and its parts "reconstruction" (mean square error),
        "marginal" (entropy of the mean assignment), "conditional" (mean entropy) and "consistency" (mean
        divergence), and the same with the prefix "held_out_" where patches were held out. The parts are
        not weighted.
    trained_on : tuple of str
        Checksums of the image files that the training patches came from.
    reliability : dict or None
        What `Reliability.document` says of the confidence; None for a model that does not calibrate it.
    card : Card or None
        How many patches keep their cluster under changes; None where it was not measured.
    seen : Seen or None
        What the training slides were like; None where it was not measured.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = 1
    architecture: Literal["conv_im_4", "neighbours_3"] = "conv_im_4"
    stains: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1, max_length=100)]
    patch_px: Annotated[int, Field(ge=4, le=2**20)]
    um_per_px: UmPerPx | None = None
    input_px: Annotated[int, Field(ge=16, le=1024, multiple_of=2)] = 64
    clusters: Annotated[int, Field(ge=2, le=200)]
    axes: Literal["yx", "xy"] = "yx"
    scaling: Literal["divide_by_255", "tissue_strength"] = "divide_by_255"
    encoder: str = DEFAULT_ENCODER
    frozen: FrozenIdentity | None = None
    encoders: Annotated[int, Field(ge=1, le=8)] = 1
    latent: Annotated[int, Field(ge=2, le=4096)] = LATENT
    settings: FitSettings = FitSettings()
    history: tuple[dict[str, float], ...] = ()
    created: str = Field(default_factory=now)
    trained_on: tuple[str, ...] = ()
    source: str = "napari-histoclust"
    reliability: dict[str, Any] | None = None
    card: Card | None = None
    seen: Seen | None = None

    @field_validator("stains")
    @classmethod
    def _stains_are_apart(cls, stains: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(stains)) < len(stains):
            raise ValueError("one stain is named twice")
        return stains
