"""Measuring a model's robustness card: changed patches of the training slides through the finished model.

What moves or smears the picture is done at full resolution, with the px around each patch; what changes
single px values is done on the network's small pictures, and the slide's calibration is measured anew as on a
slide that was changed as a whole. n patches, s stains, i px a side.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.model.card import MISSING, Card, CardLine
from napari_histoclust.core.model.drift import Seen, percentiles_of
from napari_histoclust.core.model.encode import Encoder, calibrated, resize_patches
from napari_histoclust.core.model.missing import can_do_without, without
from napari_histoclust.core.patches.sample import sample_patches
from napari_histoclust.core.slides.absent import GLASS
from napari_histoclust.core.stains.calibration import Calibration, calibrate_changed
from napari_histoclust.core.steps.measure_drift import bands, medians_without, unlikeness

if TYPE_CHECKING:
    from napari_histoclust.core.config import FitSettings
    from napari_histoclust.core.model.bundle import Model
    from napari_histoclust.core.slides.protocol import UInt8
    from napari_histoclust.core.slides.stack import Stack
    from napari_histoclust.core.stains.calibration import SlideMeasures

MOST_PATCHES, LEAST_PATCHES, SHARE = 500, 50, 0.2
"""Patches that are changed: a fifth as many as the training read, within these bounds."""

OFF_PX = 10
"""Px of full resolution by which one stain is off its place."""

JPEG_QUALITY = 60
_MARGIN_PX = OFF_PX + 2
_BINOMIAL = (1, 4, 6, 4, 1)
"""A blur of one px standard deviation, times 16."""

Labels = NDArray[np.int16]


def _darker(factor: float) -> UInt8:
    return _table(np.arange(256) * factor)


def _stronger(factor: float) -> UInt8:
    """Return the table for a stain whose optical density is multiplied."""
    return _table(255 * (np.arange(256) / 255) ** factor)


def _table(values: NDArray[np.floating]) -> UInt8:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


TONES: dict[str, UInt8] = {
    "5 % darker": _darker(0.95),
    "10 % darker": _darker(0.9),
    "stained 20 % more strongly": _stronger(1.2),
    "stained 20 % more weakly": _stronger(0.8),
}
"""Changes of px values: what each of 0..255 becomes, in all stains."""


@dataclass(frozen=True, eq=False)
class _Pictures:
    """Patches at the network's size, (n, 3 s, i, i) uint8 each.

    In `off` every stain is `OFF_PX` away from its place.
    """

    plain: UInt8
    jpeg: UInt8
    blurred: UInt8
    off: UInt8
    stack_index: NDArray[np.int16]


def measure_card(
    stacks: Sequence[Stack], model: Model, settings: FitSettings, measures: SlideMeasures
) -> Job[tuple[Card, Seen] | None]:
    """Try a model on changed patches of the slides that it was trained on, and note what these are like.

    Parameters
    ----------
    stacks : sequence of Stack
        The slides.
    model : Model
        One of the method neighbours.
    settings : FitSettings
        Of the training: patch side, least tissue, seed.
    measures : SlideMeasures
        Tissue and calibration of the slides.

    Returns
    -------
    (Card, Seen) or None
        None where a slide is too small for a patch and the px around it.
    """
    start, spec = time.monotonic(), model.spec
    room = min(min(stack.shapes[0]) for stack in stacks) - spec.patch_px
    if room < 2 * _MARGIN_PX:
        return None
    pictures = yield from _read(stacks, model, settings, measures)
    mine, changed = [], []
    for stack in stacks:
        mask = yield from measures.find(stack, spec.stains, spec.patch_px)
        mine.append((yield from measures.calibration(stack, spec.stains, spec.patch_px)))
        changed.append((yield from calibrate_changed(stack, spec.stains, mask, list(TONES.values()))))
    lines = []
    trial = _Trial(model, settings, pictures, mine, changed)
    for done, line in enumerate(trial.lines()):
        lines.append(line)
        yield Progress("Measuring the robustness card", done + 1, trial.count)
    seconds = round(time.monotonic() - start, 1)
    return Card(patches=len(pictures.plain), seconds=seconds, lines=tuple(lines)), trial.seen(mine)


def _read(
    stacks: Sequence[Stack], model: Model, settings: FitSettings, measures: SlideMeasures
) -> Job[_Pictures]:
    """Read random patches and change them at full resolution as they come."""
    spec, tissue = model.spec, []
    for stack in stacks:
        tissue.append((yield from measures.find(stack, spec.stains, spec.patch_px)))

    def small(patches: UInt8) -> UInt8:
        parts = [change(patches) for change in (_plain, _through_jpeg, _blur, _shift)]
        return np.concatenate(
            [resize_patches(part, spec.input_px, spec.axes).numpy() for part in parts], axis=1
        )

    sampled = yield from sample_patches(
        stacks,
        tissue,
        spec.stains,
        count=min(MOST_PATCHES, max(LEAST_PATCHES, round(SHARE * settings.patches))),
        patch_px=spec.patch_px,
        seed=(settings.seed + 1) % 2**32,  # other places than those that trained
        min_tissue=settings.min_tissue,
        min_valid=settings.min_valid,
        surround=_MARGIN_PX / spec.patch_px,
        resize=small,
    )
    plain, jpeg, blurred, off = np.split(sampled.pixels, 4, axis=1)
    return _Pictures(plain, jpeg, blurred, off, sampled.stack_index)


def _plain(patches: UInt8, off_px: int = 0) -> UInt8:
    """Cut the patch itself out of what was read, `off_px` to the right of its place."""
    first, last = _MARGIN_PX, patches.shape[2] - _MARGIN_PX
    return patches[:, :, first:last, first + off_px : last + off_px]


def _shift(patches: UInt8) -> UInt8:
    return _plain(patches, OFF_PX)


def _blur(patches: UInt8) -> UInt8:
    """Smooth along both axes by the binomial of five px."""
    around = patches[:, :, _MARGIN_PX - 2 : 2 - _MARGIN_PX, _MARGIN_PX - 2 : 2 - _MARGIN_PX].astype(np.uint16)
    height, width = around.shape[2] - 4, around.shape[3] - 4
    across = np.zeros((*around.shape[:3], width, 3), np.uint16)
    both = np.full((*around.shape[:2], height, width, 3), 128, np.uint16)
    for place, weight in enumerate(_BINOMIAL):
        across += np.uint16(weight) * around[:, :, :, place : place + width]
    for place, weight in enumerate(_BINOMIAL):
        both += np.uint16(weight) * across[:, :, place : place + height]
    return (both >> 8).astype(np.uint8)


def _through_jpeg(patches: UInt8) -> UInt8:
    """Compress each stain of each patch, with the px around it, and take the patch out of it."""
    import imagecodecs

    seen = np.empty_like(patches)
    for index in np.ndindex(patches.shape[:2]):
        seen[index] = imagecodecs.jpeg8_decode(
            imagecodecs.jpeg8_encode(np.ascontiguousarray(patches[index]), level=JPEG_QUALITY)
        )
    return _plain(seen)


class _Trial:
    """The model and the patches that it is tried on."""

    def __init__(
        self,
        model: Model,
        settings: FitSettings,
        pictures: _Pictures,
        mine: Sequence[Calibration],
        changed: Sequence[Sequence[Calibration]],
    ) -> None:
        self._model, self._settings, self._pictures = model, settings, pictures
        self._encoder = Encoder(model, settings)
        self._own = [calibration.tables() for calibration in mine]
        self._changed = [[calibration.tables() for calibration in of] for of in changed]
        self._calibrates = model.spec.scaling == "tissue_strength"
        self._codes = self._coded(pictures.plain, self._own)
        self._labels = self._encoder.encode_pixels(self._codes).labels
        self._alone = [s for s in model.spec.stains if can_do_without(model, [s])]
        self.count = len(TONES) + 4 + len(self._alone) + len(model.spec.stains)

    def lines(self) -> Iterator[CardLine]:
        """Try one change after the other."""
        for number, (change, table) in enumerate(TONES.items()):
            pixels = table[self._pictures.plain]
            anew = self._kept(self._coded(pixels, [of[number] for of in self._changed]))
            as_before = self._kept(self._coded(pixels, self._own))
            yield CardLine(change=change, kept=anew, uncalibrated=as_before)
        for stain in self._alone:
            yield self._same(MISSING, self._without(stain), stain, without(self._model, [stain]))
        for stain in self._model.spec.stains:
            yield self._same(f"{OFF_PX} px off", self._off(stain), stain)
        moved: dict[str, Callable[[Tensor], Tensor]] = {
            "mirrored": lambda codes: codes.flip(3),
            "turned by a quarter": lambda codes: codes.rot90(1, (2, 3)),
        }
        for change, move in moved.items():
            yield self._same(change, move(self._codes))
        yield self._same(f"compressed as JPEG {JPEG_QUALITY}", self._coded(self._pictures.jpeg, self._own))
        yield self._same("slightly blurred", self._coded(self._pictures.blurred, self._own))

    def seen(self, calibrations: Sequence[Calibration]) -> Seen:
        """Say what the patches and the slides are like."""
        return Seen(
            distances=percentiles_of(unlikeness(self._model, self._codes)),
            without=medians_without(self._model, self._codes),
            **bands(self._model.spec.stains, calibrations),
        )

    def _same(
        self, change: str, codes: Tensor, stain: str | None = None, model: Model | None = None
    ) -> CardLine:
        """Try a change that the calibration has nothing to do with."""
        kept = self._kept(codes, model)
        return CardLine(change=change, stain=stain, kept=kept, uncalibrated=kept)

    def _kept(self, codes: Tensor, model: Model | None = None) -> float:
        encoder = self._encoder if model is None else Encoder(model, self._settings)
        return round(float((encoder.encode_pixels(codes).labels == self._labels).mean()), 4)

    def _coded(self, pixels: UInt8, tables: Sequence[UInt8]) -> Tensor:
        """Return the codes of patches, each by the table of its slide."""
        codes = torch.from_numpy(np.ascontiguousarray(pixels))
        if not self._calibrates:
            return codes
        out = torch.empty_like(codes)
        for number, table in enumerate(tables):
            rows = torch.from_numpy(np.flatnonzero(self._pictures.stack_index == number))
            out[rows] = calibrated(codes[rows], table)
        return out

    def _channels(self, stain: str) -> slice:
        first = 3 * self._model.spec.stains.index(stain)
        return slice(first, first + 3)

    def _without(self, stain: str) -> Tensor:
        codes = self._codes.clone()
        codes[:, self._channels(stain)] = 0 if self._calibrates else GLASS
        return codes

    def _off(self, stain: str) -> Tensor:
        pixels, own = self._pictures.plain.copy(), self._channels(stain)
        pixels[:, own] = self._pictures.off[:, own]
        return self._coded(pixels, self._own)
