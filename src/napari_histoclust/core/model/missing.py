"""Labels of slides that lack a stain: what the stains at hand let expect of a patch's place in the metric.

A missing stain is shown to the encoders as bare glass, which training has prepared them for, and what they
then say lies off the place that the whole patch would have. For Gaussian features the place expected given
what is seen is linear in it, so that a ridge regression from the features without the stain to the places
with it (Hoerl & Kennard 1970) is learned for every stain, and every two, from patches that trained. It takes
the place of the model's own mean and axes. n patches, s stains, f features, d axes, K clusters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.model.augment import inner
from napari_histoclust.core.model.bundle import GAP, Model
from napari_histoclust.core.model.confidence import Confidence, fit_confidence, squared_distances
from napari_histoclust.core.model.neighbours import NeighbourNetwork
from napari_histoclust.core.model.outliers import Familiar
from napari_histoclust.core.model.spec import ModelSpec

Float = NDArray[np.float64]
Rows = NDArray[np.int64]

MOST_MISSING = 2
"""Stains that a slide may lack: what is left of five without three is another tissue's picture."""

PATCHES = (1000, 500)
"""Patches that the regression is learned from, for one stain and for two; four times as many gain 0.004."""

_RIDGE = 1e-3
"""Penalty, in units of a feature's variance."""

_CHUNK = 256
_OWN = ("mean", "axes", "temperature", "lapse")


@dataclass(frozen=True, eq=False)
class Samples:
    """Patches from which is learned to do without a stain.

    Parameters
    ----------
    pixels : (p, 3 s, i + 2 m, i + 2 m) uint8 tensor
        Codes with what lies around them.
    input_px : int
        i.
    training, held_out : (n,) int64
        Rows that the regression and the confidence are learned from.
    """

    pixels: Tensor
    input_px: int
    training: Rows
    held_out: Rows


class _Features:
    """Features of patches of which some stains are bare glass.

    An encoder that looks at each stain by itself is asked once: a stain's numbers are then replaced by those
    of glass.
    """

    def __init__(
        self, network: NeighbourNetwork, samples: Samples, device: torch.device, stains_apart: bool
    ) -> None:
        self._encoder, self._samples, self._device = network.encoders.eval(), samples, device
        self._encoder.ready(device)
        self._apart = stains_apart
        self._measured: dict[bytes, Tensor] = {}
        self.stains = samples.pixels.shape[1] // 3

    @torch.inference_mode()
    def __call__(self, gap: Sequence[int], rows: Rows) -> Float:
        measured = self._without(gap, rows) if self._apart else self._measure(self._codes(gap, rows))
        condensed: Tensor = self._encoder.condense(measured)
        return np.asarray(condensed.cpu().double().numpy())

    def _codes(self, gap: Sequence[int], rows: Rows) -> Tensor:
        codes = inner(self._samples.pixels[torch.from_numpy(rows)], self._samples.input_px).clone()
        for stain in gap:
            codes[:, 3 * stain : 3 * stain + 3] = 0
        return codes

    def _measure(self, codes: Tensor) -> Tensor:
        encoder = self._encoder
        chunks = torch.split(codes, encoder.chunk or _CHUNK)
        return torch.cat([encoder.measure(chunk.to(self._device).float() / encoder.unit) for chunk in chunks])

    def _without(self, gap: Sequence[int], rows: Rows) -> Tensor:
        if rows.tobytes() not in self._measured:
            self._measured[rows.tobytes()] = self._measure(self._codes((), rows))
        glass = self._measure(self._codes(range(self.stains), rows[:1]))
        measured = self._measured[rows.tobytes()].clone()
        width = measured.shape[1] // self.stains
        for stain in gap:
            own = slice(stain * width, (stain + 1) * width)
            measured[:, own] = glass[:, own]
        return measured


def learn_gaps(
    network: NeighbourNetwork, samples: Samples, device: torch.device, *, stains_apart: bool = False
) -> Job[dict[str, Tensor]]:
    """Learn what takes the place of the model's mean, axes and confidence where stains are missing.

    Parameters
    ----------
    network : NeighbourNetwork
        With its metric and its clusters.
    samples : Samples
    device : torch.device
        Where the network is.
    stains_apart : bool
        Whether the encoder looks at each stain by itself, and says stain after stain what it sees.

    Returns
    -------
    dict
        "without_1_3.mean" and so on: for each set of stains, by their numbers.
    """
    features_of = _Features(network, samples, device, stains_apart)
    training, held_out = samples.training, samples.held_out
    own = {name: getattr(network, name).double().cpu().numpy() for name in (*_OWN, "centres")}
    sure_of_whole = Confidence(float(own["temperature"]), float(own["lapse"]))
    found: dict[str, Tensor] = {}
    gaps = list(gaps_of(features_of.stains))
    watching = held_out if len(held_out) >= 2 * len(own["centres"]) else training[: PATCHES[-1]]
    rows_of = [training[:count] for count in PATCHES]
    whole = _places(features_of((), rows_of[0]), own["mean"], own["axes"])
    watched = _places(features_of((), watching), own["mean"], own["axes"])
    for number, gap in enumerate(gaps):
        yield Progress("Learning to do without a stain", number, len(gaps))
        rows = rows_of[len(gap) - 1]
        mean, axes = ridge(features_of(gap, rows), whole[: len(rows)])
        seen = _places(features_of(gap, watching), mean, axes)
        sure = _confidence(seen, watched, own["centres"], sure_of_whole)
        learned = (mean, axes, np.array(sure.temperature), np.array(sure.lapse))
        found |= {
            key(gap, name): torch.from_numpy(value).float() for name, value in zip(_OWN, learned, strict=True)
        }
    return found


def _places(features: Float, mean: Float, axes: Float) -> Float:
    return np.asarray((features - mean) @ axes)


def gaps_of(stains: int) -> Iterator[tuple[int, ...]]:
    """Return the sets of stains that may be missing, by their numbers; one stain at least is left."""
    for size in range(1, min(MOST_MISSING, stains - 1) + 1):
        yield from combinations(range(stains), size)


def key(gap: Sequence[int], name: str) -> str:
    """Return the name in a bundle of what takes the place of `name` where the stains `gap` are missing."""
    return f"{GAP}{'_'.join(map(str, gap))}.{name}"


def without(model: Model, missing: Sequence[str]) -> Model:
    """Return the model for slides that lack the stains `missing`, which it is shown as bare glass.

    Raises
    ------
    HistoclustError
        If it cannot do without them.
    """
    if not missing:
        return model
    check_gap(model, missing, "The slide")
    gap = _gap(model.spec, missing)
    replaced = {name: model.gaps[key(gap, name)] for name in _OWN}
    familiar = Familiar.of(model.state)
    if familiar is not None:  # else every patch without the stain would be an outlier
        blind = familiar.blind_to([model.spec.stains.index(stain) for stain in missing])
        replaced["familiar_axes"] = blind.axes
    return replace(model, state={**model.state, **replaced}, gaps={})


def can_do_without(model: Model, missing: Sequence[str]) -> bool:
    """Whether the model has learned to do without the stains `missing`."""
    return key(_gap(model.spec, missing), "mean") in model.gaps


def check_gap(model: Model, missing: Sequence[str], slide: str) -> None:
    """Raise HistoclustError, naming the slide, where the model cannot do without the stains `missing`."""
    if not missing or can_do_without(model, missing):
        return
    start = f"{slide}: lacks {' and '.join(missing)}, and"
    if model.spec.architecture == "conv_im_4":
        raise HistoclustError(
            f"{start} the paper's network cannot do without a stain: add the image, or fit a model with the "
            "preset robust."
        )
    if not model.gaps:
        raise HistoclustError(
            f"{start} this model has not learned to do without: add the image, or fit the model again."
        )
    raise HistoclustError(
        f"{start} a slide may lack {MOST_MISSING} of the model's stains at most and must hold one: add the "
        "images."
    )


def _gap(spec: ModelSpec, missing: Sequence[str]) -> tuple[int, ...]:
    return tuple(number for number, stain in enumerate(spec.stains) if stain in missing)


def ridge(features: Float, places: Float) -> tuple[Float, Float]:
    """Return (f,) mean and (f, d) axes with which ``(features - mean) @ axes`` is nearest to the places.

    Parameters
    ----------
    features : (n, f) float64
        Each is scaled to the variance 1 for the penalty.
    places : (n, d) float64
    """
    centre, level = features.mean(axis=0), places.mean(axis=0)
    spread = features.std(axis=0) + 1e-6 * max(1e-12, float(features.std()))
    scaled = (features - centre) / spread
    normal = scaled.T @ scaled + _RIDGE * len(scaled) * np.eye(scaled.shape[1])
    axes = np.linalg.solve(normal, scaled.T @ (places - level)) / spread[:, None]
    return centre - level @ np.linalg.pinv(axes), axes


def _confidence(seen: Float, whole: Float, centres: Float, own: Confidence) -> Confidence:
    """Fit confidence so that it tells how probable the whole patch makes the label without the stains.

    Parameters
    ----------
    seen, whole : (n, d) float64
        Places without the stains and with them.
    centres : (K, d) float64
    own : Confidence
        The model's.
    """
    here = squared_distances(seen, centres)
    sure = own.probabilities(squared_distances(whole, centres))
    return fit_confidence(here, sure[np.arange(len(here)), here.argmin(axis=1)])
