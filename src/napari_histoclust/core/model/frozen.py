"""Encoders around a network that somebody else trained: each stain by itself, as a picture of three colours.

The stain's picture is drawn anew from its calibrated codes, so that light and strength of the slide do not
reach the network. What it answers is kept on disk (`feature_cache.py`); of it a model takes the principal
axes of each stain that its training patches showed. n patches, s stains, i px a side, w numbers a picture.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.model.encoder import EncoderPart, FrozenIdentity
from napari_histoclust.core.model.feature_cache import FeatureCache, digests_of

AXES = 16
"""Principal axes of each stain."""

STRENGTH = 0.6
"""Optical density at which tissue of a stain's own strength is shown to the network; glass is white.

Of 0.4 to 0.7 it did best on tiles in hematoxylin and eosin (docs/measured.md)."""

_CHUNK, _CHUNK_PX = {"cpu": 8, "cuda": 256, "mps": 64}, 64
"""Patches of 64 px at a time; fewer of larger ones."""
_LEAST_SPREAD = 1e-6
IMAGENET_MEAN, IMAGENET_SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True, eq=False)
class FrozenNetwork:
    """A network ready to be asked.

    Parameters
    ----------
    module : nn.Module
        Maps (n, 3, i, i) float pictures to (n, w), (n, w, h, w') or (n, tokens, w) numbers.
    mean, spread : tuple of float
        Of red, green and blue in 0..1, by which it wants its pictures normalised.
    """

    module: nn.Module
    mean: tuple[float, ...] = IMAGENET_MEAN
    spread: tuple[float, ...] = IMAGENET_SPREAD

    def answer(self, pictures: Tensor) -> Tensor:
        """Return (n, w) numbers of (n, 3, i, i) pictures in 0..1, grids and tokens averaged.

        Raises
        ------
        HistoclustError
            If it refuses the pictures or its answer has another form.
        """
        mean, spread = (
            torch.tensor(three, device=pictures.device).view(3, 1, 1) for three in (self.mean, self.spread)
        )
        precision = _precision(pictures.device)
        mixed = torch.autocast(pictures.device.type, precision, enabled=precision != torch.float32)
        try:
            with mixed:
                answer = self.module(((pictures - mean) / spread).to(memory_format=torch.channels_last))
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, AssertionError, ValueError, TypeError, torch.jit.Error) as error:
            reason = " ".join(str(error).split())[-200:]
            raise HistoclustError(
                f"The network takes no pictures of {pictures.shape[-1]} px ({reason}): give its own side "
                f"behind an @, such as @224."
            ) from error
        answer = answer[0] if isinstance(answer, tuple | list) and answer else answer
        if not isinstance(answer, Tensor) or answer.ndim not in (2, 3, 4) or len(answer) != len(pictures):
            raise HistoclustError("The network gives no (n, w) numbers, (n, tokens, w) or (n, w, y, x) maps.")
        grid = {2: (), 3: (1,), 4: (2, 3)}[answer.ndim]
        return answer.float().mean(dim=grid) if grid else answer.float()


def _precision(device: torch.device) -> torch.dtype:
    return torch.float16 if device.type == "cuda" else torch.float32


def checksum_of_file(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises
    ------
    HistoclustError
        If it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise HistoclustError(f"{path}: cannot be read ({error.strerror}).") from error


def check_file(path: Path, expected: str, advice: str) -> None:
    """Raise HistoclustError if a file of weights is another than the one asked for."""
    found = checksum_of_file(path)
    if found != expected:
        raise HistoclustError(
            f"{path}: is another network than the one the model was made with (SHA-256 {found[:12]}… in "
            f"place of {expected[:12]}…): {advice}."
        )


class FrozenEncoder(EncoderPart):
    """A frozen network asked for each stain, and the principal axes of its answers.

    The network's weights are no part of this one's state, so that no bundle copies them; it is loaded when it
    is first asked, so that a bundle can be looked at where the network is missing.

    Parameters
    ----------
    stains, input_px : int
    identity : FrozenIdentity
    load : callable
        Returns the network, or raises HistoclustError.
    """

    centre: Tensor
    spread: Tensor
    axes: Tensor

    def __init__(
        self, stains: int, input_px: int, identity: FrozenIdentity, load: Callable[[], FrozenNetwork]
    ) -> None:
        super().__init__()
        self.groups, self.kept = stains, min(AXES, identity.width)
        self.width = stains * self.kept
        self._input_px, self._identity, self._load = input_px, identity, load
        self._network: list[FrozenNetwork] = []  # a list hides it from the state
        self._cache: FeatureCache | None = None
        self.register_buffer("centre", torch.zeros(stains, identity.width))
        self.register_buffer("spread", torch.ones(stains, identity.width))
        self.register_buffer("axes", torch.zeros(stains, identity.width, self.kept))

    def ready(self, device: torch.device) -> None:
        """Load the network and bring it to a processor; on a graphics card it counts in 16 bits.

        Raises
        ------
        HistoclustError
            If it is missing, or another one.
        """
        if not self._network:
            self._network.append(self._load())
        self._network[0].module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.chunk = max(1, round(_CHUNK[device.type] * (_CHUNK_PX / self._input_px) ** 2))
        precision = str(_precision(device)).removeprefix("torch.")
        kind = f"{self._identity.sha256[:24]}-{self._input_px}-{precision}"
        self._cache = FeatureCache(kind, self.groups * self._identity.width)

    def precision(self, device: torch.device, chosen: torch.dtype) -> torch.dtype:
        """Return 16 bits for a graphics card, 32 elsewhere."""
        return _precision(device)

    def measure(self, pictures: Tensor) -> Tensor:
        """Return the (n, s w) answers for (n, 3 s, i, i) pictures in units of the stains' strength.

        They are rounded to 16 bits, whether they come from the network or from the disk.
        """
        if self._cache is None:
            self.ready(pictures.device)
        assert self._cache is not None, "made ready"
        codes = (pictures * self.unit).round().to(torch.uint8).contiguous().cpu().numpy()
        digests = digests_of(codes)
        found, missing = self._cache.find(digests)
        if len(missing):
            answers = self._ask(pictures[torch.from_numpy(missing).to(pictures.device)])
            found[missing] = answers.half().cpu().numpy()
            self._cache.add(digests[missing], found[missing])
        return torch.from_numpy(found.astype(np.float32)).to(pictures.device)

    def _ask(self, pictures: Tensor) -> Tensor:
        n, side = len(pictures), pictures.shape[-1]
        colours = torch.pow(10.0, -STRENGTH * pictures.reshape(n * self.groups, 3, side, side))
        with torch.inference_mode():
            answers = self._network[0].answer(colours)
        if not torch.isfinite(answers.half()).all():
            raise HistoclustError("The network's answer is not finite, take another one.")
        return answers.reshape(n, -1)

    def learn(self, measured: Tensor) -> None:
        """Keep the centre, the spread of each part as a whole, and each stain's leading principal axes.

        Stages of a network count on scales of their own, so that each is given one variance in all; inside
        a stage a number that varies more says more, and keeps doing so.
        """
        by_stain = measured.double().view(len(measured), self.groups, -1)
        centre = by_stain.mean(dim=0)
        parts = list(self._identity.parts or (self._identity.width,))
        whole = [
            part.sum(dim=1, keepdim=True).sqrt()
            for part in by_stain.var(dim=0, correction=0).split(parts, dim=1)  # type: ignore[no-untyped-call]
        ]
        spread = torch.cat([one.expand(-1, width) for one, width in zip(whole, parts, strict=True)], dim=1)
        spread = spread.clamp(min=_LEAST_SPREAD)
        scaled = (by_stain - centre) / spread
        for stain in range(self.groups):
            one = scaled[:, stain]
            _, vectors = torch.linalg.eigh(one.T @ one)
            self.axes[stain].copy_(vectors.flip(1)[:, : self.kept])
        self.centre.copy_(centre)
        self.spread.copy_(spread)

    def condense(self, measured: Tensor) -> Tensor:
        """Return (n, 16 s) places along the axes, stain after stain."""
        by_stain = (measured.view(len(measured), self.groups, -1) - self.centre) / self.spread
        return torch.einsum("nsw,swa->nsa", by_stain, self.axes).reshape(len(measured), -1)
