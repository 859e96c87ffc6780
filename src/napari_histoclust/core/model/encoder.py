"""What an encoder is, and how a setting names one.

Each is a record in a file of its own in `encoders`, found there by the file's name; `timm:NAME` and the path
of a TorchScript file name networks that the user brings. After an encoder the metric and k-means do the rest.
n patches, s stains, i px a side, w numbers measured, f features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from napari_histoclust.core.config import FitSettings
from napari_histoclust.core.errors import SettingError
from napari_histoclust.core.model import encoders as package

if TYPE_CHECKING:
    from napari_histoclust.core.model.neighbour_trainer import NeighbourTrainer
    from napari_histoclust.core.model.neighbours import NeighbourNetwork
    from napari_histoclust.core.model.spec import ModelSpec

Needs = Literal["codes", "colours"]
Features = Callable[[Tensor], Tensor]

UNITS: dict[Needs, float] = {"codes": 40.0, "colours": 255.0}
"""What pixels are divided by: codes become units of the stain's own strength, colours 0..1."""

_SMALLEST_PX, _LARGEST_PX = 16, 1024


class EncoderPart(nn.Module):
    """The encoder inside a network: pictures in, numbers of each patch out.

    `measure` is what costs and depends on the picture alone; `condense` makes the features of it, with what
    `learn` has found on the patches that train. Both are together `forward`.

    Attributes
    ----------
    width : int
        f.
    groups : int
        Parts of equal width, one a stain or one a trained encoder; the metric takes principal axes of each.
    unit : float
        What the pixels were divided by: that of what its record needs, see `UNITS`.
    chunk : int or None
        Patches at a time, where the usual number would let a person who cancels wait.
    """

    width: int
    groups: int
    unit: float = UNITS["codes"]
    chunk: int | None = None

    def measure(self, pictures: Tensor) -> Tensor:
        """Return (n, w) numbers of (n, 3 s, i, i) pictures."""
        raise NotImplementedError

    def learn(self, measured: Tensor) -> None:
        """Fill the buffers that `condense` uses from (n, w) numbers of the patches that train."""

    def condense(self, measured: Tensor) -> Tensor:
        """Return (n, f) features of (n, w) numbers."""
        return measured

    def forward(self, pictures: Tensor) -> Tensor:
        """Return (n, f) features of (n, 3 s, i, i) pictures."""
        return self.condense(self.measure(pictures))

    def ready(self, device: torch.device) -> None:
        """Load what `measure` needs, and set `chunk`.

        Raises
        ------
        HistoclustError
            If it is not there.
        """

    def precision(self, device: torch.device, chosen: torch.dtype) -> torch.dtype:
        """Return the arithmetic in which it is applied on a processor, where the settings chose `chosen`."""
        return torch.float32

    def applied(self, device: torch.device, dtype: torch.dtype) -> Features:
        """Return the function from (n, 3 s, i, i) uint8 pixels to (n, f) features, ready for a processor.

        Raises
        ------
        HistoclustError
            If what the encoder needs is not there.
        """
        self.ready(device)
        part = self.to(device)
        return lambda pixels: part(pixels.float() / part.unit)


class FrozenIdentity(BaseModel):
    """Which network a bundle was made with: its weights are not in it.

    Attributes
    ----------
    sha256 : str
        Of the weights' file, or of the weights themselves where they come from timm.
    width : int
        Numbers that it gives a picture.
    parts : tuple of int
        Widths of the parts that these come from, such as its stages; empty where they are one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    width: int
    parts: tuple[int, ...] = ()


@dataclass(frozen=True)
class EncoderRecord:
    """An encoder as its file in `encoders` declares it.

    Attributes
    ----------
    help : str
        One line for a person who chooses.
    make : callable
        Builds the encoder of a model's specification, untrained.
    needs : "codes" or "colours"
        Pixels calibrated by slide, or as they are.
    input_px : int or None
        Side to which patches are resized; None: what the settings say.
    trainer : callable or None
        Makes what trains it by neighbours; None: nothing is trained.
    identify : callable or None
        Says which frozen network it takes.
    value : str
        What the settings call it; filled in by `encoder_of`.
    """

    help: str
    make: Callable[[ModelSpec], EncoderPart]
    needs: Needs = "codes"
    input_px: int | None = None
    trainer: Callable[[NeighbourNetwork, FitSettings], NeighbourTrainer] | None = None
    identify: Callable[[str], FrozenIdentity] | None = None
    value: str = ""

    @property
    def scaling(self) -> Literal["divide_by_255", "tissue_strength"]:
        """What a bundle says of it."""
        return "tissue_strength" if self.needs == "codes" else "divide_by_255"


def encoder_of(value: str) -> EncoderRecord:
    """Return the record of an encoder: "statistics", "imagenet@128", "timm:NAME", "folder/network.pt@224".

    Raises
    ------
    HistoclustError
        If there is no such encoder, or the side behind the @ does not fit.
    """
    name, side = split_side(value)
    if name.isidentifier() and find_spec(f"{package.__name__}.{name}") is not None:
        record: EncoderRecord = import_module(f"{package.__name__}.{name}").ENCODER
    else:
        from napari_histoclust.core.model.brought import brought

        record = brought(name)
    record = replace(record, value=record.value or name)
    if side is None:
        return record
    return replace(record, input_px=_checked_side(record, side), value=f"{record.value}@{side}")


def split_side(value: str) -> tuple[str, int | None]:
    """Return name and side of "imagenet@128"."""
    name, mark, side = value.rpartition("@")
    return (name, int(side)) if mark and side.isdecimal() else (value, None)


def _checked_side(record: EncoderRecord, side: int) -> int:
    if record.input_px is None:
        raise SettingError("{encoder} {}: takes its side from {input_px}, leave the @ out.", record.value)
    if not _SMALLEST_PX <= side <= _LARGEST_PX or side % 2:
        raise SettingError(
            "{encoder} {}: the side behind the @ must be even, {} to {} px.",
            record.value,
            _SMALLEST_PX,
            _LARGEST_PX,
        )
    return side
