"""Training as a job: epochs, stages, history, checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_histoclust.core.config import FitSettings
from napari_histoclust.core.errors import SettingError
from napari_histoclust.core.jobs import Job, Progress
from napari_histoclust.core.model.bundle import Model, empty_network
from napari_histoclust.core.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from napari_histoclust.core.model.devices import choose_device, on_card, readable_memory_errors
from napari_histoclust.core.model.encoder import encoder_of
from napari_histoclust.core.model.find_clusters import find_clusters
from napari_histoclust.core.model.identity import checksum_of, checksum_of_pixels, settings_identity
from napari_histoclust.core.model.missing import learn_gaps
from napari_histoclust.core.model.neighbour_trainer import NeighbourTrainer
from napari_histoclust.core.model.neighbours import NeighbourNetwork
from napari_histoclust.core.model.network import Network
from napari_histoclust.core.model.spec import ModelSpec
from napari_histoclust.core.model.trainer import Parts, Stage, Trainer
from napari_histoclust.core.model.training_patches import TrainingPatches

_RECORDS = 400
"""Epochs recorded at most: the authors recorded every tenth of 4,000."""

SAVE_EVERY_S = 10.0

_CLASSIFIER_FROM, _WHOLE_FROM = 0.25, 0.75
"""Shares of the epochs after which the staged schedule goes on to its next stage.

The classifier gets half: on 1,800 patches of the paper's slide its assignments still sharpened after 800
steps, and a step of it, which needs no gradient of the encoder, costs a quarter of a step of the whole.
"""
_SPLIT, _ORDER, _VIEWS, _HELD_OUT = range(4)


def train(
    pixels: Tensor | NDArray[np.uint8],
    spec: ModelSpec,
    settings: FitSettings,
    checkpoint: Path | None = None,
    places: NDArray[np.float64] | None = None,
) -> Job[Model]:
    """Train a model from random weights, or from where `checkpoint` stands.

    The same pixels and settings give the same weights bit by bit on one CPU, interrupted or not: weights
    at the start, split, order and views are drawn from (seed, epoch, step) alone.

    Parameters
    ----------
    pixels : (n, 3 s, i + 2 m, i + 2 m) uint8
        Patches as `resize_patches` gives them, each with m px of what lies around it, which may be none.
    spec : ModelSpec
        What the model will be; its settings and history are filled in.
    settings : FitSettings
    checkpoint : Path, optional
        File that keeps the state; written at the ends of epochs, at most every ten seconds, and at the end.
    places : (n, 3) float64, optional
        Slide, y and x of each patch, in sides of a patch: what confidence is measured by.

    Yields
    ------
    Progress
        After each step, with the parts of the loss.

    Raises
    ------
    HistoclustError
        If the patches are too few, the checkpoint is of another training, the graphics card is too small,
        or the loss is no longer a number.
    """
    if isinstance(pixels, np.ndarray):
        pixels = torch.from_numpy(np.require(pixels, requirements="W"))
    data = TrainingPatches.split(pixels, spec, settings, _draws(settings, _SPLIT))
    if settings.method == "neighbours" and encoder_of(spec.encoder).trainer is None:
        return (yield from _learn_frozen(data, spec, settings, places))
    with readable_memory_errors():
        course = yield from _start(data, spec, settings, checkpoint)
        data = replace(data, pixels=course.trainer.place(data.pixels))
        while course.epoch < settings.epochs:
            yield from _epoch(course, data)
            course.save(checkpoint, last=course.epoch == settings.epochs)
        solutions, gaps = None, {}
        if isinstance(course.trainer, NeighbourTrainer):
            trainer = course.trainer
            solutions, checked = yield from find_clusters(
                trainer.labels, data.pixels, data.training, settings.seed, trainer.device, places
            )
            spec = spec.model_copy(update={"reliability": checked.document()})
            gaps = yield from learn_gaps(trainer.labels, data.samples(), trainer.device)
    return replace(course.model(spec), solutions=solutions, gaps=gaps)


def _learn_frozen(
    data: TrainingPatches, spec: ModelSpec, settings: FitSettings, places: NDArray[np.float64] | None
) -> Job[Model]:
    """Find axes and clusters of an encoder that is not trained."""
    device = choose_device(settings)
    network = empty_network(spec)
    assert isinstance(network, NeighbourNetwork)
    network.to(device)
    pixels = on_card(data.pixels, device)
    with readable_memory_errors():
        solutions, checked = yield from find_clusters(
            network, pixels, data.training, settings.seed, device, places
        )
        gaps = yield from learn_gaps(network, data.samples(), device, stains_apart=True)
    described = spec.model_copy(update={"reliability": checked.document()})
    plain = _model(described, settings, network.state_dict(), ())
    return replace(plain, solutions=solutions, gaps=gaps)


def _model(
    spec: ModelSpec, settings: FitSettings, weights: Parts, history: Sequence[dict[str, float]]
) -> Model:
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    return Model(spec.model_copy(update={"settings": settings, "history": tuple(history)}), state)


@dataclass(eq=False)
class _Course:
    """A training under way."""

    trainer: Trainer | NeighbourTrainer
    settings: FitSettings
    fingerprint: str
    epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    saved_s: float = field(default_factory=time.monotonic)

    @property
    def stage(self) -> Stage:
        """Stage of the coming epoch."""
        done = self.epoch / self.settings.epochs
        if self.settings.schedule == "joint" or done >= _WHOLE_FROM:
            return "whole"
        return "autoencoder" if done < _CLASSIFIER_FROM else "classifier"

    def save(self, path: Path | None, *, last: bool) -> None:
        if path is None or not (last or time.monotonic() - self.saved_s > SAVE_EVERY_S):
            return
        trainer = self.trainer
        states = (trainer.network.state_dict(), trainer.optimiser.state_dict(), trainer.scaler.state_dict())
        save_checkpoint(Checkpoint(self.fingerprint, self.epoch, self.history, *states), path)
        self.saved_s = time.monotonic()

    def resume(self, saved: Checkpoint) -> None:
        self.epoch, self.history = saved.epoch, saved.history
        self.trainer.network.load_state_dict(saved.weights)
        self.trainer.optimiser.load_state_dict(saved.optimiser)
        self.trainer.scaler.load_state_dict(saved.scaler)

    def model(self, spec: ModelSpec) -> Model:
        return _model(spec, self.settings, self.trainer.weights(), self.history)


def _start(
    data: TrainingPatches, spec: ModelSpec, settings: FitSettings, checkpoint: Path | None
) -> Job[_Course]:
    yield Progress("Preparing the training")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = empty_network(spec)
    identity = "" if checkpoint is None else _identity(spec, settings, data.pixels)
    trainer = _trainer(network, spec, settings, data)
    course = _Course(trainer, settings, identity)
    saved = None if checkpoint is None else load_checkpoint(checkpoint, course.fingerprint)
    if saved is not None:
        course.resume(saved)
    return course


def _trainer(
    network: Network | NeighbourNetwork, spec: ModelSpec, settings: FitSettings, data: TrainingPatches
) -> Trainer | NeighbourTrainer:
    if not isinstance(network, NeighbourNetwork):
        return Trainer(network, settings, data.mean_colours())
    make = encoder_of(spec.encoder).trainer
    assert make is not None, "what is not trained has no course"
    return make(network, settings)


def _identity(spec: ModelSpec, settings: FitSettings, pixels: Tensor) -> str:
    # stages and cooling depend on how many epochs there will be; without them a training only runs longer
    constant = settings.method == "autoencoder" and not settings.cool_down
    prolongable = settings.schedule == "joint" and constant
    decided = settings_identity(settings, *(["epochs"] if prolongable else []))
    return checksum_of([decided, spec.stains, spec.clusters, spec.axes, checksum_of_pixels(pixels.numpy())])


def _epoch(course: _Course, data: TrainingPatches) -> Job[None]:
    """Pass once over the training patches, then look at those held out."""
    settings, trainer = course.settings, course.trainer
    stage = course.stage
    trainer.enter(stage)
    sums = _Mean()
    order = _draws(settings, _ORDER, course.epoch).permutation(data.training)
    steps = len(order) // settings.batch
    for step in range(steps):
        rows = order[step * settings.batch : (step + 1) * settings.batch]
        trainer.set_rate((course.epoch + step / steps) / settings.epochs)
        views: Any = trainer.views(len(rows), _draws(settings, _VIEWS, course.epoch, step))
        sums.add(trainer.step(data.pixels[torch.from_numpy(rows)], views, stage))
        yield _progress(course, step, steps, sums)
    _refuse_nan(sums.means(), course)
    held_out = _Mean()
    if _is_recorded(course.epoch, settings.epochs):
        yield from _measure(course, data, held_out)
        course.history.append(_record(course.epoch + 1, sums, held_out))
    course.epoch += 1


def _measure(course: _Course, data: TrainingPatches, sums: _Mean) -> Job[None]:
    settings = course.settings
    for number, start in enumerate(range(0, len(data.held_out), settings.batch)):
        rows = data.held_out[start : start + settings.batch]
        views: Any = course.trainer.views(len(rows), _draws(settings, _HELD_OUT, number))
        sums.add(course.trainer.measure(data.pixels[torch.from_numpy(rows)], views), len(rows))
        yield Progress("Measuring on held-out patches", start + len(rows), len(data.held_out))


def _draws(settings: FitSettings, *key: int) -> np.random.Generator:
    """Return the generator for one purpose, epoch and step."""
    return np.random.default_rng([settings.seed, *key])


def _is_recorded(epoch: int, epochs: int) -> bool:
    every = math.ceil(epochs / _RECORDS)
    return (epoch + 1) % every == 0 or epoch + 1 == epochs


class _Mean:
    """Running means of loss parts; they stay on the processor until asked for."""

    def __init__(self) -> None:
        self._sums: Parts = {}
        self._last: Parts = {}
        self._count = 0

    def add(self, parts: Parts, count: int = 1) -> None:
        self._last = parts
        self._count += count
        for name, part in parts.items():
            self._sums[name] = self._sums.get(name, 0) + part * count

    def means(self) -> dict[str, float]:
        return {name: float(total) / self._count for name, total in self._sums.items()}

    def last(self) -> dict[str, float]:
        return {name: float(part) for name, part in self._last.items()}


def _progress(course: _Course, step: int, steps: int, sums: _Mean) -> Progress:
    """Describe a step; a graphics card is asked for figures every 20 steps, since asking waits for it."""
    asked = course.trainer.device.type == "cpu" or step % 20 == 0
    done = course.epoch * steps + step + 1
    values = sums.last() if asked else {}
    if values:
        _refuse_nan(values, course)
    epoch = {"epoch": float(course.epoch + 1)}
    return Progress("Training", done, course.settings.epochs * steps, epoch | values)


def _refuse_nan(values: dict[str, float], course: _Course) -> None:
    if not all(math.isfinite(value) for value in values.values()):
        raise SettingError(
            "{learning_rate} {:g}: the loss is no longer a number in epoch {}, give a smaller learning rate "
            "or {precision} float32.",
            course.settings.learning_rate,
            course.epoch + 1,
        )


def _record(epoch: int, training: _Mean, held_out: _Mean) -> dict[str, float]:
    named = training.means() | {f"held_out_{name}": value for name, value in held_out.means().items()}
    return {"epoch": float(epoch)} | {name: float(f"{value:.6g}") for name, value in named.items()}
