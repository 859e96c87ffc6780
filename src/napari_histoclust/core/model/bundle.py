"""A trained model as a folder: weights in safetensors, everything else in one JSON file.

Nothing in it is ever unpickled, so that a bundle from a stranger can be opened.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from napari_histoclust.core.atomic import atomic_folder, check_place, read_json, write_json
from napari_histoclust.core.errors import HistoclustError
from napari_histoclust.core.model.encoder import UNITS, encoder_of
from napari_histoclust.core.model.neighbours import OPTIONAL, NeighbourNetwork
from napari_histoclust.core.model.network import Network
from napari_histoclust.core.model.solutions import PREFIX, WEIGHTS, Solutions, load_solutions
from napari_histoclust.core.model.spec import FORMATS, ModelSpec

_WEIGHTS, _SPEC = WEIGHTS, "model.json"
_CHECKSUM = "weights_sha256"  # in the document; a bundle of an older version has none
GAP = "without_"
"""How the names of the tensors begin that are for slides without a stain (`core/model/missing.py`)."""


@dataclass(frozen=True, eq=False)
class Model:
    """A specification and the weights that belong to it.

    Attributes
    ----------
    spec : ModelSpec
    state : Mapping of str to Tensor
        Weights by the names of `napari_histoclust.core.model.network.Network`, on the CPU, float32.
    solutions : Solutions or None
        The clusters for every K; None of the paper's network, and of a bundle of a version without.
    gaps : Mapping of str to Tensor
        What takes the place of some of them on a slide that lacks stains: "without_1_3.mean" where those with
        the numbers 1 and 3 are missing. None of the paper's network, and of a bundle of a version without.
    """

    spec: ModelSpec
    state: Mapping[str, Tensor]
    solutions: Solutions | None = None
    gaps: Mapping[str, Tensor] = field(default_factory=dict)

    def checksum(self) -> str:
        """Return the SHA-256 of the weights and of how they are applied, not of how they came about."""
        digest = hashlib.sha256()
        came_about = {"settings", "history", "created", "source", "reliability", "card", "seen"}
        later = {1: {"encoders", "latent", "encoder", "frozen"}, 2: {"encoder", "frozen"}}
        applied = self.spec.model_dump(mode="json", exclude=came_about | later.get(self.spec.format, set()))
        if self.spec.frozen is not None:
            del applied["encoder"]  # the network is known by its checksum, wherever its file lies
        digest.update(json.dumps(applied, sort_keys=True).encode())
        tensors = _tensors(self)
        for name in sorted(tensors):
            digest.update(name.encode())
            digest.update(tensors[name].numpy().tobytes())
        return digest.hexdigest()

    def network(self) -> Network | NeighbourNetwork:
        """Build the network with these weights, ready to be applied (evaluation mode)."""
        network = empty_network(self.spec)
        initial = network.state_dict()
        older = {name: initial[name] for name in OPTIONAL if name in initial}
        network.load_state_dict(older | dict(self.state))
        return network.eval()


def empty_network(spec: ModelSpec) -> Network | NeighbourNetwork:
    """Build the network that `spec` describes, with random weights from PyTorch's global generator."""
    if spec.architecture == "neighbours_3":
        record = encoder_of(spec.encoder)
        encoder = record.make(spec)
        encoder.unit = UNITS[record.needs]
        return NeighbourNetwork(encoder, spec.clusters, spec.latent, len(spec.stains))
    return Network(len(spec.stains), spec.clusters, spec.input_px)


def save_model(model: Model, folder: Path) -> None:
    """Write a bundle, whole or not at all; where the same model lies already nothing is done.

    Raises
    ------
    HistoclustError
        If the folder holds another model or something else, or the disk refuses.
    """
    from safetensors.torch import save

    if _holds(folder, model):
        return
    with atomic_folder(folder) as partial:
        partial.mkdir()
        # through Python's own writing, whose errors say what the disk refused
        weights = save(_tensors(model))
        (partial / _WEIGHTS).write_bytes(weights)
        noted = {_CHECKSUM: hashlib.sha256(weights).hexdigest()}
        write_json(partial / _SPEC, model.spec.model_dump(mode="json") | noted)


def _tensors(model: Model) -> dict[str, Tensor]:
    """Return all that the file of weights holds: the network's, those for gaps, then the solutions."""
    solutions = {} if model.solutions is None else model.solutions.tensors()
    weights = {name: tensor.contiguous() for name, tensor in {**model.state, **model.gaps}.items()}
    return weights | {name: torch.from_numpy(array) for name, array in solutions.items()}


def _holds(folder: Path, model: Model) -> bool:
    """Whether this very model lies in `folder`; nothing does where the folder is new or empty.

    Raises
    ------
    HistoclustError
        If something else lies there: a trained model is hours of work and is never replaced.
    """
    check_place(folder)
    if not folder.exists():
        return False
    if not folder.is_dir():
        raise HistoclustError(f"{folder}: is a file, give the name of a folder for the model.")
    seen = [child.name for child in folder.iterdir() if not child.name.startswith(".")]
    strange = sorted(set(seen) - {_WEIGHTS, _SPEC})
    if strange:
        raise HistoclustError(
            f"{folder}: holds something else ({strange[0]}), give a new or empty folder for the model."
        )
    if not seen:
        return False
    if load_model(folder).checksum() != model.checksum():
        raise HistoclustError(
            f"{folder}: holds another model, give a new or empty folder for the model, or delete this one."
        )
    return True


def load_model(folder: Path) -> Model:
    """Read a bundle.

    Raises
    ------
    HistoclustError
        If it is no bundle, of a newer format, or damaged.
    """
    folder = Path(folder)
    if not (folder / _SPEC).is_file() or not (folder / _WEIGHTS).is_file():
        raise HistoclustError(
            f"{folder}: is not a model, expected a folder with {_SPEC} and {_WEIGHTS} as `fit` writes it."
        )
    spec = load_spec(folder)
    tensors = _read_weights(folder / _WEIGHTS, read_json(folder / _SPEC).get(_CHECKSUM))
    gaps = {name: tensor for name, tensor in tensors.items() if name.startswith(GAP)}
    apart = (GAP, PREFIX)
    state = {name: tensor for name, tensor in tensors.items() if not name.startswith(apart)}
    check_state(state, spec, str(folder / _WEIGHTS))
    for name in gaps:
        _check_gap(name, gaps, state, str(folder / _WEIGHTS))
    return Model(spec, state, load_solutions(folder), gaps)


def load_spec(folder: Path) -> ModelSpec:
    """Read the description of a bundle, without its weights.

    Raises
    ------
    HistoclustError
        If it is missing, of a newer format, or damaged.
    """
    path = folder / _SPEC
    document: Any = read_json(path)
    number = document.get("format") if isinstance(document, dict) else None
    if number not in FORMATS:
        raise HistoclustError(
            f"{path}: model format {number} is unknown to this version, which reads formats "
            f"{FORMATS[0]} to {FORMATS[-1]}: update napari-histoclust or fit the model again."
        )
    try:
        spec = ModelSpec.model_validate({k: v for k, v in document.items() if k != _CHECKSUM})
        _check_encoder(spec, path)
        return spec
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise HistoclustError(
            f"{path}: entry {where}: {first['msg']}, fit or import the model again."
        ) from error


def _check_encoder(spec: ModelSpec, path: Path) -> None:
    try:
        is_frozen = encoder_of(spec.encoder).identify is not None
    except HistoclustError as error:
        raise HistoclustError(
            f"{path}: was made with the encoder {spec.encoder}, which this version does not know: update "
            "napari-histoclust or fit the model again."
        ) from error
    if is_frozen != (spec.frozen is not None):
        raise HistoclustError(f"{path}: entry frozen does not fit the encoder, fit the model again.")


def _read_weights(path: Path, noted: object) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        data = path.read_bytes()
        if noted is not None and hashlib.sha256(data).hexdigest() != noted:
            raise ValueError("it is not as it was written")
        state: dict[str, Tensor] = load(data)
    except (SafetensorError, OSError, ValueError, KeyError, MemoryError) as error:
        raise HistoclustError(f"{path}: is damaged ({error}), copy or fit the model again.") from error
    return state


def _check_gap(name: str, gaps: Mapping[str, Tensor], state: Mapping[str, Tensor], source: str) -> None:
    """Raise HistoclustError where what takes a weight's place is not of its shape."""
    replaced = name.partition(".")[2]
    if replaced not in state or state[replaced].shape != gaps[name].shape:
        raise HistoclustError(f"{source}: has an unknown weight {name}, it belongs to another network.")


def check_state(state: Mapping[str, Tensor], spec: ModelSpec, source: str) -> None:
    """Compare names, shapes and types of weights with the network that `spec` describes, and look for NaN.

    Raises
    ------
    HistoclustError
        At the first weight that is missing, too many, of another shape or kind of number, or no number;
        names `source`.
    """
    with torch.device("meta"):
        expected = empty_network(spec).state_dict()
    odd = sorted((set(expected) ^ set(state)) - (set(expected) & set(OPTIONAL)))
    if odd:
        trouble = "lacks" if odd[0] in expected else "has an unknown"
        raise HistoclustError(f"{source}: {trouble} weight {odd[0]}, it belongs to another network.")
    for name, tensor in expected.items():
        if name not in state:
            continue
        if tensor.shape != state[name].shape:
            raise HistoclustError(
                f"{source}: weight {name} is {tuple(state[name].shape)} where {len(spec.stains)} stains and "
                f"{spec.clusters} clusters need {tuple(tensor.shape)}."
            )
        if tensor.is_floating_point() != state[name].is_floating_point():
            raise HistoclustError(f"{source}: weight {name} is {state[name].dtype}, it was not trained so.")
        if not state[name].isfinite().all():
            raise HistoclustError(f"{source}: weight {name} holds NaN or infinity: copy or fit it again.")
