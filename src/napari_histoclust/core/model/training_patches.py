"""The patches of a training: which of them train and which are held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_histoclust.core.config import FitSettings
from napari_histoclust.core.errors import SettingError
from napari_histoclust.core.model.missing import Samples
from napari_histoclust.core.model.spec import ModelSpec


@dataclass(frozen=True, eq=False)
class TrainingPatches:
    """The pixels and which of them train."""

    pixels: Tensor
    input_px: int
    training: NDArray[np.int64]
    held_out: NDArray[np.int64]

    @classmethod
    def split(
        cls, pixels: Tensor, spec: ModelSpec, settings: FitSettings, rng: np.random.Generator
    ) -> TrainingPatches:
        """Draw which of (n, 3 s, i + 2 m, i + 2 m) uint8 pixels train.

        Raises
        ------
        SettingError
            If they are fewer than a batch.
        """
        channels, height, width = pixels.shape[1:]
        around = width - spec.input_px
        square = height == width and around >= 0 and around % 2 == 0
        if channels != 3 * len(spec.stains) or not square or pixels.dtype != torch.uint8:
            expected = (3 * len(spec.stains), spec.input_px, spec.input_px)
            raise ValueError(
                f"pixels are {tuple(pixels.shape)} {pixels.dtype}, expected n x {expected} uint8"
            )
        count = int(len(pixels) * settings.train_share)
        if count < settings.batch:
            raise SettingError(
                "{batch} {}: only {} patches to train on, give more {patches}, a smaller {batch} or a "
                "smaller {min_tissue}.",
                settings.batch,
                count,
            )
        order = rng.permutation(len(pixels))
        return cls(pixels, spec.input_px, order[:count], order[count:])

    def samples(self) -> Samples:
        """Return what is needed to learn to do without a stain."""
        return Samples(self.pixels, self.input_px, self.training, self.held_out)

    def mean_colours(self) -> Tensor:
        """Return the (s, 3) uint8 mean colour of each stain over the patches that train."""
        total = torch.zeros(self.pixels.shape[1], dtype=torch.float64)
        for rows in np.array_split(self.training, max(1, len(self.training) // 256)):
            total += self.pixels[torch.from_numpy(rows)].sum(dim=(2, 3), dtype=torch.int64).sum(dim=0)
        area = len(self.training) * self.pixels.shape[2] * self.pixels.shape[3]
        return (total / area).round().to(torch.uint8).view(-1, 3)
